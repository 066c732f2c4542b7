"""A record in memory to be archived, pruned and put back, and a shelf of archives beside it."""

import gzip
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from petrosa_cio.audit.archive_files import ArchiveShelf
from petrosa_cio.audit.archiving import Archived, Stretch, archive
from petrosa_cio.audit.chain import GENESIS, Document, chained, head_at
from petrosa_cio.audit.proof import Proof
from petrosa_cio.audit.trace import read_entries
from petrosa_cio.audit.verify import Asked, prove
from petrosa_cio.errors import RecordRefused, Unavailable
from petrosa_cio.ports import Head
from tests.chains import CHAIN, KEYS, SIGNER, signed
from tests.records import NOON, entry

Fields = Mapping[str, Any]
MADE = (NOON, "0.1.0")


class MemoryArchive:
    """An archive in memory, to be written and to be read."""

    def __init__(self, shelf: dict[str, "MemoryArchive"]) -> None:
        self._shelf = shelf
        self.content: dict[str, list[bytes]] = {}
        self.files: dict[str, bytes] = {}
        self.sealed: bytes | None = None

    def names(self) -> frozenset[str]:
        return frozenset(self.files)

    def manifest(self) -> bytes | None:
        return self.sealed

    def measured(self, name: str) -> tuple[str, int]:
        return sha256(self.files[name]).hexdigest(), len(self.files[name])

    def lines(self, name: str) -> Iterator[bytes]:
        try:
            yield from gzip.decompress(self.files[name]).splitlines()
        except (EOFError, OSError) as error:
            raise ValueError(f"it cannot be unpacked: {error}") from error

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        self.content.setdefault(name, []).extend(lines)

    def close(self) -> Mapping[str, int]:
        for name, lines in self.content.items():
            self.files[name] = gzip.compress(b"".join(one + b"\n" for one in lines), mtime=0)
        return {name: len(lines) for name, lines in self.content.items()}

    def written(self) -> "MemoryArchive":
        return self

    def seal(self, manifest: bytes) -> None:
        self.sealed = manifest

    def publish(self, name: str) -> None:
        self._shelf[name] = self


class MemoryShelf:
    """Archives in memory."""

    def __init__(self) -> None:
        self.archives: dict[str, MemoryArchive] = {}
        self._is_busy = False

    def find(self, name: str) -> MemoryArchive | None:
        return self.archives.get(name)

    @contextmanager
    def begin(self) -> Iterator[MemoryArchive]:
        if self._is_busy:
            raise RecordRefused("another archive is being written")
        self._is_busy = True
        try:
            yield MemoryArchive(self.archives)
        finally:
            self._is_busy = False


@dataclass
class MemoryRecord:
    """A record in memory, in the order in which it was stored.

    Attributes:
        dies_before: How many changes it still takes before it is away for good; None for all.
    """

    traces: list[Document] = field(default_factory=list)
    checkpoints_kept: list[dict[str, Any]] = field(default_factory=list)
    aside: dict[str, Document] = field(default_factory=dict)
    beginnings: dict[str, Fields] = field(default_factory=dict)
    other: dict[str, list[bytes]] = field(default_factory=dict)
    dies_before: int | None = None

    # --- a proof ---

    async def beginning(self) -> Fields | None:
        return max(self.beginnings.values(), key=lambda one: int(one["seq"]), default=None)

    async def first(self) -> int:
        return min((_seq(one) for one in self.traces), default=0)

    async def last(self, since: int) -> int:
        return max((_seq(one) for one in self.traces), default=0)

    async def hash_at(self, seq: int) -> str | None:
        return next((str(one["hash"]) for one in self.traces if one["seq"] == seq), None)

    async def signed_until(self) -> int:
        return max((int(one["seq"]) for one in self.checkpoints_kept), default=0)

    async def without_place(self) -> Fields | None:
        return None

    async def records(self, first: int, last: int) -> AsyncGenerator[Sequence[Fields]]:
        for lowest in range(first, last + 1, 3):
            reach = range(lowest, min(lowest + 3, last + 1))
            page = [one for one in self.traces if one["seq"] in reach]
            if page:
                yield page

    async def checkpoints(self, first: int, last: int) -> AsyncIterator[Sequence[Fields]]:
        for one in self.checkpoints_kept:
            if first <= one["seq"] <= last:
                yield [one]

    async def poisoned(self, name: str) -> Fields | None:
        return self.aside.get(name)

    async def changes(self, first: str, beyond: str) -> list[bytes]:
        return [
            str(one["record"]).encode()
            for one in self.traces
            if one["kind"] == "change" and first <= str(one["_id"]) < beyond
        ]

    # --- an archive, and back ---

    async def others(self) -> AsyncIterator[tuple[str, Sequence[bytes]]]:
        for name, lines in self.other.items():
            yield name, lines

    async def prepare(self) -> list[str]:
        return []

    async def content(self) -> list[str]:
        held = {"traces": self.traces, "checkpoints": self.checkpoints_kept, "poisoned": self.aside}
        return [name for name, what in held.items() if what]

    async def put(self, kind: str, documents: Sequence[Fields]) -> None:
        self._change()
        for one in documents:
            if kind == "records":
                self.traces.append(dict(one))
            elif kind == "checkpoints":
                self.checkpoints_kept.append(dict(one))
            else:
                self.aside[str(one["_id"])] = dict(one)

    async def put_others(self, kind: str, lines: Sequence[bytes]) -> None:
        self._change()
        self.other.setdefault(kind, []).extend(lines)

    # --- pruning ---

    async def state_beginning(self, name: str, fields: Fields) -> None:
        self._change()
        self.beginnings.setdefault(name, fields)

    async def remove(self, asides: Sequence[str], until: int) -> int:
        for name in asides:
            self._change()
            self.aside.pop(name, None)
        gone = [one for one in self.traces if _seq(one) <= until]
        for one in gone:
            self._change()
            self.traces.remove(one)
        return len(gone)

    async def remove_checkpoints(self, until: int) -> None:
        self._change()
        self.checkpoints_kept = [one for one in self.checkpoints_kept if one["seq"] > until]

    # --- tests ---

    def _change(self) -> None:
        if self.dies_before is not None:
            if self.dies_before == 0:
                raise Unavailable("mongo", "away for a test")
            self.dies_before -= 1

    def store(self, *lines: bytes, at: datetime = NOON) -> None:
        """Continue the chain by some lines of the journal, all of them of one moment."""
        found = read_entries([entry(*lines, sequence=len(self.traces) + 1)])
        head = head_at(self.traces[-1]) if self.traces else GENESIS
        dated = [one | {"at": at, "journaled_at": at} for one in found.traces]
        self.traces += chained(head, dated)
        self.aside |= {str(one["_id"]): one for one in found.aside}

    def sign(self) -> None:
        """Sign the end of the chain."""
        made = signed(self.traces[-1])
        self.checkpoints_kept.append({"_id": f"{made.seq}:{made.key_id}", **asdict(made)})

    @property
    def head(self) -> Head:
        return head_at(self.traces[-1])

    async def proof(self) -> Proof:
        """Return the proof of all of it."""
        return await prove(self, Asked(CHAIN, KEYS))


def _seq(document: Fields) -> int:
    return int(document["seq"])


async def archived(
    record: MemoryRecord, shelf: ArchiveShelf, last: int | None = None, *, is_signed: bool = True
) -> Archived:
    """Archive a record up to a position, or to its end."""
    stretch = Stretch(CHAIN, KEYS, last or record.head.seq, is_signed)
    return await archive(record, shelf, stretch, SIGNER, MADE, lambda _done, _of: None)
