"""Proves an archive, with no database: every file, the chain in it, and what is signed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge

from petrosa_cio.audit.archive_files import (
    CHECKPOINTS,
    POISONED,
    RECORDS,
    ArchiveReader,
    is_file_name,
    kind_of,
)
from petrosa_cio.audit.chain import Document, read_written
from petrosa_cio.audit.checkpoint import Checkpoint, read_checkpoint
from petrosa_cio.audit.manifest import Manifest, read_manifest, signature_fault
from petrosa_cio.audit.proof import Outcome, Proof
from petrosa_cio.audit.trace import POISONED as POISONED_KIND
from petrosa_cio.audit.verify import Told, is_kept
from petrosa_cio.ports import Head

TOLD_EVERY = 1_000


@dataclass(slots=True)
class ArchiveProof:
    """What is known of an archive.

    Attributes:
        manifest: What it says of itself; None where that does not read.
        proof: The chain in it, followed to its end; None where the files are not what was archived.
        faults: What is wrong with manifest and files, a sentence each.
        is_signed: Whether the manifest carries the signature of a known key.
        held: Checkpoints that were kept elsewhere and lie in it.
        outside: Checkpoints that were kept elsewhere and do not.
    """

    manifest: Manifest | None = None
    proof: Proof | None = None
    faults: list[str] = field(default_factory=list)
    is_signed: bool = False
    held: int = 0
    outside: int = 0

    @property
    def outcome(self) -> Outcome:
        """What came of it. Kept checkpoints that all lie outside of it prove nothing of it."""
        if self.faults or self.proof is None or self.proof.faults or self.proof.misfits:
            return Outcome.BROKEN
        is_compared = self.held > 0 or not self.outside
        return Outcome.PROVEN if self.is_signed and is_compared else Outcome.UNPROVEN

    @property
    def told(self) -> list[str]:
        """Return all that is wrong, a sentence each."""
        if self.proof is None:
            return self.faults
        fault = self.proof.first_fault
        broken = [f"record {fault.seq} is {fault.kind}: {fault.detail}"] if fault else []
        misfits = [
            f"the checkpoint of record {one.seq} does not fit: {one.detail}"
            for one in self.proof.told
        ]
        return [*self.faults, *broken, *misfits]


def _nobody(_done: int, _of: int) -> None:
    """Tell nobody."""


def prove_archive(
    archive: ArchiveReader,
    keys: Mapping[str, bytes],
    held: Sequence[Checkpoint] = (),
    told: Told = _nobody,
) -> ArchiveProof:
    """Look at every byte of an archive and say what came of it. Raises Unavailable.

    Where a file is not the one that was archived it is named, and what is in it is not looked at.

    Args:
        archive: The archive.
        keys: Public keys that may have signed, by their id.
        held: Checkpoints that were kept elsewhere.
        told: Told now and then how many records were looked at.
    """
    found = ArchiveProof()
    content = archive.manifest()
    if content is None:
        found.faults.append("the manifest is missing")
        return found
    try:
        manifest = found.manifest = read_manifest(content)
    except ValueError as error:
        found.faults.append(f"the manifest is not as it was written: {error}")
        return found
    wrong = signature_fault(manifest, keys)
    found.faults += [f"the manifest does not count: {wrong}"] if wrong else []
    found.is_signed = bool(keys) and not wrong
    found.faults += _file_faults(archive, manifest)
    if not found.faults:
        _follow(archive, manifest, keys, held, found, told)
    return found


def _file_faults(archive: ArchiveReader, manifest: Manifest) -> Iterator[str]:
    """Yield what is wrong with the files, before anything in them is read."""
    named, there = {one.name: one for one in manifest.files}, archive.names()
    for name in sorted(named.keys() - there):
        yield f"{name} is missing"
    for name in sorted(there - named.keys()):
        yield f"{name} does not belong to this archive"
    for name in sorted(named.keys() & there):
        if not is_file_name(name):
            yield f"{name} is no name of a file of an archive"
        elif archive.measured(name) != (named[name].sha256, named[name].bytes):
            yield f"{name} is not as it was archived"


def documents(archive: ArchiveReader, manifest: Manifest, kind: str) -> Iterator[Document]:
    """Iterate over the documents of a kind that an archive holds, in order.

    Raises:
        ValueError: One of them does not read.
        Unavailable: The disk fails.
    """
    for name in (one.name for one in manifest.files if kind_of(one.name) == kind):
        for line in archive.lines(name):
            yield read_written(line)


def _follow(
    archive: ArchiveReader,
    manifest: Manifest,
    keys: Mapping[str, bytes],
    held: Sequence[Checkpoint],
    found: ArchiveProof,
    told: Told,
) -> None:
    proof = found.proof = Proof(manifest.chain, keys, manifest.before)
    inside = [one for one in held if manifest.before.seq <= one.seq <= manifest.last_seq]
    found.held, found.outside = len(inside), len(held) - len(inside)
    own = map(read_checkpoint, documents(archive, manifest, CHECKPOINTS))
    checkpoints = merge(own, sorted(inside, key=_place), key=_place)
    aside = documents(archive, manifest, POISONED)
    try:
        _take_all(proof, documents(archive, manifest, RECORDS), checkpoints, aside)
        found.faults += _disagreements(proof, manifest, aside)
    except ValueError as error:
        found.faults.append(f"something in it does not read: {error}")
    told(proof.records, manifest.records)


def _place(checkpoint: Checkpoint) -> int:
    return checkpoint.seq


def _take_all(
    proof: Proof,
    records: Iterable[Document],
    checkpoints: Iterator[Checkpoint],
    aside: Iterator[Document],
) -> None:
    due = next(checkpoints, None)
    for record in records:
        # All that stand before this record are compared with the one that came before it.
        while due is not None and due.seq <= proof.head.seq:
            proof.judge(due)
            due = next(checkpoints, None)
        proof.take(record)
        if record.get("kind") == POISONED_KIND:
            kept = next(aside, None) or {}
            if kept.get("_id") != record.get("aside") or not is_kept(kept, record):
                proof.not_aside(record)
    while due is not None:
        proof.judge(due)
        due = next(checkpoints, None)


def _disagreements(proof: Proof, manifest: Manifest, aside: Iterator[Document]) -> Iterator[str]:
    """Yield where what is in the files is not what the manifest says of them."""
    if proof.head != Head(manifest.last_seq, manifest.hash):
        yield f"it ends with record {proof.head.seq}, not with record {manifest.last_seq} as stated"
    if proof.records != manifest.records:
        yield f"it holds {proof.records} records, not {manifest.records} as stated"
    if next(aside, None) is not None:
        yield "it holds bytes that no record of it names"
