"""Chains and checkpoints for tests, short to ask for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from petrosa_cio.audit.chain import GENESIS, Document, chained, head_at
from petrosa_cio.audit.checkpoint import Checkpoint, Signer, key_id_of
from petrosa_cio.audit.proof import Proof
from tests.records import NOON

SIGNER = Signer(b"k" * 32)
KEYS = {key_id_of(SIGNER.public_key): SIGNER.public_key}
CHAIN = "main"


def chain_of(number: int) -> list[Document]:
    """Return a chain of so many small records."""
    return chained(
        GENESIS,
        (
            {"_id": f"d{place}", "kind": "verdict", "at": NOON, "codes": ["A"], "symbol": None}
            for place in range(1, number + 1)
        ),
    )


def signed(document: Mapping[str, Any], at: datetime = NOON) -> Checkpoint:
    """Return the checkpoint of a record."""
    return SIGNER.sign(CHAIN, head_at(document), at)


def proof_of(
    documents: Iterable[Mapping[str, Any]],
    checkpoints: Sequence[Checkpoint],
    keys: Mapping[str, bytes] = KEYS,
) -> Proof:
    """Return the proof of what a store holds, which hands it out by position."""
    proof, waiting = Proof(CHAIN, keys), sorted(checkpoints, key=lambda one: one.seq)
    for document in sorted(documents, key=lambda one: int(one["seq"])):
        while waiting and waiting[0].seq < document["seq"]:
            proof.judge(waiting.pop(0))
        proof.take(document)
    for checkpoint in waiting:
        proof.judge(checkpoint)
    return proof
