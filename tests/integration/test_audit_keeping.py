"""``cio audit archive``, ``prune``, ``backup``, ``restore`` and ``hold`` beside real servers."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.archive_files import UNFINISHED
from petrosa_cio.adapters.embedded import start_mongo
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.mongo_archive import MongoRestoreStore
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.app import DRAIN_CONSUMER
from petrosa_cio.audit.chain import written
from petrosa_cio.audit.checkpoint import written_checkpoint
from petrosa_cio.audit.proof import Outcome
from petrosa_cio.errors import Misconfigured, RecordRefused, Unavailable
from petrosa_cio.keeping import JournalSpan
from petrosa_cio.settings import Settings
from tests.archives import MemoryRecord
from tests.chains import SIGNER, signed
from tests.commands import cio
from tests.integration.drain_world import CONSUMER, DATABASE, DrainWorld, drain_world
from tests.integration.processes import python
from tests.loading import ROOT
from tests.records import NOON, later_line, verdict_line
from tests.waiting import eventually

pytestmark = pytest.mark.integration

OLD = NOON.replace(year=2020)


def key_in(folder: Path) -> str:
    """Return a file with the key of `SIGNER`."""
    file = folder / "audit.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text((b"k" * 32).hex())
    return str(file)


@dataclass
class Shelf:
    """A database, a folder of archives, and the commands about them."""

    mongo: MongoClient
    url: str
    folder: Path
    database: str = field(default_factory=lambda: uuid4().hex)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "CIO_MONGO_URL": self.url,
            "CIO_MONGO_DATABASE": self.database,
            "CIO_DATA_DIR": str(self.folder / "data"),
            "CIO_AUDIT_KEY_FILE": key_in(self.folder),
        }

    @property
    def pruning(self) -> dict[str, str]:
        return {**self.environ, "CIO_MONGO_URL": "", "CIO_MONGO_PRUNE_URL": self.url}

    async def put(self, record: MemoryRecord) -> None:
        store = MongoRestoreStore(self.mongo, self.database)
        await store.prepare()
        for kind, documents in (
            ("checkpoints", record.checkpoints_kept),
            ("poisoned", list(record.aside.values())),
            ("records", record.traces),
        ):
            if documents:
                await store.put(kind, documents)

    async def cio(self, *arguments: str, **changes: str) -> tuple[int, str]:
        return await asyncio.to_thread(cio, "audit", *arguments, environ=self.environ | changes)

    async def json(self, *arguments: str, **changes: str) -> tuple[int, dict[str, Any]]:
        code, said = await self.cio(*arguments, "--json", **changes)
        return code, json.loads(said)

    async def prune(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        said = await asyncio.to_thread(
            cio, "audit", "prune", *arguments, "--json", environ=self.pruning
        )
        return said[0], json.loads(said[1])

    async def archived(self) -> Path:
        code, made = await self.json("archive", str(self.folder / "archives"))
        assert code == 0
        return Path(made["folder"])

    async def verified(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        return await self.json("verify", *arguments)


def record_of(old: int, young: int, sign_every: int) -> MemoryRecord:
    record = MemoryRecord()
    for place in range(1, old + young + 1):
        line = b"odd" if place == 4 else verdict_line(f"d{place}")
        record.store(line, at=OLD if place <= old else NOON)
        if place % sign_every == 0:
            record.sign()
    return record


@pytest.fixture
async def shelf(mongo_url: str, tmp_path: Path) -> AsyncIterator[Shelf]:
    """A record of 20 old and 10 young records, with checkpoints after every fifth."""
    mongo = connect_mongo(mongo_url)
    shelf = Shelf(mongo, mongo_url, tmp_path)
    await shelf.put(record_of(20, 10, 5))
    yield shelf
    await mongo.drop_database(shelf.database)
    await mongo.close()


async def test_what_is_old_is_archived_and_proven_without_a_database(shelf: Shelf) -> None:
    there = await shelf.archived()
    assert there.name == "main-000000000001-000000000020"
    gone = {"CIO_MONGO_URL": "mongodb://127.0.0.1:9/"}
    code, found = await shelf.json("verify", "--archive", str(there), **gone)
    assert (code, found["outcome"], found["manifest"]["records"]) == (0, "proven", 20)
    assert found["checkpoints_that_fit"] == 4
    public = ("--public-key", SIGNER.public_key.hex())
    code, said = await shelf.cio("verify", "--archive", str(there), *public, CIO_AUDIT_KEY_FILE="")
    assert code == 0
    assert "holds records 1 to 20 of main" in said
    code, said = await shelf.cio("verify", "--archive", str(there), CIO_AUDIT_KEY_FILE="")
    assert code == 2
    assert "No public key is known" in said


async def test_an_archive_is_made_once(shelf: Shelf) -> None:
    there = await shelf.archived()
    before = {one.name: one.stat().st_mtime_ns for one in there.iterdir()}
    code, said = await shelf.cio("archive", str(there.parent))
    assert code == 0
    assert "were already in" in said
    assert {one.name: one.stat().st_mtime_ns for one in there.iterdir()} == before


@pytest.mark.parametrize("last", [10, 12, 30])
async def test_a_stretch_may_be_named(shelf: Shelf, last: int) -> None:
    folder = str(shelf.folder / "archives")
    code, made = await shelf.json("archive", folder, "--to", str(last))
    assert (code, made["manifest"]["last_seq"]) == (0, last)
    with pytest.raises(RecordRefused, match="record 31 is missing"):
        await shelf.cio("archive", folder, "--to", "31")


async def test_a_moment_may_be_named(shelf: Shelf) -> None:
    folder = str(shelf.folder / "archives")
    with pytest.raises(RecordRefused, match="nothing to archive"):
        await shelf.cio("archive", folder, "--before", "2020-01-01")
    code, made = await shelf.json("archive", folder, "--before", "2027-01-01T00:00")
    assert (code, made["manifest"]["last_seq"]) == (0, 30)


async def test_what_was_done_to_an_archive_is_named(shelf: Shelf) -> None:
    there = await shelf.archived()
    records = there / "records-000001.jsonl.gz"
    whole = records.read_bytes()
    for odd in (whole[:-9], whole.replace(whole[40:41], b"?", 1), b""):
        records.write_bytes(odd)
        code, said = await shelf.cio("verify", "--archive", str(there))
        assert code == 1
        assert "records-000001.jsonl.gz is not as it was archived" in said
    records.unlink()
    code, found = await shelf.json("verify", "--archive", str(there))
    assert (code, found["faults"]) == (1, ["records-000001.jsonl.gz is missing"])


async def test_an_archive_is_held_against_what_was_kept_elsewhere(shelf: Shelf) -> None:
    there, kept = await shelf.archived(), shelf.folder / "kept.json"
    record = record_of(20, 10, 5)
    kept.write_bytes(written_checkpoint(signed(record.traces[9])))
    against = ("verify", "--archive", str(there), "--against", str(kept))
    assert (await shelf.cio(*against))[0] == 0
    other = record_of(20, 10, 30).traces[9] | {"hash": "f" * 64}
    kept.write_bytes(written_checkpoint(signed(other)))
    code, said = await shelf.cio(*against)
    assert code == 1
    assert "the checkpoint of record 10 does not fit" in said
    kept.write_bytes(written_checkpoint(signed(record.traces[29])))
    code, said = await shelf.cio(*against)
    assert code == 2
    assert "1 checkpoints that you kept are about other records" in said


async def test_nothing_is_archived_without_a_key(shelf: Shelf) -> None:
    for command in ("archive", "backup"):
        with pytest.raises(Misconfigured, match="CIO_AUDIT_KEY_FILE"):
            await shelf.cio(command, str(shelf.folder / "archives"), CIO_AUDIT_KEY_FILE="")


async def test_what_is_archived_and_old_is_deleted_when_it_is_said(shelf: Shelf) -> None:
    there = await shelf.archived()
    code, planned = await shelf.prune(str(there))
    assert (code, planned["records_that_may_go"], planned["deleted"]) == (0, 20, 0)
    assert (await shelf.verified())[1]["records"] == 30
    code, done = await shelf.prune(str(there), "--yes")
    assert (code, done["deleted"], done["no_more_because"]) == (0, 20, "the archive ends there")
    code, found = await shelf.verified()
    assert (code, found["outcome"], found["records"]) == (0, "proven", 10)
    assert (found["archived_until"], found["proven_until"]) == (20, 30)
    code, said = await shelf.cio("verify")
    assert "Records 1 to 20 are in archives: verify those apart." in said
    database = shelf.mongo[shelf.database]
    assert await database.poisoned.count_documents({}) == 0
    assert await database.checkpoints.count_documents({}) == 2
    code, again = await shelf.prune(str(there), "--yes")
    assert (code, again["records_that_may_go"], again["deleted"]) == (0, 0, 0)


async def test_the_plan_is_said_in_words(shelf: Shelf) -> None:
    there = await shelf.archived()
    words = (
        ((), "Nothing is deleted: say --yes to do it."),
        (("--yes",), "20 records are deleted."),
        ((), "No record may go."),
    )
    for arguments, told in words:
        said = await asyncio.to_thread(
            cio, "audit", "prune", str(there), *arguments, environ=shelf.pruning
        )
        assert told in said[1]


async def test_who_deletes_is_not_who_stores(shelf: Shelf) -> None:
    there = str(await shelf.archived())
    with pytest.raises(Misconfigured, match="CIO_MONGO_PRUNE_URL: it is not set"):
        await shelf.cio("prune", there)
    with pytest.raises(Misconfigured, match="must not be who stores them"):
        await shelf.cio("prune", there, CIO_MONGO_PRUNE_URL=shelf.url)


async def test_the_chain_goes_on_after_it_was_pruned(shelf: Shelf) -> None:
    await shelf.prune(str(await shelf.archived()), "--yes")
    code, backup = await shelf.json("backup", str(shelf.folder / "backups"))
    assert (code, backup["manifest"]["first_seq"], backup["manifest"]["last_seq"]) == (0, 21, 30)
    other = Shelf(shelf.mongo, shelf.url, shelf.folder)
    code, restored = await other.json("restore", backup["folder"], "--no-journal")
    assert (code, restored["records"]) == (0, 10)
    code, found = await other.verified()
    assert (code, found["archived_until"], found["proven_until"]) == (0, 20, 30)
    await shelf.mongo.drop_database(other.database)


async def test_an_archive_can_be_looked_at_in_a_database_of_its_own(shelf: Shelf) -> None:
    there = await shelf.archived()
    other = Shelf(shelf.mongo, shelf.url, shelf.folder)
    code, said = await other.cio("restore", str(there), "--no-journal")
    assert code == 0
    assert "records 1 to 20, as they were archived" in said
    assert (await other.verified())[1]["proven_until"] == 20
    with pytest.raises(RecordRefused, match="not empty"):
        await other.cio("restore", str(there), "--no-journal")
    with pytest.raises(RecordRefused, match="no public key"):
        await other.cio("restore", str(there), "--no-journal", CIO_AUDIT_KEY_FILE="")
    await shelf.mongo.drop_database(other.database)


# --- deaths ---------------------------------------------------------------------------------------


async def killed(shelf: Shelf, environ: dict[str, str], *arguments: str, when: Any) -> None:
    """Run a command as a process of its own and kill it as soon as something is true."""
    script = f"import sys; sys.argv = {['cio', 'audit', *arguments]!r}; " + (
        "from petrosa_cio.cli.main import main; main()"
    )
    async with python(script, environ=dict(os.environ) | {"PYTHONPATH": str(ROOT)} | environ) as it:

        async def is_time() -> bool:
            return it.returncode is not None or bool(await when())

        await eventually(is_time, timeout_s=60)
        if it.returncode is None:
            it.send_signal(signal.SIGKILL)
        await it.wait()


@pytest.mark.chaos
async def test_killed_in_the_middle_of_anything_it_is_begun_again(shelf: Shelf) -> None:
    await shelf.mongo.drop_database(shelf.database)
    await shelf.put(record_of(2_000, 100, 100))
    folder = shelf.folder / "archives"
    unfinished = folder / UNFINISHED / "records-000001.jsonl.gz"

    async def is_writing() -> bool:
        return unfinished.exists()

    await killed(shelf, shelf.environ, "archive", str(folder), when=is_writing)
    there = await shelf.archived()
    assert not unfinished.exists()
    traces = shelf.mongo[shelf.database].traces

    async def is_deleting() -> bool:
        return await traces.find_one({"seq": 1}) is None

    await killed(shelf, shelf.pruning, "prune", str(there), "--yes", when=is_deleting)
    code, found = await shelf.verified()
    assert (code, found["outcome"], found["archived_until"]) == (0, "proven", 2_000)
    assert (await shelf.prune(str(there), "--yes"))[0] == 0
    assert await traces.count_documents({}) == 100
    assert (await shelf.verified())[1]["proven_until"] == 2_100


# --- with a journal -------------------------------------------------------------------------------


@pytest.fixture
async def own_mongo(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    server = await start_mongo(tmp_path / "mongo")
    yield server
    await server.stop()


@pytest.fixture
async def world(own_nats: ServerProcess, own_mongo: ServerProcess) -> AsyncIterator[DrainWorld]:
    async with drain_world(own_nats.url, own_mongo.url) as world:
        yield world


@pytest.fixture
def beside(
    world: DrainWorld, own_nats: ServerProcess, own_mongo: ServerProcess, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Shelf:  # fmt: skip
    """Commands beside a journal and its drain."""
    monkeypatch.setenv("CIO_NATS_URL", own_nats.url)
    return Shelf(world.mongo, own_mongo.url, tmp_path, DATABASE)


def batch(number: int) -> list[bytes]:
    name = f"d{number}"
    return [verdict_line(name), b"odd", verdict_line(f"{name}b"), later_line(name)]


async def drained(world: DrainWorld, last: int) -> None:
    async with world.draining():
        await eventually(world.caught_up_to(last), timeout_s=60)


async def test_a_lost_database_is_put_back_and_the_chain_goes_on_to_the_same_end(
    world: DrainWorld, beside: Shelf
) -> None:
    for number in range(5):
        last = await world.journal(*batch(number))
    await drained(world, last)
    await world.proof()
    code, backup = await beside.json("backup", str(beside.folder / "backups"))
    assert (code, backup["manifest"]["records"]) == (0, 20)
    for number in range(5, 10):
        last = await world.journal(*batch(number))
    await drained(world, last)
    proof = await world.proof()
    assert (proof.outcome(40), proof.head.seq) == (Outcome.PROVEN, 40)
    before = [written(one) for one in await world.chain()]
    kept = beside.folder / "kept.json"
    kept.write_text((await beside.cio("checkpoint"))[1])

    await world.mongo.drop_database(DATABASE)
    code, restored = await beside.json("restore", backup["folder"])
    assert (code, restored["last_record"], restored["lost"]) == (0, 20, "")
    waiting = await world.journal(*batch(10))
    await drained(world, waiting)
    chain = await world.chain()
    assert [written(one) for one in chain[:40]] == before
    assert len(chain) == 44
    code, found = await beside.json("verify", "--against", str(kept))
    assert (code, found["outcome"]) == (0, "proven")


async def test_what_neither_backup_nor_journal_has_is_told(
    world: DrainWorld, beside: Shelf
) -> None:
    last = await world.journal(*batch(0))
    await drained(world, last)
    _, backup = await beside.json("backup", str(beside.folder / "backups"))
    for number in range(1, 4):
        last = await world.journal(*batch(number))
    await drained(world, last)
    await world.nats.jetstream().purge_stream("CIO_JOURNAL", seq=last)
    await world.mongo.drop_database(DATABASE)
    code, said = await beside.cio("restore", backup["folder"])
    assert code == 1
    assert "entries 2 to 3 of the journal are in neither" in said


async def test_a_hold_is_a_record_and_stops_what_would_be_deleted(
    world: DrainWorld, beside: Shelf
) -> None:
    async with world.draining():
        await eventually(world.caught_up_to(await world.journal(*batch(0))))
        code, placed = await beside.json(
            "hold", "add", "--strategy", "momentum", "--symbol", "btcusdt",
            "--from", "2026-01-01", "--until", "2027-01-01", "--reason", "inquiry 12",
            "--by", "counsel",
        )  # fmt: skip
        assert (code, placed["counts"]) == (0, True)
        hold_id = placed["hold"]
        [found] = json.loads((await beside.cio("hold", "list", "--json"))[1])
        assert (found["hold_id"], found["held"]["symbol"]) == (hold_id, "BTCUSDT")
        code, said = await beside.cio("hold", "list")
        assert f"{hold_id}: strategy momentum, symbol BTCUSDT, from 2026-01-01 00:00" in said
        assert "by counsel: inquiry 12" in said
        with pytest.raises(RecordRefused, match="somebody else has to release it"):
            await beside.cio("hold", "release", hold_id, "--reason", "x", "--by", "counsel")
        code, said = await beside.cio(
            "hold", "release", hold_id, "--reason", "closed", "--by", "chief"
        )
        assert (code, said.strip()) == (0, f"{hold_id} is released.")
        with pytest.raises(RecordRefused, match="no hold"):
            await beside.cio("hold", "release", hold_id, "--reason", "x", "--by", "chief")
    assert "No hold stands." in (await beside.cio("hold", "list"))[1]
    assert len(json.loads((await beside.cio("hold", "list", "--all", "--json"))[1])) == 1
    assert (await world.proof()).outcome(6) is Outcome.PROVEN


async def test_a_hold_that_is_not_stored_is_said_not_to_count(
    world: DrainWorld, beside: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("petrosa_cio.keeping.STORED_WITHIN_S", 0.3)
    code, said = await beside.cio("hold", "add", "--id", "d1", "--reason", "inquiry")
    assert code == 1
    assert "is journaled, but not stored yet" in said


@pytest.mark.parametrize(
    "arguments", [(), ("--from", "2027-01-01", "--until", "2026-01-01"), ("--from", "soon")]
)
async def test_a_hold_says_what_it_holds(beside: Shelf, arguments: tuple[str, ...]) -> None:
    assert (await beside.cio("hold", "add", "--reason", "inquiry", *arguments))[0] == 2


def test_the_drain_that_is_rewound_is_the_one_that_runs() -> None:
    assert DRAIN_CONSUMER == CONSUMER


# The driver leaves a socket to the garbage when a connection is refused.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_nothing_is_put_back_where_the_journal_could_not_go_on(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, other = await shelf.archived(), Shelf(shelf.mongo, shelf.url, shelf.folder)
    with pytest.raises(Unavailable, match="nats"):
        await other.cio("restore", str(there), CIO_NATS_URL="nats://127.0.0.1:9")
    assert other.database not in await shelf.mongo.list_database_names()

    async def away(_settings: Settings) -> None:
        raise Unavailable("nats", "it cannot reset a consumer")

    async def reached(_settings: Settings) -> JournalSpan:
        return JournalSpan(1, 1)

    monkeypatch.setattr("petrosa_cio.cli.audit_archive.span_of_journal", reached)
    monkeypatch.setattr("petrosa_cio.cli.audit_archive.rewind_drain", away)
    code, said = await other.cio("restore", str(there), CIO_NATS_URL="nats://127.0.0.1:9")
    assert code == 1
    assert "nats consumer rm CIO_JOURNAL cio-drain" in " ".join(said.split())
    await shelf.mongo.drop_database(other.database)
