"""A shelf of archives: in memory and on the disk."""

import resource
import secrets
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from petrosa_cio.adapters.archive_files import UNFINISHED, ArchiveFolder, ArchiveFolders
from petrosa_cio.audit.archive_files import ArchiveShelf
from petrosa_cio.errors import RecordRefused, Unavailable
from tests.archives import MemoryShelf

NAME = "records-000001.jsonl.gz"


@pytest.fixture(params=["memory", "disk"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> ArchiveShelf:
    return MemoryShelf() if request.param == "memory" else ArchiveFolders(tmp_path / "archives")


def filled(shelf: ArchiveShelf, *pages: Iterable[bytes], name: str = "a") -> None:
    with shelf.begin() as writer:
        for page in pages:
            writer.write(NAME, page)
        writer.close()
        writer.seal(b"manifest")
        writer.publish(name)


def test_nothing_is_there_at_first(shelf: ArchiveShelf) -> None:
    assert shelf.find("a") is None


def test_lines_come_back_as_they_were_written(shelf: ArchiveShelf) -> None:
    filled(shelf, [b"one", "\u2028zwei\x0c".encode()], [b"three"])
    found = shelf.find("a")
    assert found
    assert list(found.lines(NAME)) == [b"one", "\u2028zwei\x0c".encode(), b"three"]
    assert found.names() == {NAME}
    assert found.manifest() == b"manifest"


def test_equal_lines_make_equal_files(shelf: ArchiveShelf) -> None:
    filled(shelf, [b"one", b"two"], name="a")
    filled(shelf, [b"one"], [b"two"], name="b")
    one, other = shelf.find("a"), shelf.find("b")
    assert one
    assert other
    assert one.measured(NAME) == other.measured(NAME)


def test_what_is_written_can_be_read_before_it_has_its_name(shelf: ArchiveShelf) -> None:
    with shelf.begin() as writer:
        writer.write(NAME, [b"one"])
        assert writer.close() == {NAME: 1}
        assert list(writer.written().lines(NAME)) == [b"one"]
        assert writer.written().manifest() is None
    assert shelf.find("a") is None


def test_what_broke_off_is_not_there_and_in_nobodys_way(shelf: ArchiveShelf) -> None:
    def half() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled(shelf, half())
    assert shelf.find("a") is None
    filled(shelf, [b"whole"])
    found = shelf.find("a")
    assert found
    assert list(found.lines(NAME)) == [b"whole"]


def test_one_archive_is_written_at_a_time(shelf: ArchiveShelf) -> None:
    with (
        shelf.begin(),
        pytest.raises(RecordRefused, match="another archive is being written"),
        shelf.begin(),
    ):
        pass


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / UNFINISHED
    left.mkdir()
    (left / "half.jsonl.gz").write_bytes(b"half")
    with ArchiveFolders(tmp_path).begin():
        assert list(left.iterdir()) == []
    assert not left.exists()


def test_what_cannot_be_unpacked_does_not_read(tmp_path: Path) -> None:
    shelf = ArchiveFolders(tmp_path)
    filled(shelf, [b"one"])
    file = tmp_path / "a" / NAME
    whole = file.read_bytes()
    found = shelf.find("a")
    assert found
    for odd in (whole[:-3], b"x" + whole, whole[:12] + b"\xff\xff" + whole[14:]):
        file.write_bytes(odd)
        with pytest.raises(ValueError, match="unpacked"):
            list(found.lines(NAME))


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path) -> None:
    """The limit on the size of files stands for the end of the disk; both end a write."""
    shelf = ArchiveFolders(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, before[1]))
        with pytest.raises(Unavailable, match="archive"):
            filled(shelf, [secrets.token_hex(100_000).encode()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handled)
    assert shelf.find("a") is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(Unavailable, match="archive"), ArchiveFolders(file).begin():
        pass
    with pytest.raises(Unavailable, match="archive"):
        list(ArchiveFolder(tmp_path).lines(NAME))
    with pytest.raises(Unavailable, match="archive"):
        ArchiveFolder(tmp_path / "none").names()
