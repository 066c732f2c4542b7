"""``cio audit`` beside a real database."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from bson import MaxKey, MinKey, ObjectId, Timestamp

from petrosa_cio.adapters.mongo_checkpoints import MongoCheckpoints
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_proof import MongoProofSource
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.audit.chain import GENESIS, chained, head_at
from petrosa_cio.audit.checkpoint import read_checkpoints
from petrosa_cio.audit.checkpointer import Checkpointer, Rhythm
from petrosa_cio.audit.trace import read_entries
from petrosa_cio.errors import Misconfigured
from tests.chains import SIGNER
from tests.commands import cio
from tests.fakes import FakeAnnouncer
from tests.records import NOON, entry, verdict_line
from tests.unit.test_checkpointer import Shown

pytestmark = pytest.mark.integration

PUBLIC = SIGNER.public_key.hex()


@dataclass
class Shelf:
    """A record of 30 with checkpoints at 10, 20 and 25, and the command to look at it."""

    mongo: MongoClient
    url: str
    folder: Path
    database: str = field(default_factory=lambda: uuid4().hex)

    @property
    def traces(self) -> Any:
        return self.mongo[self.database].traces

    async def fill(self) -> None:
        store = MongoTraceStore(self.mongo, self.database)
        await store.prepare()
        checkpoints = MongoCheckpoints(self.mongo, self.database)
        signing = Checkpointer(
            "main", SIGNER, store.head, checkpoints, FakeAnnouncer(), Rhythm(1, 60), Shown(),
            lambda: NOON,
        )  # fmt: skip
        lines = [verdict_line(f"d{place}") if place != 4 else b"odd" for place in range(1, 31)]
        found = read_entries([entry(*lines)])
        await store.set_aside(found.aside)
        head, done = GENESIS, 0
        for until in (10, 20, 25, 30):
            linked = chained(head, found.traces[done:until])
            await store.append(linked)
            head, done = head_at(linked[-1]), until
            if until < 30:
                await signing.look()

    async def cio(self, *arguments: str, **changes: str) -> tuple[int, str]:
        environ = {
            "CIO_MONGO_URL": self.url, "CIO_MONGO_DATABASE": self.database,
            "CIO_DATA_DIR": str(self.folder / "data"), **changes,
        }  # fmt: skip
        return await asyncio.to_thread(cio, "audit", *arguments, environ=environ)

    async def verified(self, *arguments: str, **changes: str) -> tuple[int, dict[str, Any]]:
        code, said = await self.cio(
            "verify", "--json", "--public-key", PUBLIC, *arguments, **changes
        )
        return code, json.loads(said)


@pytest.fixture
async def shelf(mongo_url: str, tmp_path: Path) -> AsyncIterator[Shelf]:
    mongo = connect_mongo(mongo_url)
    shelf = Shelf(mongo, mongo_url, tmp_path)
    await shelf.fill()
    yield shelf
    await mongo.drop_database(shelf.database)
    await mongo.close()


async def test_a_whole_record_is_proven(shelf: Shelf) -> None:
    code, found = await shelf.verified()
    assert (code, found["outcome"], found["proven_until"]) == (0, "proven", 25)
    assert (found["records"], found["checkpoints_that_fit"]) == (30, 3)
    code, said = await shelf.cio("verify", "--public-key", PUBLIC)
    assert code == 0
    assert "5 records after it are chained, but not signed yet." in said


@pytest.mark.parametrize(
    ("arguments", "code", "records"),
    [
        (("--from", "5", "--to", "12"), 0, 16),  # on to the checkpoint of record 20
        (("--from", "21"), 0, 10),
        (("--to", "25"), 0, 25),
        (("--to", "26"), 2, 26),
        (("--from", "26"), 2, 5),
        (("--to", "31"), 1, 30),
    ],
)
async def test_a_part_is_proven_by_the_next_checkpoint(
    shelf: Shelf, arguments: tuple[str, ...], code: int, records: int
) -> None:
    ended, found = await shelf.verified(*arguments)
    assert (ended, found["records"]) == (code, records)


@pytest.mark.parametrize(
    ("place", "change"),
    [(7, {"verdict": "deny"}), (7, {"added": 1}), (30, {"codes": ["X"]}), (1, {"at": NOON.min})],
)
async def test_a_changed_record_is_named(shelf: Shelf, place: int, change: dict[str, Any]) -> None:
    await shelf.traces.update_one({"seq": place}, {"$set": change})
    code, found = await shelf.verified()
    assert (code, found["outcome"]) == (1, "broken")
    assert found["first_fault"]["kind"] == "changed"
    assert (found["first_fault"]["seq"], found["first_fault"]["record"]) == (place, f"d{place}")
    code, said = await shelf.cio("verify", "--public-key", PUBLIC)
    assert code == 1
    assert f"Record {place} (d{place}) is changed" in said


async def test_a_deleted_record_is_named(shelf: Shelf) -> None:
    await shelf.traces.delete_one({"seq": 13})
    code, found = await shelf.verified()
    assert (code, found["first_fault"]["kind"], found["first_fault"]["seq"]) == (1, "missing", 13)


NO_PLACES = (
    "none", None, 0, nan, ["none"], b"none", False, NOON, ObjectId(), MinKey(), MaxKey(),
    Timestamp(1, 1),
)  # fmt: skip


async def test_a_record_that_was_put_in_is_found_whatever_its_place(shelf: Shelf) -> None:
    await shelf.mongo[shelf.database].command("collMod", "traces", validator={})
    source = MongoProofSource(shelf.mongo, shelf.database)
    assert await source.without_place() is None
    for place in ({"seq": one} for one in NO_PLACES):
        await shelf.traces.insert_one({"_id": "stray", **place})
        found = await source.without_place()
        assert found, place
        assert found["_id"] == "stray"
        await shelf.traces.delete_one({"_id": "stray"})
    await shelf.traces.insert_one({"_id": "stray"})
    code, proof = await shelf.verified()
    assert (code, proof["first_fault"]["record"]) == (1, "stray")


async def test_what_was_set_aside_is_proven_too(shelf: Shelf) -> None:
    poisoned = shelf.mongo[shelf.database].poisoned
    await poisoned.update_one({}, {"$set": {"raw": "b2Rk" + "b2Rk"}})
    code, found = await shelf.verified()
    assert (code, found["first_fault"]["seq"]) == (1, 4)
    await poisoned.delete_many({})
    assert (await shelf.verified())[0] == 1


async def test_a_record_that_was_cut_off_does_not_fit_what_was_kept(shelf: Shelf) -> None:
    code, line = await shelf.cio("checkpoint")
    assert code == 0
    kept = shelf.folder / "kept.json"
    kept.write_text(line)
    assert read_checkpoints(line.encode())[0].seq == 25
    assert (await shelf.verified("--against", str(kept)))[0] == 0
    await shelf.traces.delete_many({"seq": {"$gt": 20}})
    await shelf.mongo[shelf.database].checkpoints.delete_many({"seq": {"$gt": 20}})
    assert (await shelf.verified())[0] == 0  # nobody can tell from what is left
    code, found = await shelf.verified("--against", str(kept))
    assert (code, found["misfits"][0]["detail"]) == (1, "record 25 is not there")


async def test_a_checkpoint_that_was_changed_does_not_fit(shelf: Shelf) -> None:
    checkpoints = shelf.mongo[shelf.database].checkpoints
    await checkpoints.update_one({"seq": 20}, {"$set": {"at": NOON.replace(year=2027)}})
    code, found = await shelf.verified()
    assert (code, found["checkpoints_that_do_not_fit"]) == (1, 1)
    unsigned = {"$unset": {"signature": True}}
    await checkpoints.update_one({"seq": 20}, unsigned, bypass_document_validation=True)
    code, found = await shelf.verified()
    assert (code, found["misfits"][0]["seq"]) == (1, 0)


async def test_nothing_is_proven_that_cannot_be_checked(shelf: Shelf) -> None:
    code, said = await shelf.cio("verify")
    assert code == 2
    assert "No public key is known" in said
    await shelf.mongo[shelf.database].checkpoints.delete_many({})
    code, found = await shelf.verified()
    assert (code, found["outcome"]) == (2, "not proven")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--public-key", "short"),
        ("--against", "pyproject.toml"),
        ("--against", "{kept}", "--from", "26"),
    ],
)
async def test_what_cannot_be_asked_is_said(shelf: Shelf, arguments: tuple[str, ...]) -> None:
    kept = shelf.folder / "kept.json"
    kept.write_text((await shelf.cio("checkpoint"))[1])
    asked = [one.format(kept=kept) for one in arguments]
    assert (await shelf.cio("verify", *asked))[0] == 2


# The driver leaves a socket to the garbage when a connection is refused.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_database_that_is_away_proves_nothing(shelf: Shelf) -> None:
    away = {"CIO_MONGO_URL": "mongodb://127.0.0.1:9/"}
    assert (await shelf.cio("verify", **away))[0] == 2
    assert (await shelf.cio("verify", CIO_MONGO_URL=""))[0] == 2
    gc.collect()


async def test_a_key_is_made_once_and_shown_in_public(shelf: Shelf) -> None:
    with pytest.raises(Misconfigured, match="no key"):
        await shelf.cio("key")
    file = shelf.folder / "audit.key"
    code, said = await shelf.cio("key", "--new", str(file), "--json")
    assert (code, file.stat().st_mode & 0o777) == (0, 0o600)
    shown = json.loads(said)
    assert bytes.fromhex(file.read_text()) not in bytes.fromhex(shown["public_key"])
    named = {"CIO_AUDIT_KEY_FILE": str(file)}
    assert shown["public_key"] in (await shelf.cio("key", **named))[1]
    with pytest.raises(Misconfigured, match="exists"):
        await shelf.cio("key", "--new", str(file))
    file.chmod(0o640)
    with pytest.raises(Misconfigured, match="0640"):
        await shelf.cio("key", **named)


async def test_a_record_without_a_checkpoint_has_none_to_keep(shelf: Shelf) -> None:
    await shelf.mongo[shelf.database].checkpoints.delete_many({})
    assert (await shelf.cio("checkpoint"))[0] == 1
