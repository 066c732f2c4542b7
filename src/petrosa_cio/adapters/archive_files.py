"""Archives as folders of files: written aside, brought to the disk, then given their name.

Whatever dies in the middle, an archive is there whole under its name, or not at all. The same
lines make the same bytes: gzip is told no time.
"""

import fcntl
import gzip
import hashlib
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from petrosa_cio.errors import RecordRefused, Unavailable

MANIFEST: Final = "manifest.json"
UNFINISHED: Final = ".unfinished"
LEVEL: Final = 6
"""How hard gzip tries: beyond, it takes much longer for little."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise `Unavailable` for whatever the disk raises, as when it is full."""
    try:
        yield
    except OSError as error:
        raise Unavailable("archive", f"{type(error).__name__}: {error}") from error


class ArchiveFolder:
    """One archive, to be read. Every method raises Unavailable where the disk fails."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self._folder = folder

    def names(self) -> frozenset[str]:
        """Return the names of all that is there beside the manifest."""
        with translated():
            return frozenset(os.listdir(self._folder)) - {MANIFEST}

    def manifest(self) -> bytes | None:
        """Return the manifest's bytes; None where it is not there."""
        with translated():
            file = self._folder / MANIFEST
            return file.read_bytes() if file.is_file() else None

    def measured(self, name: str) -> tuple[str, int]:
        """Return the SHA-256 of a file, in hexadecimal, and its length in bytes."""
        with translated(), (self._folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            return found, file.tell()

    def lines(self, name: str) -> Iterator[bytes]:
        """Iterate over the lines of a file. Raises ValueError where it cannot be unpacked."""
        try:
            with gzip.open(self._folder / name, "rb") as file:
                for line in file:
                    yield line.removesuffix(b"\n")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"it cannot be unpacked: {error}") from error
        except OSError as error:
            raise Unavailable("archive", f"{type(error).__name__}: {error}") from error


class _OneFile:
    """A file of an archive, being written."""

    def __init__(self, path: Path, closing: ExitStack) -> None:
        self.raw: BinaryIO = closing.enter_context(path.open("xb"))
        # No name and no time in its head, so that equal lines make equal bytes.
        self.packed = closing.enter_context(
            gzip.GzipFile("", "wb", compresslevel=LEVEL, fileobj=self.raw, mtime=0)
        )
        self.lines = 0


class UnfinishedArchive:
    """One archive, being written. Every method raises Unavailable where the disk fails."""

    def __init__(self, shelf: Path, folder: Path, closing: ExitStack) -> None:
        """Take the folder of archives, that of this one, and what closes its files."""
        self._shelf = shelf
        self._folder = folder
        self._closing = closing
        self._files: dict[str, _OneFile] = {}

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """Add lines to the end of a file."""
        with translated():
            if name not in self._files:
                self._files[name] = _OneFile(self._folder / name, self._closing)
            file = self._files[name]
            for line in lines:
                file.packed.write(line + b"\n")
                file.lines += 1

    def close(self) -> dict[str, int]:
        """Bring all files to the disk for good, and return how many lines each has, by name."""
        with translated():
            for file in self._files.values():
                file.packed.close()
                file.raw.flush()
                os.fsync(file.raw.fileno())
                file.raw.close()
        return {name: self._files[name].lines for name in sorted(self._files)}

    def written(self) -> ArchiveFolder:
        """Return what was written and closed, to be read."""
        return ArchiveFolder(self._folder)

    def seal(self, manifest: bytes) -> None:
        """Write the manifest to the disk for good."""
        with translated():
            with (self._folder / MANIFEST).open("xb") as file:
                file.write(manifest)
                file.flush()
                os.fsync(file.fileno())
            _sync(self._folder)

    def publish(self, name: str) -> None:
        """Give the whole archive its name, at once and for good."""
        with translated():
            self._folder.rename(self._shelf / name)
            _sync(self._shelf)


class ArchiveFolders:
    """A folder of archives. Every method raises Unavailable where the disk fails."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made when the first archive is begun."""
        self._folder = folder

    def find(self, name: str) -> ArchiveFolder | None:
        """Return an archive by its name, if it is there."""
        with translated():
            return ArchiveFolder(self._folder / name) if (self._folder / name).is_dir() else None

    @contextmanager
    def begin(self) -> Iterator[UnfinishedArchive]:
        """Begin an archive that has no name yet; what another that died left is removed.

        Raises:
            RecordRefused: Another process is writing one.
        """
        with translated(), ExitStack() as closing:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock(closing)
            unfinished = self._folder / UNFINISHED
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            closing.callback(shutil.rmtree, unfinished, ignore_errors=True)
            yield UnfinishedArchive(self._folder, unfinished, closing)

    def _lock(self, closing: ExitStack) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        closing.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RecordRefused(f"another archive is being written in {self._folder}") from error


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
