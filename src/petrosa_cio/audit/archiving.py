"""Writes a stretch of the chain to an archive, proving it on the way and again when it is written.

What is proven is what is written: the records pass through the proof into the files. An archive
gets its name only when it was read back and proven; until then a run that ends leaves nothing that
counts, and the next one begins anew.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from petrosa_cio.audit.archive_files import (
    CHECKPOINTS,
    POISONED,
    RECORDS,
    ArchiveReader,
    ArchiveShelf,
    ArchiveWriter,
    file_of,
)
from petrosa_cio.audit.archive_proof import prove_archive
from petrosa_cio.audit.chain import GENESIS, whole_ms, written, written_instant
from petrosa_cio.audit.checkpoint import Signer
from petrosa_cio.audit.manifest import (
    ArchivedFile,
    Manifest,
    signed_manifest,
    written_manifest,
)
from petrosa_cio.audit.proof import Outcome, Proof
from petrosa_cio.audit.record import SCHEMA_VERSION
from petrosa_cio.audit.trace import POISONED as POISONED_KIND
from petrosa_cio.audit.verify import Asked, ProofSource, Told, prove, stated_beginning
from petrosa_cio.errors import RecordRefused

Fields = Mapping[str, Any]

RECORDS_A_FILE = 100_000


class ArchiveSource(ProofSource, Protocol):
    """The record as it is archived. Every method raises Unavailable."""

    def others(self) -> AsyncIterator[tuple[str, Sequence[bytes]]]:
        """Iterate over what else belongs to the record: a collection's name, and lines of JSON."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is to be archived: from the first record that the store must hold, up to another.

    Attributes:
        chain: The fund whose chain it is.
        keys: Public keys that may have signed, by their id; that of the signer among them.
        last: Position of the last record.
        is_signed: Whether a checkpoint must cover all of it. What is younger than the newest
            checkpoint is vouched for by the manifest's signature alone.
    """

    chain: str
    keys: Mapping[str, bytes]
    last: int
    is_signed: bool = True


@dataclass(frozen=True, slots=True)
class Archived:
    """An archive that is there.

    Attributes:
        name: Its name in its folder.
        manifest: What it says of itself.
        is_new: Whether it was made now.
    """

    name: str
    manifest: Manifest
    is_new: bool


def archive_name(chain: str, first: int, last: int) -> str:
    """Return the name of the archive of a stretch; names are in order as the stretches are."""
    return f"{chain}-{first:012d}-{last:012d}"


async def archive(
    source: ArchiveSource,
    shelf: ArchiveShelf,
    stretch: Stretch,
    signer: Signer,
    made: tuple[datetime, str],
    told: Told,
) -> Archived:
    """Write an archive, unless it is there and proven; return it.

    Args:
        source: The record.
        shelf: Where archives stand.
        stretch: What is to be archived.
        signer: The key that signs the manifest.
        made: The time, aware UTC, and the version of this program, for the manifest.
        told: Told now and then how many records were looked at, and of how many.

    Raises:
        RecordRefused: There is nothing to archive, the record is broken or not proven, or an
            archive of that name is there that is not proven.
        Unavailable: The store is away, or the disk is full or fails.
    """
    stated, _ = await stated_beginning(source, stretch.chain, stretch.keys)
    first = (stated.head if stated else GENESIS).seq + 1
    if first > stretch.last:
        raise RecordRefused(
            f"there is nothing to archive: from record {first} on none is old enough, or none that "
            "is old enough is covered by a checkpoint yet"
        )
    name = archive_name(stretch.chain, first, stretch.last)
    there = shelf.find(name)
    if there is not None:
        return Archived(name, _proven(there, stretch.keys, name), is_new=False)
    with shelf.begin() as writer:
        copying = _Copying(source, writer, stretch.last)
        proof = await prove(copying, Asked(stretch.chain, stretch.keys, last=stretch.last), told)
        _refuse_broken(proof, stretch)
        await copying.copy_checkpoints(first)
        async for kind, lines in source.others():
            writer.write(file_of(kind), lines)
        manifest = signed_manifest(copying.manifest(stretch.chain, made), signer)
        writer.seal(written_manifest(manifest))
        _proven(writer.written(), stretch.keys, name)
        writer.publish(name)
    return Archived(name, manifest, is_new=True)


def _proven(archive: ArchiveReader, keys: Mapping[str, bytes], name: str) -> Manifest:
    found = prove_archive(archive, keys)
    if found.manifest is None or found.outcome is not Outcome.PROVEN:
        why = "; ".join(found.told) or "no known key signed it"
        raise RecordRefused(f"the archive {name} is not what it should be: {why}")
    return found.manifest


def _refuse_broken(proof: Proof, stretch: Stretch) -> None:
    outcome = proof.outcome(stretch.last)
    if outcome is Outcome.BROKEN:
        fault = proof.first_fault
        where = f"record {fault.seq} is {fault.kind}" if fault else "a checkpoint does not fit"
        raise RecordRefused(f"the record is broken: {where}. See `cio audit verify`")
    if stretch.is_signed and outcome is not Outcome.PROVEN:
        raise RecordRefused(f"no checkpoint proves the record up to {stretch.last}")


class _Copying:
    """Hands a proof what a store holds, and writes it to an archive as it passes.

    A proof looks on to the next checkpoint; what lies beyond the stretch is not written.
    """

    def __init__(self, source: ProofSource, writer: ArchiveWriter, last: int) -> None:
        self._source = source
        self._writer = writer
        self._until = last
        self._records = 0
        self._signed_until = 0
        self._first: Fields | None = None
        self._final: Fields = {}
        self._asides: set[str] = set()

    async def beginning(self) -> Fields | None:
        return await self._source.beginning()

    async def last(self, since: int) -> int:
        return await self._source.last(since)

    async def signed_until(self) -> int:
        return await self._source.signed_until()

    async def without_place(self) -> Fields | None:
        return await self._source.without_place()

    async def records(self, first: int, last: int) -> AsyncGenerator[Sequence[Fields]]:
        async for page in self._source.records(first, last):
            kept = [one for one in page if one["seq"] <= self._until]
            for one in kept:
                file = file_of(RECORDS, self._records // RECORDS_A_FILE + 1)
                self._writer.write(file, _lines([one]))
                self._records += 1
            if kept:
                self._first, self._final = self._first or kept[0], kept[-1]
            # Added, as the page before may still be followed: a proof reads ahead.
            self._asides |= {str(one["aside"]) for one in kept if one.get("kind") == POISONED_KIND}
            yield page

    def checkpoints(self, first: int, last: int) -> AsyncIterator[Sequence[Fields]]:
        return self._source.checkpoints(first, last)

    async def poisoned(self, name: str) -> Fields | None:
        found = await self._source.poisoned(name)
        if found is not None and name in self._asides:
            self._asides.discard(name)
            self._writer.write(file_of(POISONED), _lines([found]))
        return found

    async def copy_checkpoints(self, first: int) -> None:
        """Write the checkpoints of the stretch; a proof looks at some of them twice."""
        async for page in self._source.checkpoints(first, self._until):
            self._writer.write(file_of(CHECKPOINTS), _lines(page))
            self._signed_until = page[-1]["seq"]

    def manifest(self, chain: str, made: tuple[datetime, str]) -> Manifest:
        """Close the files, and return what the archive says of itself, not signed yet."""
        lines, archive = self._writer.close(), self._writer.written()
        files = (ArchivedFile(name, *archive.measured(name), lines[name]) for name in sorted(lines))
        first, final, (at, version) = self._first or {}, self._final, made
        return Manifest(
            chain=chain,
            schema_version=SCHEMA_VERSION,
            code_version=version,
            made_at=written_instant(whole_ms(at)),
            first_seq=first["seq"],
            last_seq=final["seq"],
            records=self._records,
            prev_hash=first["prev_hash"],
            hash=final["hash"],
            first_journaled_at=written_instant(first["journaled_at"]),
            last_journaled_at=written_instant(final["journaled_at"]),
            signed_until=self._signed_until,
            files=tuple(files),
        )


def _lines(documents: Sequence[Fields]) -> Iterator[bytes]:
    """Yield documents as lines; one that has no form is left to the proof, which it breaks."""
    for document in documents:
        with suppress(ValueError):
            yield written(document)
