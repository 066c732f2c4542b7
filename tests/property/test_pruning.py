"""Whatever is pruned and whenever it dies: what must stay stays, the rest is in the archive."""

import asyncio
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.audit.archive_files import RECORDS
from petrosa_cio.audit.archive_proof import documents
from petrosa_cio.audit.holds import Held, hold_change, read_holds
from petrosa_cio.audit.manifest import read_manifest
from petrosa_cio.audit.proof import Outcome
from petrosa_cio.audit.pruning import Rules, carry_out, plan
from petrosa_cio.audit.record import change_record
from petrosa_cio.errors import Unavailable
from tests.archives import MemoryArchive, MemoryRecord, MemoryShelf, archived
from tests.chains import CHAIN, KEYS, SIGNER
from tests.records import NOON, verdict_line

OLD, BEFORE = NOON.replace(year=2020), NOON.replace(year=2021)
RULES = Rules(CHAIN, KEYS, BEFORE)

KINDS = st.lists(
    st.tuples(st.sampled_from(["old", "old", "old", "young"]), st.sampled_from(["verdict", "odd"])),
    min_size=2,
    max_size=12,
)
HELD = st.sampled_from(
    [None, Held(name="d3"), Held(strategy="momentum"), Held(strategy="x"), Held(until=BEFORE)]
)


def record_of(kinds: list[tuple[str, str]], held: Held | None) -> MemoryRecord:
    record = MemoryRecord()
    for place, (age, kind) in enumerate(kinds):
        line = verdict_line(f"d{place}") if kind == "verdict" else b"odd %d" % place
        record.store(line, at=OLD if age == "old" else NOON)
        if place % 2:
            record.sign()
    if held:
        change = hold_change("hold-1", held, author="counsel", reason="inquiry")
        record.store(change_record("hold-1", change, at=NOON, fund=CHAIN))
    record.sign()
    return record


def archive_of(record: MemoryRecord, last: int) -> MemoryArchive:
    shelf = MemoryShelf()
    return shelf.archives[asyncio.run(archived(record, shelf, last)).name]


def prune(record: MemoryRecord, archive: MemoryArchive) -> None:
    async def run() -> None:
        chosen = await plan(record, archive, RULES, lambda _done, _of: None)
        await carry_out(record, chosen, RULES, SIGNER, NOON, lambda _done, _of: None)

    asyncio.run(run())


@given(KINDS, HELD, st.data(), st.lists(st.integers(0, 12), max_size=3))
def test_what_must_stay_stays_and_the_record_is_proven_at_any_time(
    kinds: list[tuple[str, str]], held: Held | None, data: st.DataObject, deaths: list[int]
) -> None:
    record = record_of(kinds, held)
    before, end = list(record.traces), record.head.seq
    archive = archive_of(record, data.draw(st.integers(1, end)))
    for steps in deaths:
        record.dies_before = steps
        with suppress(Unavailable):
            prune(record, archive)
        record.dies_before = None
        assert asyncio.run(record.proof()).outcome(end) is Outcome.PROVEN
    prune(record, archive)
    assert asyncio.run(record.proof()).outcome(end) is Outcome.PROVEN
    stays = len(before) - len(record.traces)
    assert record.traces == before[stays:]
    assert archive.sealed
    kept = list(documents(archive, read_manifest(archive.sealed), RECORDS))
    holds = read_holds(str(one["record"]).encode() for one in before if one["kind"] == "change")
    for gone in before[:stays]:
        assert gone in kept
        assert gone["journaled_at"] == OLD
        assert not any(one.keeps(gone) for one in holds)
    asides = {one["aside"] for one in record.traces if one["kind"] == "poisoned"}
    assert record.aside.keys() == asides
