"""What an archive holds, what it refuses to hold, and what is said of one that is damaged."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from petrosa_cio.audit.archive_files import file_of
from petrosa_cio.audit.archive_proof import prove_archive
from petrosa_cio.audit.archiving import Archived, Stretch, archive
from petrosa_cio.audit.checkpoint import Signer, key_id_of
from petrosa_cio.audit.manifest import (
    Manifest,
    read_manifest,
    signed_manifest,
    written_manifest,
)
from petrosa_cio.audit.proof import Outcome
from petrosa_cio.audit.restoring import lost_between, restore
from petrosa_cio.errors import RecordRefused, Unavailable
from petrosa_cio.ports import Head
from tests.archives import MADE, MemoryArchive, MemoryRecord, MemoryShelf, archived
from tests.chains import CHAIN, KEYS, SIGNER, signed
from tests.records import later_line, verdict_line

STRANGER = Signer(b"x" * 32)


def nobody(_done: int, _of: int) -> None:
    """Is told nothing."""


@pytest.fixture
def record() -> MemoryRecord:
    """Seven records, the third poisoned, checkpoints at 2, 5 and 6."""
    record = MemoryRecord(other={"alerts": [b'{"_id":"a1"}']})
    for place, line in enumerate(
        [verdict_line("d1"), later_line("d1"), b"odd", *map(verdict_line, ("d4", "d5", "d6", "d7"))]
    ):
        record.store(line)
        if place + 1 in {2, 5, 6}:
            record.sign()
    return record


@pytest.fixture
def shelf() -> MemoryShelf:
    return MemoryShelf()


async def kept(record: MemoryRecord, shelf: MemoryShelf, last: int = 5) -> MemoryArchive:
    return shelf.archives[(await archived(record, shelf, last)).name]


async def test_an_archive_says_what_it_holds(record: MemoryRecord, shelf: MemoryShelf) -> None:
    made = await archived(record, shelf, 5)
    manifest = made.manifest
    assert (made.name, made.is_new) == ("main-000000000001-000000000005", True)
    assert (manifest.first_seq, manifest.last_seq, manifest.records) == (1, 5, 5)
    assert (manifest.hash, manifest.signed_until) == (record.traces[4]["hash"], 5)
    assert {one.name: one.lines for one in manifest.files} == {
        "alerts.jsonl.gz": 1,
        "checkpoints.jsonl.gz": 2,
        "poisoned.jsonl.gz": 1,
        "records-000001.jsonl.gz": 5,
    }
    found = prove_archive(shelf.archives[made.name], KEYS)
    assert found.proof
    assert (found.outcome, found.proof.records, found.proof.checkpoints) == (Outcome.PROVEN, 5, 2)


async def test_an_archive_that_is_there_is_proven_and_left(
    record: MemoryRecord, shelf: MemoryShelf
) -> None:
    first = await archived(record, shelf, 5)
    assert await archived(record, shelf, 5) == replace(first, is_new=False)
    shelf.archives[first.name].files["alerts.jsonl.gz"] += b" "
    with pytest.raises(RecordRefused, match=r"alerts\.jsonl\.gz is not as it was archived"):
        await archived(record, shelf, 5)


async def test_what_no_checkpoint_covers_is_in_a_backup_only(
    record: MemoryRecord, shelf: MemoryShelf
) -> None:
    with pytest.raises(RecordRefused, match="no checkpoint proves the record up to 7"):
        await archived(record, shelf, 7)
    made = await archived(record, shelf, 7, is_signed=False)
    assert (made.manifest.last_seq, made.manifest.signed_until) == (7, 6)


async def test_nothing_makes_no_archive(record: MemoryRecord, shelf: MemoryShelf) -> None:
    with pytest.raises(RecordRefused, match="nothing"):
        await archive(MemoryRecord(), shelf, Stretch(CHAIN, KEYS, 0), SIGNER, MADE, nobody)
    assert shelf.archives == {}


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda r: r.traces.pop(1), "record 2 is missing"),
        (lambda r: r.traces[3].update(verdict="deny"), "record 4 is changed"),
        (lambda r: r.traces[3].update(odd=1.5), "record 4 is changed"),
        (lambda r: r.aside.clear(), "record 3 is changed"),
        (lambda r: r.checkpoints_kept[0].update(hash="f" * 64), "a checkpoint does not fit"),
    ],
)
async def test_a_record_that_is_broken_is_not_archived(
    record: MemoryRecord, shelf: MemoryShelf, damage: Callable[[MemoryRecord], None], why: str
) -> None:
    damage(record)
    with pytest.raises(RecordRefused, match=f"the record is broken: {why}"):
        await archived(record, shelf, 5)
    assert shelf.archives == {}


async def test_what_cannot_be_read_back_is_no_archive(
    record: MemoryRecord, shelf: MemoryShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = MemoryArchive.seal

    def forgetful(self: MemoryArchive, manifest: bytes) -> None:
        seal(self, manifest)
        self.files["records-000001.jsonl.gz"] = b""

    monkeypatch.setattr(MemoryArchive, "seal", forgetful)
    with pytest.raises(RecordRefused, match=r"records-000001\.jsonl\.gz is not as it was archived"):
        await archived(record, shelf, 5)
    assert shelf.archives == {}


def resealed(archive: MemoryArchive, signer: Signer = SIGNER, **changes: object) -> None:
    """Sign another manifest for an archive, as who has the key could."""
    assert archive.sealed
    manifest = msgspec.structs.replace(read_manifest(archive.sealed), **changes)
    archive.sealed = written_manifest(signed_manifest(manifest, signer))


def reordered(archive: MemoryArchive) -> None:
    lines = archive.content[file_of("records", 1)]
    lines[1], lines[2] = lines[2], lines[1]
    remade(archive)


def remade(archive: MemoryArchive) -> None:
    """Pack the lines of an archive anew, and sign what comes of it."""
    assert archive.sealed
    manifest = read_manifest(archive.sealed)
    archive.close()
    files = [
        msgspec.structs.replace(one, sha256=measured[0], bytes=measured[1])
        for one in manifest.files
        for measured in [archive.measured(one.name)]
    ]
    resealed(archive, files=tuple(files))


def without_a_line(archive: MemoryArchive, name: str) -> None:
    archive.content[name].pop()
    remade(archive)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda a: setattr(a, "sealed", None), "the manifest is missing"),
        (lambda a: setattr(a, "sealed", b"{}"), "the manifest is not as it was written"),
        (lambda a: setattr(a, "sealed", a.sealed + b"\n"), "it is written otherwise"),
        (lambda a: setattr(a, "sealed", a.sealed.replace(b'"main"', b'"mine"')), "its signature"),
        (lambda a: resealed(a, STRANGER), "signed with a key that is not known"),
        (lambda a: resealed(a, format="petrosa-cio archive 2"), "expected the form"),
        (lambda a: a.files.pop("poisoned.jsonl.gz"), "poisoned.jsonl.gz is missing"),
        (lambda a: a.files.update(x=b""), "x does not belong"),
        (reordered, "record 2 is missing"),
        (lambda a: without_a_line(a, file_of("records", 1)), "ends with record 4, not with"),
        (lambda a: without_a_line(a, "poisoned.jsonl.gz"), "record 3 is changed"),
        (lambda a: resealed(a, records=4), "holds 5 records, not 4"),
        (lambda a: resealed(a, hash="f" * 64), "ends with record 5, not with record 5"),
        (lambda a: resealed(a, prev_hash="f" * 64), "record 0 is changed"),
        (lambda a: resealed(a, chain="other"), "not of other"),
    ],
)
async def test_what_is_wrong_with_an_archive_is_named(
    record: MemoryRecord, shelf: MemoryShelf, damage: Callable[[MemoryArchive], None], told: str
) -> None:
    archive = await kept(record, shelf)
    damage(archive)
    found = prove_archive(archive, KEYS)
    assert found.outcome is Outcome.BROKEN
    assert told in " ".join(found.told)


async def test_a_line_that_does_not_read_is_named(record: MemoryRecord, shelf: MemoryShelf) -> None:
    archive = await kept(record, shelf)
    archive.content[file_of("records", 1)][2] = b"odd"
    remade(archive)
    found = prove_archive(archive, KEYS)
    assert found.outcome is Outcome.BROKEN
    assert "does not read" in found.told[0]


async def test_bytes_that_no_record_names_do_not_belong(
    record: MemoryRecord, shelf: MemoryShelf
) -> None:
    archive = await kept(record, shelf)
    archive.content["poisoned.jsonl.gz"] *= 2
    remade(archive)
    assert prove_archive(archive, KEYS).told == ["it holds bytes that no record of it names"]


async def test_a_file_stands_in_the_archive_and_nowhere_else(
    record: MemoryRecord, shelf: MemoryShelf
) -> None:
    archive = await kept(record, shelf)
    assert archive.sealed
    first, *others = read_manifest(archive.sealed).files
    away = "../elsewhere"
    archive.files[away] = archive.files.pop(first.name)
    resealed(archive, files=(msgspec.structs.replace(first, name=away), *others))
    assert prove_archive(archive, KEYS).told == [f"{away} is no name of a file of an archive"]


async def test_nothing_is_proven_without_a_key(record: MemoryRecord, shelf: MemoryShelf) -> None:
    assert prove_archive(await kept(record, shelf), {}).outcome is Outcome.UNPROVEN


async def test_an_archive_is_held_against_checkpoints_that_were_kept(
    record: MemoryRecord, shelf: MemoryShelf
) -> None:
    archive = await kept(record, shelf)
    found = prove_archive(archive, KEYS, [signed(record.traces[3]), signed(record.traces[6])])
    assert (found.outcome, found.held, found.outside) == (Outcome.PROVEN, 1, 1)
    found = prove_archive(archive, KEYS, [signed(record.traces[6])])
    assert (found.outcome, found.outside) == (Outcome.UNPROVEN, 1)
    forged = SIGNER.sign(CHAIN, Head(4, "f" * 64), MADE[0])
    found = prove_archive(archive, KEYS, [forged])
    assert found.told == ["the checkpoint of record 4 does not fit: record 4 has another hash"]


async def test_an_older_key_that_is_known_counts(record: MemoryRecord, shelf: MemoryShelf) -> None:
    keys = KEYS | {key_id_of(STRANGER.public_key): STRANGER.public_key}
    made = await archive(record, shelf, Stretch(CHAIN, keys, 5), STRANGER, MADE, nobody)
    assert isinstance(made, Archived)
    archive_there = shelf.archives[made.name]
    assert prove_archive(archive_there, keys).outcome is Outcome.PROVEN
    assert prove_archive(archive_there, KEYS).outcome is Outcome.BROKEN


async def test_only_an_empty_store_is_filled(record: MemoryRecord, shelf: MemoryShelf) -> None:
    archive = await kept(record, shelf)
    with pytest.raises(RecordRefused, match="not empty"):
        await restore(record, archive, CHAIN, KEYS, nobody)
    assert len(record.traces) == 7


async def test_only_what_is_proven_and_ours_is_put_back(
    record: MemoryRecord, shelf: MemoryShelf
) -> None:
    archive, empty = await kept(record, shelf), MemoryRecord()
    with pytest.raises(RecordRefused, match="one of main, not of other"):
        await restore(empty, archive, "other", KEYS, nobody)
    with pytest.raises(RecordRefused, match="no known key"):
        await restore(empty, archive, CHAIN, {}, nobody)
    archive.files["alerts.jsonl.gz"] += b" "
    with pytest.raises(RecordRefused, match=r"alerts\.jsonl\.gz is not as it was"):
        await restore(empty, archive, CHAIN, KEYS, nobody)
    assert empty == MemoryRecord()


@pytest.mark.parametrize("steps", range(1, 5))
async def test_a_record_that_was_put_back_in_part_only_is_never_taken_for_whole(
    record: MemoryRecord, shelf: MemoryShelf, steps: int
) -> None:
    archive, again = await kept(record, shelf), MemoryRecord(dies_before=steps - 1)
    with pytest.raises(Unavailable):
        await restore(again, archive, CHAIN, KEYS, nobody)
    again.dies_before = None
    assert (await again.proof()).outcome(1) is not Outcome.PROVEN
    if steps > 1:
        with pytest.raises(RecordRefused, match="not empty"):
            await restore(again, archive, CHAIN, KEYS, nobody)


@pytest.mark.parametrize(
    ("last_entry", "first", "last", "told"),
    [
        (9, 1, 20, ""),
        (9, 10, 20, ""),
        (9, 10, 9, ""),  # the journal was emptied of what the backup holds
        (9, 11, 20, "entries 10 to 10"),
        (9, 15, 20, "entries 10 to 14"),
        (9, 1, 8, "another journal"),
    ],
)
def test_what_is_in_neither_backup_nor_journal_is_told(
    last_entry: int, first: int, last: int, told: str
) -> None:
    said = lost_between(Head(5, ""), last_entry, first, last)
    assert told in said
    assert bool(said) is bool(told)


def test_a_manifest_is_read_as_it_was_written() -> None:
    manifest = signed_manifest(
        Manifest(
            chain=CHAIN, schema_version=1, code_version="0", made_at="", first_seq=1, last_seq=1,
            records=1, prev_hash="", hash="", first_journaled_at="", last_journaled_at="",
            signed_until=0, files=(),
        ),
        SIGNER,
    )  # fmt: skip
    assert read_manifest(written_manifest(manifest)) == manifest
