"""Puts an archive back into an empty store, and proves that it says what it said.

Checkpoints go first: where it breaks off in the middle, the record is shorter than what is signed,
so that nothing is signed on top of it and every proof says that records are missing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar

from petrosa_cio.audit.archive_files import CHECKPOINTS, POISONED, RECORDS, ArchiveReader, kind_of
from petrosa_cio.audit.archive_proof import documents, prove_archive
from petrosa_cio.audit.manifest import Manifest
from petrosa_cio.audit.proof import Outcome, Proof
from petrosa_cio.audit.verify import Asked, ProofSource, Told, prove
from petrosa_cio.errors import RecordRefused
from petrosa_cio.ports import Head

T = TypeVar("T")

Fields = Mapping[str, Any]

PAGE = 1_000
PAGE_OF_POISONED = 1
"""What is set aside may be megabytes long."""


class RestoreStore(ProofSource, Protocol):
    """The store that is filled. Every method raises Unavailable."""

    async def prepare(self) -> list[str]:
        """Make sure of collections, schemas and indexes. Raises Misconfigured where it cannot."""

    async def content(self) -> list[str]:
        """Return the names of the collections of the record that hold anything."""

    async def put(self, kind: str, documents: Sequence[Fields]) -> None:
        """Insert records, checkpoints or what was set aside, in order."""

    async def put_others(self, kind: str, lines: Sequence[bytes]) -> None:
        """Insert what else belongs to the record, from lines as they were archived."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A record that was put back.

    Attributes:
        manifest: The archive that it came from.
        proof: The proof of what the store now holds.
        last_entry: Journal sequence of its last record.
    """

    manifest: Manifest
    proof: Proof
    last_entry: int


async def restore(
    store: RestoreStore, archive: ArchiveReader, chain: str, keys: Mapping[str, bytes], told: Told
) -> Restored:
    """Fill an empty store from an archive, and prove what it holds afterwards.

    Args:
        store: The store.
        archive: The archive.
        chain: The fund whose chain it must be.
        keys: Public keys that may have signed, by their id.
        told: Told now and then how many records were put back, and of how many.

    Raises:
        RecordRefused: The archive is not proven, or is one of another fund, or the store holds
            something, or does not hold afterwards what it should.
        Misconfigured: The store's collections cannot be made.
        Unavailable: The store is away, or the archive's disk fails.
    """
    found = prove_archive(archive, keys)
    manifest = found.manifest
    if manifest is None or found.outcome is not Outcome.PROVEN:
        why = "; ".join(found.told) or "no known key signed it"
        raise RecordRefused(f"the archive is not proven: {why}")
    if manifest.chain != chain:
        raise RecordRefused(f"the archive is one of {manifest.chain}, not of {chain}")
    await store.prepare()
    content = await store.content()
    if content:
        raise RecordRefused(
            f"the database is not empty, there is something in {', '.join(content)}; "
            "name another with CIO_MONGO_DATABASE"
        )
    last_entry = await _fill(store, archive, manifest, told)
    proof = await prove(store, Asked(chain, keys))
    if proof.head != manifest.end or proof.outcome() is Outcome.BROKEN:
        raise RecordRefused("what was put back is not what was archived. Empty the database")
    return Restored(manifest, proof, last_entry)


async def _fill(store: RestoreStore, archive: ArchiveReader, manifest: Manifest, told: Told) -> int:
    """Put everything into the store; return the journal sequence of the last record."""
    for page in _pages(documents(archive, manifest, CHECKPOINTS), PAGE):
        await store.put(CHECKPOINTS, page)
    for file in manifest.files:
        kind = kind_of(file.name)
        if kind not in {CHECKPOINTS, POISONED, RECORDS}:
            for lines in _pages(archive.lines(file.name), PAGE):
                await store.put_others(kind, lines)
    for page in _pages(documents(archive, manifest, POISONED), PAGE_OF_POISONED):
        await store.put(POISONED, page)
    done, last_entry = 0, 0
    for page in _pages(documents(archive, manifest, RECORDS), PAGE):
        await store.put(RECORDS, page)
        done, last_entry = done + len(page), int(str(page[-1]["journal_sequence"]))
        told(done, manifest.records)
    return last_entry


def _pages(documents: Iterable[T], size: int) -> Iterator[list[T]]:
    waiting = iter(documents)
    while page := list(islice(waiting, size)):
        yield page


def lost_between(end: Head, last_entry: int, first_entry: int, newest_entry: int) -> str:
    """Return what is in neither backup nor journal, in words; empty where nothing is known to be.

    Args:
        end: The end of the chain that was put back.
        last_entry: Journal sequence of its last record.
        first_entry: The oldest sequence that the journal still holds.
        newest_entry: The newest sequence that the journal ever took.
    """
    if newest_entry < last_entry:
        return (
            f"record {end.seq} came from entry {last_entry} of a journal, and this one ends with "
            f"entry {newest_entry}: it is another journal, or an older copy"
        )
    if first_entry > last_entry + 1:
        return (
            f"entries {last_entry + 1} to {first_entry - 1} of the journal are in neither: the "
            f"backup ends with entry {last_entry}, and the journal begins with {first_entry}"
        )
    return ""
