"""What a proof says of a chain, by example."""

from dataclasses import replace

import pytest

from petrosa_cio.audit.chain import Document, chained, hash_of, head_at
from petrosa_cio.audit.checkpoint import Signer
from petrosa_cio.audit.proof import MISFITS_TOLD, FaultKind, Outcome, Proof
from tests.chains import CHAIN, KEYS, chain_of, proof_of, signed


def rehashed(document: Document, **changes: object) -> Document:
    changed = document | changes
    return changed | {"hash": hash_of(changed)}


def test_a_whole_chain_is_proven_up_to_its_newest_checkpoint() -> None:
    chain = chain_of(5)
    proof = proof_of(chain, [signed(chain[1]), signed(chain[3])])
    assert (proof.records, proof.checkpoints, proof.proven_until) == (5, 2, 4)
    assert proof.outcome() is Outcome.PROVEN
    assert proof.outcome(4) is Outcome.PROVEN
    assert proof.outcome(5) is Outcome.UNPROVEN


def test_nothing_is_proven_without_a_checkpoint() -> None:
    assert proof_of(chain_of(3), []).outcome() is Outcome.UNPROVEN
    assert proof_of([], []).outcome() is Outcome.UNPROVEN


def test_nothing_is_proven_without_a_key() -> None:
    chain = chain_of(3)
    proof = proof_of(chain, [signed(chain[2])], keys={})
    assert (proof.unsigned, proof.outcome()) == (1, Outcome.UNPROVEN)


@pytest.mark.parametrize(
    ("damage", "kind", "seq"),
    [
        (lambda c: [*c[:2], *c[3:]], FaultKind.MISSING, 3),
        (lambda c: [c[0], *c[3:]], FaultKind.MISSING, 2),
        (lambda c: c[1:], FaultKind.MISSING, 1),
        (lambda c: [*c[:2], c[2] | {"symbol": "X"}, *c[3:]], FaultKind.CHANGED, 3),
        (lambda c: [*c[:2], c[2] | {"hash": "f" * 64}, *c[3:]], FaultKind.CHANGED, 3),
        (lambda c: [*c[:2], c[2] | {"hash": None}, *c[3:]], FaultKind.CHANGED, 0),
        (lambda c: [*c[:2], rehashed(c[2], symbol="X"), *c[3:]], FaultKind.CHANGED, 3),
        (lambda c: [*c, c[4] | {"_id": "again"}], FaultKind.DUPLICATED, 5),
        (
            lambda c: [*c[:1], c[2] | {"seq": 2}, c[1] | {"seq": 3}, *c[3:]],
            FaultKind.REORDERED,
            2,
        ),
    ],
)
def test_the_first_fault_is_told(damage, kind, seq) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    chain = chain_of(5)
    proof = proof_of(damage(chain), [signed(chain[4])])
    assert proof.first_fault
    assert (proof.first_fault.kind, proof.first_fault.seq) == (kind, seq)
    assert proof.outcome() is Outcome.BROKEN
    assert proof.proven_until == 0


def test_a_record_that_comes_too_late_is_out_of_order() -> None:
    proof = Proof(CHAIN, KEYS)
    for one in (chain := chain_of(3))[0], chain[2], chain[1]:
        proof.take(one)
    assert proof.faults == 2
    assert proof.first_fault
    assert proof.first_fault.kind is FaultKind.MISSING


def test_a_chain_made_anew_does_not_fit_its_checkpoints() -> None:
    chain = chain_of(5)
    forged = chained(head_at(chain[1]), [{"_id": f"forged{place}"} for place in range(3)])
    proof = proof_of([*chain[:2], *forged], [signed(chain[1]), signed(chain[3])])
    assert (proof.faults, proof.misfits) == (0, 1)
    assert proof.told[0].detail == "record 4 has another hash"
    assert proof.outcome() is Outcome.BROKEN


def test_what_was_cut_off_is_missed() -> None:
    chain = chain_of(5)
    proof = proof_of(chain[:3], [signed(chain[1]), signed(chain[4])])
    assert [one.detail for one in proof.told] == ["record 5 is not there"]
    assert proof.outcome() is Outcome.BROKEN
    proof = proof_of(chain[:3], [])
    proof.end(5)
    assert proof.first_fault
    assert (proof.first_fault.kind, proof.first_fault.seq) == (FaultKind.MISSING, 4)


def test_a_checkpoint_of_a_stranger_does_not_fit() -> None:
    chain = chain_of(2)
    good = signed(chain[1])
    stranger = Signer(b"x" * 32)
    cases = {
        "it is signed with a key that is not known": stranger.sign(
            CHAIN, head_at(chain[1]), good.at
        ),
        "its signature is not that of its key": replace(
            stranger.sign(CHAIN, head_at(chain[1]), good.at), key_id=good.key_id
        ),
        "it is one of the chain other": replace(good, chain="other"),
        "its signature is not that": replace(good, signature="no base64!"),
    }
    for detail, odd in cases.items():
        [told] = proof_of(chain, [odd]).told
        assert told.detail.startswith(detail)


def test_only_so_many_misfits_are_told() -> None:
    chain = chain_of(1)
    odd = [replace(signed(chain[0]), chain="other")] * (MISFITS_TOLD + 5)
    proof = proof_of(chain, odd)
    assert (proof.misfits, len(proof.told)) == (MISFITS_TOLD + 5, MISFITS_TOLD)
