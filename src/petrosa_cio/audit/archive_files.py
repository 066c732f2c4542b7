"""What an archive is kept in: files of lines, and one manifest. The adapters write real files."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

RECORDS: Final = "records"
POISONED: Final = "poisoned"
CHECKPOINTS: Final = "checkpoints"

SUFFIX: Final = ".jsonl.gz"

_NAME = re.compile(r"[a-z0-9_-]+\.jsonl\.gz")


class ArchiveReader(Protocol):
    """One archive, to be read. Every method raises Unavailable where the disk fails."""

    def names(self) -> frozenset[str]:
        """Return the names of all that is there beside the manifest."""

    def manifest(self) -> bytes | None:
        """Return the manifest's bytes; None where it is not there."""

    def measured(self, name: str) -> tuple[str, int]:
        """Return the SHA-256 of a file, in hexadecimal, and its length in bytes."""

    def lines(self, name: str) -> Iterator[bytes]:
        """Iterate over the lines of a file. Raises ValueError where it cannot be unpacked."""


class ArchiveWriter(Protocol):
    """One archive, being written. Every method raises Unavailable where the disk fails."""

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """Add lines to the end of a file."""

    def close(self) -> Mapping[str, int]:
        """Bring all files to the disk for good, and return how many lines each has, by name."""

    def written(self) -> ArchiveReader:
        """Return what was written and closed, to be read."""

    def seal(self, manifest: bytes) -> None:
        """Write the manifest to the disk for good."""

    def publish(self, name: str) -> None:
        """Give the whole archive its name, at once and for good."""


class ArchiveShelf(Protocol):
    """A folder of archives. Every method raises Unavailable where the disk fails."""

    def find(self, name: str) -> ArchiveReader | None:
        """Return an archive by its name, if it is there."""

    def begin(self) -> AbstractContextManager[ArchiveWriter]:
        """Begin an archive that has no name yet; what another that died left is removed.

        Raises:
            RecordRefused: Another process is writing one.
        """


def file_of(kind: str, part: int | None = None) -> str:
    """Return the name of a file of an archive: of documents of a kind, perhaps one of several."""
    return f"{kind}{SUFFIX}" if part is None else f"{kind}-{part:06d}{SUFFIX}"


def kind_of(name: str) -> str:
    """Return the kind of documents that a file holds."""
    kind = name.removesuffix(SUFFIX)
    return RECORDS if kind.startswith(f"{RECORDS}-") else kind


def is_file_name(name: str) -> bool:
    """Return whether an archive may name a file so: it stands in the archive and nowhere else."""
    return _NAME.fullmatch(name) is not None
