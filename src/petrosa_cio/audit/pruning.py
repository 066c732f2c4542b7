"""Deletes the oldest records from the store: only what is archived, old enough and held by nobody.

It only ever takes from the beginning of the chain, so that what stays is one chain still. First the
new beginning is stated and signed; from then on a proof begins after it. Then records go, the
oldest first. Whatever dies in between, the record is proven before and after, and the next run goes
on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from petrosa_cio.audit.archive_files import RECORDS, ArchiveReader
from petrosa_cio.audit.archive_proof import documents, prove_archive
from petrosa_cio.audit.beginning import sign_beginning
from petrosa_cio.audit.checkpoint import Signer
from petrosa_cio.audit.holds import BEYOND, PREFIX, Hold, read_holds
from petrosa_cio.audit.manifest import Manifest, manifest_hash
from petrosa_cio.audit.proof import Outcome, Proof
from petrosa_cio.audit.trace import POISONED
from petrosa_cio.audit.verify import Asked, ProofSource, Told, prove
from petrosa_cio.errors import RecordRefused
from petrosa_cio.ports import Head

Fields = Mapping[str, Any]


class PruneStore(ProofSource, Protocol):
    """The record as it is pruned. Every method raises Unavailable."""

    async def first(self) -> int:
        """Return the lowest position of a record; 0 where there is none."""

    async def hash_at(self, seq: int) -> str | None:
        """Return the hash that a record states, by its position; None where there is none."""

    async def changes(self, first: str, beyond: str) -> list[bytes]:
        """Return the records of changes whose identities lie in a range, as they were journaled."""

    async def state_beginning(self, name: str, fields: Fields) -> None:
        """Keep the statement of where the chain begins, once by its name."""

    async def remove(self, asides: Sequence[str], until: int) -> int:
        """Delete what was set aside under some names, then records up to a position.

        Returns:
            How many records were deleted.
        """

    async def remove_checkpoints(self, until: int) -> None:
        """Delete the checkpoints up to a position."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be deleted.

    Attributes:
        chain: The fund whose chain it is.
        keys: Public keys that may have signed, by their id.
        before: Only records that were journaled before this moment, and are about one before it.
    """

    chain: str
    keys: Mapping[str, bytes]
    before: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be deleted.

    Attributes:
        manifest: The archive that holds it.
        begin: Position of the first record that the store had to hold until now.
        until: The last record that may go; the one before ``begin`` where none may.
        left_over: Whether an earlier run left something that may go already.
        why: Why no more may go, in words.
    """

    manifest: Manifest
    begin: int
    until: Head
    left_over: bool
    why: str

    @property
    def records(self) -> int:
        """How many records may go that had to stay until now."""
        return self.until.seq - self.begin + 1


async def plan(store: PruneStore, archive: ArchiveReader, rules: Rules, told: Told) -> Plan:
    """Return what may be deleted. The whole record and the archive are proven first.

    Raises:
        RecordRefused: The archive or the record is not proven, or they do not belong together.
        Unavailable: The store is away, or the archive's disk fails.
    """
    manifest = _proven_manifest(archive, rules)
    proof = await prove(store, Asked(rules.chain, rules.keys), told)
    begin = proof.archived_until + 1
    newest = _newest_signed(proof)
    if not manifest.first_seq <= begin <= manifest.last_seq + 1:
        stretch = f"{manifest.first_seq} to {manifest.last_seq}"
        raise RecordRefused(
            f"the archive holds records {stretch}, and the record begins with {begin}"
        )
    is_there = begin <= manifest.last_seq
    if is_there and await store.hash_at(manifest.last_seq) != manifest.hash:
        raise RecordRefused(f"record {manifest.last_seq} is not the one that was archived")
    holds = await _standing(store)
    # What precedes the first is known: by the statement, or by the archive that begins there.
    until = Head(begin - 1, manifest.prev_hash if begin == manifest.first_seq else "")
    why = "the archive ends there"
    for trace in documents(archive, manifest, RECORDS):
        if trace["seq"] < begin:  # type: ignore[operator]
            continue
        stays = _why_it_stays(trace, rules.before, newest, holds)
        if stays:
            why = stays
            break
        until = Head(int(str(trace["seq"])), str(trace["hash"]))
    left_over = 0 < await store.first() < begin
    return Plan(manifest, begin, until, left_over, why)


async def carry_out(
    store: PruneStore, chosen: Plan, rules: Rules, signer: Signer, at: datetime, told: Told
) -> int:
    """Delete what was planned; return how many records went. May be repeated after a death.

    Holds are read anew before each page of records, and the first record that one names by then
    stays, with all after it.

    Raises:
        Unavailable: The store is away.
    """
    if chosen.records:
        manifest_sha256 = manifest_hash(chosen.manifest)
        stated = sign_beginning(signer, rules.chain, chosen.until, manifest_sha256, at)
        await store.state_beginning(f"{stated.seq}:{stated.key_id}", asdict(stated))
    first, last, gone = await store.first(), chosen.until.seq, 0
    if first == 0 or first > last:
        await store.remove_checkpoints(last)
        return 0
    async for page in store.records(first, last):
        holds = await _standing(store)
        free = _free_of(page, holds)
        if free:
            asides = [str(one["aside"]) for one in free if one["kind"] == POISONED]
            gone += await store.remove(asides, free[-1]["seq"])
            told(gone, last - first + 1)
        if len(free) < len(page):
            return gone
    await store.remove_checkpoints(last)
    return gone


def _proven_manifest(archive: ArchiveReader, rules: Rules) -> Manifest:
    found = prove_archive(archive, rules.keys)
    if found.manifest is None or found.outcome is not Outcome.PROVEN:
        why = "; ".join(found.told) or "no known key signed it"
        raise RecordRefused(f"the archive is not proven: {why}")
    if found.manifest.chain != rules.chain:
        raise RecordRefused(f"the archive is one of {found.manifest.chain}, not of {rules.chain}")
    return found.manifest


def _newest_signed(proof: Proof) -> int:
    """Return the position of the newest checkpoint of a record that is proven."""
    if proof.outcome() is not Outcome.PROVEN or proof.newest is None:
        raise RecordRefused("the record in the store is not proven. See `cio audit verify`")
    return proof.newest.seq


async def _standing(store: PruneStore) -> list[Hold]:
    records = await store.changes(PREFIX, BEYOND)
    try:
        return [one for one in read_holds(records) if one.released is None]
    except ValueError as error:
        raise RecordRefused(str(error)) from error


def _why_it_stays(trace: Fields, before: datetime, newest: int, holds: Sequence[Hold]) -> str:
    """Return why a record, and so all after it, may not be deleted; empty where it may."""
    seq = trace["seq"]
    if seq >= newest:
        return f"record {seq} is the newest one that is signed, by which the rest is proven"
    if trace["journaled_at"] >= before or trace["at"] >= before:
        return f"record {seq} is younger"
    for hold in holds:
        if hold.keeps(trace):
            return f"record {seq} is held by {hold.hold_id}: {hold.placed.reason}"
    return ""


def _free_of(page: Sequence[Fields], holds: Sequence[Hold]) -> Sequence[Fields]:
    """Return the records of a page that stand before the first that is held."""
    for index, trace in enumerate(page):
        if any(hold.keeps(trace) for hold in holds):
            return page[:index]
    return page
