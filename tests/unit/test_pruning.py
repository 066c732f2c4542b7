"""What may be deleted, what never is, and deaths between any two steps."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from petrosa_cio.audit.beginning import read_beginning, sign_beginning
from petrosa_cio.audit.checkpoint import Signer
from petrosa_cio.audit.holds import Held, hold_change, release_change, release_id
from petrosa_cio.audit.manifest import manifest_hash
from petrosa_cio.audit.proof import Outcome
from petrosa_cio.audit.pruning import Plan, Rules, carry_out, plan
from petrosa_cio.audit.record import change_record
from petrosa_cio.audit.verify import Asked, prove
from petrosa_cio.errors import RecordRefused, Unavailable
from petrosa_cio.ports import Head
from tests.archives import MemoryArchive, MemoryRecord, MemoryShelf, archived
from tests.chains import CHAIN, KEYS, SIGNER, signed
from tests.records import NOON, verdict_line

OLD = NOON.replace(year=2020)
BEFORE = NOON.replace(year=2021)
RULES = Rules(CHAIN, KEYS, BEFORE)


def nobody(_done: int, _of: int) -> None:
    """Is told nothing."""


def record_of(*, old: int = 8, young: int = 4, poisoned: int = 3) -> MemoryRecord:
    """Return a record with checkpoints after every fourth, of which one line does not read."""
    record = MemoryRecord()
    for place in range(1, old + young + 1):
        line = b"odd" if place == poisoned else verdict_line(f"d{place}")
        record.store(line, at=OLD if place <= old else NOON)
        if place % 4 == 0:
            record.sign()
    return record


async def archive_of(record: MemoryRecord, last: int = 8) -> MemoryArchive:
    shelf = MemoryShelf()
    return shelf.archives[(await archived(record, shelf, last)).name]


async def planned(record: MemoryRecord, archive: MemoryArchive, rules: Rules = RULES) -> Plan:
    return await plan(record, archive, rules, nobody)


async def pruned(record: MemoryRecord, archive: MemoryArchive, rules: Rules = RULES) -> int:
    chosen = await planned(record, archive, rules)
    return await carry_out(record, chosen, rules, SIGNER, NOON, nobody)


def hold(record: MemoryRecord, hold_id: str, held: Held) -> None:
    change = hold_change(hold_id, held, author="counsel", reason="inquiry")
    record.store(change_record(hold_id, change, at=NOON, fund=CHAIN))


def release(record: MemoryRecord, hold_id: str) -> None:
    change = release_change(hold_id, author="chief", reason="closed")
    record.store(change_record(release_id(hold_id), change, at=NOON, fund=CHAIN))


async def test_what_is_archived_and_old_goes_and_the_rest_is_proven() -> None:
    record = record_of()
    archive = await archive_of(record)
    assert await pruned(record, archive) == 8
    assert [one["seq"] for one in record.traces] == [9, 10, 11, 12]
    assert (record.aside, [one["seq"] for one in record.checkpoints_kept]) == ({}, [12])
    proof = await record.proof()
    assert (proof.outcome(12), proof.archived_until, proof.records) == (Outcome.PROVEN, 8, 4)
    [stated] = map(read_beginning, record.beginnings.values())
    assert (stated.seq, stated.head.hash) == (8, record.traces[0]["prev_hash"])


async def test_the_statement_names_the_archive() -> None:
    record = record_of()
    archive = await archive_of(record)
    manifest = (await planned(record, archive)).manifest
    await pruned(record, archive)
    [stated] = map(read_beginning, record.beginnings.values())
    assert stated.manifest_sha256 == manifest_hash(manifest)


async def test_it_may_be_repeated() -> None:
    record = record_of()
    archive = await archive_of(record)
    await pruned(record, archive)
    assert await pruned(record, archive) == 0
    assert (await planned(record, archive)).records == 0
    assert len(record.beginnings) == 1


async def test_the_next_archive_begins_where_the_record_does() -> None:
    record = record_of()
    await pruned(record, await archive_of(record))
    for place in range(13, 17):
        record.store(verdict_line(f"d{place}"))
    record.sign()
    following = await archive_of(record, 12)
    later = replace(RULES, before=NOON + timedelta(days=1))
    assert await pruned(record, following, later) == 4
    assert (await record.proof()).outcome(16) is Outcome.PROVEN


@pytest.mark.parametrize(
    ("before", "until", "why"),
    [
        (BEFORE, 8, "the archive ends there"),
        (OLD, 0, "record 1 is younger"),
        (NOON + timedelta(days=1), 8, "the archive ends there"),
    ],
)
async def test_only_what_is_old_goes(before: datetime, until: int, why: str) -> None:
    record = record_of()
    chosen = await planned(record, await archive_of(record), replace(RULES, before=before))
    assert (chosen.until.seq, chosen.why) == (until, why)


async def test_what_is_old_but_follows_something_younger_stays() -> None:
    record = record_of(old=3, young=1)
    for place in range(5, 13):
        record.store(verdict_line(f"d{place}"), at=OLD)
    record.sign()
    chosen = await planned(record, await archive_of(record, 12))
    assert (chosen.until.seq, chosen.why) == (3, "record 4 is younger")


async def test_the_end_by_which_all_is_proven_stays_whatever_its_age() -> None:
    record = record_of(old=8, young=0)
    chosen = await planned(record, await archive_of(record))
    assert chosen.until.seq == 7
    assert "newest one that is signed" in chosen.why
    await pruned(record, await archive_of(record))
    assert (await record.proof()).outcome(8) is Outcome.PROVEN


@pytest.mark.parametrize(
    ("held", "until"),
    [
        (Held(name="d6"), 5),
        (Held(strategy="other"), 8),
        (Held(symbol="BTCUSDT"), 0),
        (Held(since=NOON), 8),
        (Held(since=OLD), 0),
    ],
)
async def test_what_a_hold_names_stays_with_all_after_it(held: Held, until: int) -> None:
    record = record_of(poisoned=0)
    hold(record, "hold-1", held)
    archive = await archive_of(record)
    chosen = await planned(record, archive)
    assert chosen.until.seq == until
    assert ("is held by hold-1: inquiry" in chosen.why) is (until < 8)
    assert await pruned(record, archive) == until
    assert (await record.proof()).outcome() is Outcome.PROVEN


async def test_what_may_be_the_one_that_a_hold_names_stays() -> None:
    record = record_of(poisoned=3)
    hold(record, "hold-1", Held(strategy="other"))
    assert (await planned(record, await archive_of(record))).until.seq == 2


async def test_what_a_hold_named_goes_when_it_is_released() -> None:
    record = record_of()
    hold(record, "hold-1", Held(symbol="BTCUSDT"))
    archive = await archive_of(record)
    assert await pruned(record, archive) == 0
    release(record, "hold-1")
    assert await pruned(record, archive) == 8


async def test_a_hold_that_stands_keeps_its_own_record() -> None:
    record = record_of(old=2, young=0, poisoned=0)
    hold(record, "hold-1", Held(name="never"))
    for place in range(4, 9):
        record.store(verdict_line(f"d{place}"))
    record.sign()
    archive = await archive_of(record)
    chosen = await planned(record, archive, replace(RULES, before=NOON + timedelta(days=1)))
    assert chosen.until.seq == 2
    assert "record 3 is held by hold-1" in chosen.why


async def test_a_hold_that_comes_meanwhile_stops_it() -> None:
    record = record_of(poisoned=0)
    chosen = await planned(record, await archive_of(record))
    hold(record, "hold-1", Held(name="d6"))
    assert await carry_out(record, chosen, RULES, SIGNER, NOON, nobody) == 5
    assert record.traces[0]["_id"] == "d6"
    assert (await record.proof()).outcome(12) is Outcome.PROVEN
    again = await planned(record, await archive_of(record_of(poisoned=0)))
    assert again.left_over
    assert await carry_out(record, again, RULES, SIGNER, NOON, nobody) == 0
    release(record, "hold-1")
    assert await carry_out(record, again, RULES, SIGNER, NOON, nobody) == 3


async def test_holds_that_do_not_read_stop_everything() -> None:
    record = record_of()
    hold(record, "hold-1", Held(name="d6"))
    change = hold_change("hold-2", Held(), author="x", reason="x")
    line = change_record("hold-2", replace(change, value="{"), at=NOON, fund=CHAIN)
    record.store(line)
    with pytest.raises(RecordRefused):
        await planned(record, await archive_of(record))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda r, _: r.traces[9].update(verdict="deny"), "not proven"),
        (lambda r, _: r.traces.pop(2), "not proven"),
        (lambda r, _: r.checkpoints_kept.clear(), "not proven"),
        (lambda _, a: a.files.update({"records-000001.jsonl.gz": b""}), "the archive is not"),
        (lambda _, a: setattr(a, "sealed", None), "the manifest is missing"),
    ],
)
async def test_nothing_goes_where_anything_is_not_proven(
    damage: Callable[[MemoryRecord, MemoryArchive], None], why: str
) -> None:
    record = record_of()
    archive = await archive_of(record)
    damage(record, archive)
    with pytest.raises(RecordRefused, match=why):
        await planned(record, archive)
    assert record.beginnings == {}


async def test_nothing_goes_by_the_archive_of_another_record() -> None:
    record, other = record_of(), record_of(poisoned=5)
    with pytest.raises(RecordRefused, match="record 8 is not the one that was archived"):
        await planned(record, await archive_of(other))
    with pytest.raises(RecordRefused, match="one of main, not of other"):
        await planned(record, await archive_of(record), replace(RULES, chain="other"))
    with pytest.raises(RecordRefused, match="no known key"):
        await planned(record, await archive_of(record), replace(RULES, keys={}))


async def test_nothing_goes_by_an_archive_with_a_gap_before_it() -> None:
    record, older = record_of(), record_of()
    await pruned(older, await archive_of(older, 4))
    second = await archive_of(older, 8)
    with pytest.raises(RecordRefused, match="holds records 5 to 8, and the record begins with 1"):
        await planned(record, second)


@pytest.mark.parametrize("steps", range(13))
async def test_a_death_between_any_two_steps_is_made_good(steps: int) -> None:
    record = record_of()
    archive = await archive_of(record)
    record.dies_before = steps
    try:
        await pruned(record, archive)
    except Unavailable:
        assert steps < 11
    record.dies_before = None
    proof = await record.proof()
    assert (proof.outcome(12), proof.first_fault) == (Outcome.PROVEN, None)
    await pruned(record, archive)
    assert [one["seq"] for one in record.traces] == [9, 10, 11, 12]
    assert (record.aside, [one["seq"] for one in record.checkpoints_kept]) == ({}, [12])
    assert (await record.proof()).outcome(12) is Outcome.PROVEN


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"seq": 10}, "signature"),
        ({"hash": "f" * 64}, "signature"),
        ({"chain": "other"}, "one of the chain other"),
        ({"key_id": "x"}, "not known"),
        ({"signature": "x"}, "signature"),
        ({"seq": 0}, "no beginning"),
        ({"at": "noon"}, "no beginning"),
        ({"hash": None}, "no beginning"),
    ],
)
async def test_a_beginning_that_is_not_signed_is_none(changes: dict[str, object], why: str) -> None:
    record = record_of()
    await pruned(record, await archive_of(record))
    [name] = record.beginnings
    record.beginnings[name] = {**record.beginnings[name], **changes}
    proof = await record.proof()
    assert proof.outcome() is Outcome.BROKEN
    assert proof.first_fault
    assert why in proof.first_fault.detail


async def test_without_a_statement_what_is_gone_is_missing() -> None:
    record = record_of()
    await pruned(record, await archive_of(record))
    record.beginnings.clear()
    proof = await record.proof()
    assert proof.first_fault
    assert proof.first_fault.detail == "records 1 to 8 are not there"


async def test_a_key_that_nobody_named_does_not_move_the_beginning() -> None:
    record = record_of()
    stated = sign_beginning(Signer(b"x" * 32), CHAIN, Head(8, "f" * 64), "0" * 64, NOON)
    record.beginnings["odd"] = {name: getattr(stated, name) for name in stated.__slots__}
    assert (await record.proof()).outcome() is Outcome.BROKEN


async def test_checkpoints_that_were_kept_of_what_is_gone_are_not_compared() -> None:
    record = record_of()
    held = [signed(record.traces[3]), signed(record.traces[7]), signed(record.traces[9])]
    await pruned(record, await archive_of(record))
    proof = await prove(record, Asked(CHAIN, KEYS, held=held))
    assert (proof.outcome(), proof.earlier, proof.checkpoints) == (Outcome.PROVEN, 1, 3)
    forged = SIGNER.sign(CHAIN, Head(8, "f" * 64), NOON)
    assert (await prove(record, Asked(CHAIN, KEYS, held=[forged]))).outcome() is Outcome.BROKEN


async def test_a_part_is_proven_from_the_beginning_on() -> None:
    record = record_of()
    await pruned(record, await archive_of(record))
    for first, records in ((3, 4), (9, 4), (11, 2)):
        proof = await prove(record, Asked(CHAIN, KEYS, first=first))
        assert (proof.outcome(), proof.records) == (Outcome.PROVEN, records)
