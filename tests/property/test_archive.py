"""Whatever is archived comes back as it was, and no byte of an archive can be changed unseen."""

import asyncio
from copy import deepcopy

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from petrosa_cio.audit.archive_proof import prove_archive
from petrosa_cio.audit.chain import GENESIS, Document, chained, read_written, written
from petrosa_cio.audit.proof import Outcome
from petrosa_cio.audit.restoring import restore
from tests.archives import MemoryArchive, MemoryRecord, MemoryShelf, archived
from tests.chains import CHAIN, KEYS
from tests.property.test_chain import RECORDS, VALUES
from tests.records import NOON, later_line, verdict_line

LINES = st.lists(
    st.one_of(
        st.text(min_size=1).map(lambda name: verdict_line(f"d{name}")),
        st.text(min_size=1).map(lambda name: later_line(f"d{name}")),
        st.binary(max_size=40).filter(lambda line: b"\n" not in line),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)


@given(st.dictionaries(st.text(), VALUES))
def test_a_document_is_read_as_it_was_written(document: Document) -> None:
    assert read_written(written(document)) == document


def record_of(lines: list[bytes], signed_at: set[int]) -> MemoryRecord:
    record = MemoryRecord(other={"alerts": [b'{"_id":"a1"}']})
    for place, line in enumerate(lines):
        record.store(line)
        if place in signed_at:
            record.sign()
    return record


def archive_of(record: MemoryRecord) -> MemoryArchive:
    shelf = MemoryShelf()
    made = asyncio.run(archived(record, shelf, is_signed=False))
    return shelf.archives[made.name]


def restored(archive: MemoryArchive) -> MemoryRecord:
    record = MemoryRecord()
    asyncio.run(restore(record, archive, CHAIN, KEYS, lambda _done, _of: None))
    return record


@given(LINES, st.sets(st.integers(0, 11)))
def test_a_record_comes_back_as_it_was(lines: list[bytes], signed_at: set[int]) -> None:
    record = record_of(lines, signed_at)
    kept = archive_of(record)
    assert prove_archive(kept, KEYS).outcome is Outcome.PROVEN
    assert restored(kept) == record


@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_whatever_a_record_holds_has_its_hash_afterwards(records: list[Document]) -> None:
    places = {"_id": "d", "kind": "verdict", "journaled_at": NOON, "journal_sequence": 1}
    record = MemoryRecord(chained(GENESIS, [one | places for one in records]))
    kept = archive_of(record)
    again = restored(kept)
    assert again.traces == record.traces
    assert again.head == record.head


@settings(max_examples=300)
@given(LINES, st.data())
def test_any_byte_that_is_changed_is_found(lines: list[bytes], data: st.DataObject) -> None:
    kept = archive_of(record_of(lines, {0, len(lines) - 1}))
    assert kept.sealed
    files = {"": kept.sealed, **kept.files}
    name = data.draw(st.sampled_from(sorted(files)))
    was = files[name]
    place = data.draw(st.integers(0, len(was) - 1))
    value = data.draw(st.integers(0, 255))
    assume(value != was[place])
    damage(kept, name, was[:place] + bytes([value]) + was[place + 1 :])


@given(LINES, st.data())
def test_any_file_that_is_cut_off_gone_exchanged_or_added_is_named(
    lines: list[bytes], data: st.DataObject
) -> None:
    kept = archive_of(record_of(lines, {0, len(lines) - 1}))
    name = data.draw(st.sampled_from(sorted(kept.files)))
    was = kept.files[name]
    cut = data.draw(st.integers(0, len(was) - 1))
    damage(deepcopy(kept), name, was[:cut])
    damage(deepcopy(kept), name, None)
    damage(deepcopy(kept), "stray.jsonl.gz", was)
    for other, content in kept.files.items():
        if content != was:
            damage(deepcopy(kept), name, content)
            damage(deepcopy(kept), other, was)


def damage(archive: MemoryArchive, name: str, content: bytes | None) -> None:
    """Exchange a file, or with no name the manifest, and see that it is found and named."""
    if not name:
        archive.sealed = content
    elif content is None:
        del archive.files[name]
    else:
        archive.files[name] = content
    found = prove_archive(archive, KEYS)
    assert found.outcome is Outcome.BROKEN
    assert (name or "manifest") in found.told[0]
