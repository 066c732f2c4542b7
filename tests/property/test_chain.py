"""Whatever is done to a chain below a checkpoint is found, and nothing else is said to be wrong."""

from typing import Any

import bson
from bson.codec_options import CodecOptions
from hypothesis import assume, given
from hypothesis import strategies as st

from petrosa_cio.audit.chain import GENESIS, Document, chained, hash_of, head_at
from petrosa_cio.audit.proof import Outcome
from tests.chains import chain_of, proof_of, signed

LENGTH = st.integers(2, 12)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(),
    st.lists(st.text(), max_size=3),
    st.datetimes().map(
        lambda instant: instant.replace(
            microsecond=instant.microsecond // 1000 * 1000, tzinfo=bson.tz_util.utc
        )
    ),
)
ODD = VALUES | st.floats() | st.binary() | st.dictionaries(st.text(), st.text(), max_size=2)
RECORDS = st.dictionaries(
    st.text("abcdefgh_", min_size=1).filter(lambda name: name not in {"seq", "hash"}), VALUES
)

Chain = list[Document]


@given(st.lists(RECORDS, min_size=1, max_size=6))
def test_a_chain_is_whole_after_the_way_through_the_store(records: list[Document]) -> None:
    chain = chained(GENESIS, records)
    options = CodecOptions[dict[str, Any]](tz_aware=True)
    stored = [bson.decode(bson.encode(one), options) for one in chain]
    assert [one["hash"] for one in stored] == [hash_of(one) for one in stored]
    assert proof_of(stored, [signed(chain[-1])]).outcome(len(chain)) is Outcome.PROVEN


@given(RECORDS, RECORDS)
def test_different_records_have_different_hashes(one: Document, other: Document) -> None:
    def typed(record: Document) -> dict[str, object]:
        return {key: (type(value), value) for key, value in record.items()}

    assume(typed(one) != typed(other))
    assert hash_of(one) != hash_of(other)


@given(LENGTH, st.data())
def test_any_change_is_found(length: int, data: st.DataObject) -> None:
    chain = chain_of(length)
    place = data.draw(st.integers(0, length - 1))
    name = data.draw(st.sampled_from([*chain[place], "added"]))
    value = data.draw(ODD)
    was = chain[place].get(name, chain)
    assume((type(value), value) != (type(was), was))
    assume(name != "seq" or type(value) is int)  # by others the store does not find it
    damaged = [*chain[:place], chain[place] | {name: value}, *chain[place + 1 :]]
    assert_broken(damaged, chain)


@given(LENGTH, st.data())
def test_any_change_is_found_however_it_is_hashed_anew(length: int, data: st.DataObject) -> None:
    """Whoever can write the store and knows how hashes are made still lacks the key."""
    chain = chain_of(length)
    place = data.draw(st.integers(0, length - 1))
    before = GENESIS if place == 0 else head_at(chain[place - 1])
    changed = [chain[place] | {"symbol": "FORGED"}, *chain[place + 1 :]]
    assert_broken([*chain[:place], *chained(before, changed)], chain)


@given(LENGTH, st.data())
def test_any_removal_is_found(length: int, data: st.DataObject) -> None:
    chain = chain_of(length)
    gone = data.draw(st.sets(st.integers(0, length - 1), min_size=1))
    assert_broken([one for place, one in enumerate(chain) if place not in gone], chain)


@given(LENGTH, st.data())
def test_any_removal_is_found_however_the_rest_closes_up(length: int, data: st.DataObject) -> None:
    chain = chain_of(length)
    gone = data.draw(st.integers(0, length - 1))
    before = GENESIS if gone == 0 else head_at(chain[gone - 1])
    assert_broken([*chain[:gone], *chained(before, chain[gone + 1 :])], chain)


@given(LENGTH, st.data())
def test_any_swap_is_found(length: int, data: st.DataObject) -> None:
    chain = chain_of(length)
    one, other = data.draw(
        st.tuples(st.integers(0, length - 1), st.integers(0, length - 1)).filter(
            lambda pair: pair[0] < pair[1]
        )
    )
    swapped = list(chain)
    swapped[one] = chain[other] | {"seq": one + 1}
    swapped[other] = chain[one] | {"seq": other + 1}
    assert_broken(swapped, chain)
    before = GENESIS if one == 0 else head_at(chain[one - 1])
    assert_broken([*chain[:one], *chained(before, swapped[one:])], chain)


@given(LENGTH, st.data())
def test_any_duplicate_is_found(length: int, data: st.DataObject) -> None:
    chain = chain_of(length)
    place = data.draw(st.integers(0, length - 1))
    assert_broken([*chain, chain[place] | {"_id": "again"}], chain)
    assert_broken([*chain, chain[place]], chain)


@given(LENGTH, st.data())
def test_a_chain_cut_off_below_a_checkpoint_is_found(length: int, data: st.DataObject) -> None:
    chain = chain_of(length)
    assert_broken(chain[: data.draw(st.integers(0, length - 1))], chain)


@given(LENGTH, st.sets(st.integers(0, 11)))
def test_a_whole_chain_fits_every_checkpoint(length: int, places: set[int]) -> None:
    chain = chain_of(length)
    checkpoints = [signed(chain[place]) for place in places if place < length]
    proof = proof_of(chain, checkpoints)
    assert (proof.faults, proof.misfits, proof.checkpoints) == (0, 0, len(checkpoints))


def assert_broken(damaged: Chain, chain: Chain) -> None:
    """See that damage is found by the checkpoint of the last record."""
    assert proof_of(damaged, [signed(chain[-1])]).outcome() is Outcome.BROKEN
