"""``cio audit init``, and what its user may do on a server that asks who is there."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import pytest
from pymongo.errors import OperationFailure

from petrosa_cio.adapters.embedded import start_mongo
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_findings import MongoFindings
from petrosa_cio.adapters.mongo_prune import MongoPruneStore
from petrosa_cio.adapters.mongo_rights import rights
from petrosa_cio.adapters.mongo_schema import COLLECTIONS
from petrosa_cio.adapters.mongo_search import MongoSearch
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.audit.beginning import sign_beginning
from petrosa_cio.audit.chain import GENESIS, chained, head_at
from petrosa_cio.audit.findings import Finding, FindingKind, finding_document
from petrosa_cio.audit.search import Finder
from petrosa_cio.audit.trace import read_entries
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.ports import Appended, RecordQuery
from tests.chains import SIGNER
from tests.commands import cio
from tests.records import NOON, entry, verdict_line

pytestmark = pytest.mark.integration

USER = "petrosa-cio-record"
ROOT_USER = {
    "createUser": "root",
    "pwd": "root-pass",  # pragma: allowlist secret
    "roles": [{"role": "root", "db": "admin"}],
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server where one must sign in, with a user who may do everything."""
    server = await start_mongo(tmp_path / "mongo")
    client = connect_mongo(server.url)
    await client.admin.command(ROOT_USER)
    await client.close()
    await server.stop()
    server.command = [*server.command, "--auth"]
    await server.start()
    yield server
    await server.stop()


def as_user(server: ServerProcess, user: str, password: str, source: str) -> str:
    return f"mongodb://{user}:{password}@127.0.0.1:{server.port}/?directConnection=true&authSource={source}"


async def initialised(server: ServerProcess, *arguments: str) -> dict[str, object]:
    url = as_user(server, "root", "root-pass", "admin")
    code, said = await asyncio.to_thread(
        cio, "audit", "init", url, "--json", *arguments, environ={"CIO_MONGO_DATABASE": "records"}
    )
    assert code == 0
    found: dict[str, object] = json.loads(said)
    return found


async def refused(work: object) -> bool:
    try:
        await work  # type: ignore[misc]
    except OperationFailure as error:
        return error.code == 13
    return False


async def test_the_user_can_store_the_record_and_not_change_it(server: ServerProcess) -> None:
    made = await initialised(server)
    assert len(made["done"]) == len(COLLECTIONS) + 4  # type: ignore[arg-type]
    url = as_user(server, USER, str(made["password"]), "records")
    client = connect_mongo(url)
    store = MongoTraceStore(client, "records")
    await store.prepare()
    found = read_entries([entry(verdict_line("d1"), b"odd")])
    assert await store.append(chained(GENESIS, found.traces)) == Appended(2)
    assert await store.set_aside(found.aside) == 1
    assert await store.poisoned() == 1
    assert await store.verdicts_of(["d1"]) == {"d1": "approve"}
    assert await store.sequence_at(NOON) == 1
    search = MongoSearch(client, "records")
    page = await Finder(search).find(RecordQuery())
    assert [one.seq async for one in search.walk(RecordQuery(), last=2)] == [1, 2]
    assert [one.seq for one in page.records] == [2, 1]
    findings = MongoFindings(client, "records")
    finding = finding_document(
        Finding(FindingKind.NO_VERDICT, "d2", NOON, {}, "d2"), fund="main", found_at=NOON
    )
    assert await findings.keep([finding]) == {finding["_id"]}
    assert await findings.open_among([str(finding["_id"])]) != []
    traces, alerts = client.records.traces, client.records.alerts
    with pytest.raises(Unavailable, match="validation"):
        await findings.keep([{"_id": "odd", "kind": "no_verdict"}])
    for work in (
        alerts.update_one({}, {"$set": {"kind": "over"}}),
        alerts.delete_many({}),
        traces.update_one({}, {"$set": {"verdict": "deny"}}),
        traces.delete_many({}),
        traces.drop(),
        traces.drop_indexes(),
        client.drop_database("records"),
        client.records.command("createUser", "me", pwd="x", roles=["readWrite"]),
    ):
        assert await refused(work)
    await client.close()


async def test_it_may_be_repeated(server: ServerProcess, tmp_path: Path) -> None:
    first = await initialised(server)
    again = await initialised(server)
    assert again["password"] is None
    assert first["password"]
    file = tmp_path / "password"
    file.write_text("another\n")
    await initialised(server, "--password-file", str(file))
    client = connect_mongo(as_user(server, USER, "another", "records"))
    assert await client.records.traces.find_one() is None
    await client.close()


async def test_who_may_not_make_the_index_needs_to_find_it(server: ServerProcess) -> None:
    made = await initialised(server)
    root = connect_mongo(as_user(server, "root", "root-pass", "admin"))
    await root.records.traces.drop_indexes()
    await root.close()
    client = connect_mongo(as_user(server, USER, str(made["password"]), "records"))
    with pytest.raises(Misconfigured, match="unique index"):
        await MongoTraceStore(client, "records").prepare()
    await client.close()


async def test_init_needs_to_know_where(server: ServerProcess) -> None:
    with pytest.raises(Misconfigured, match="CIO_MONGO_ADMIN_URL"):
        await asyncio.to_thread(cio, "audit", "init")


async def test_the_stand_in_is_known_for_what_it_is(mongo_url: str) -> None:
    client: MongoClient = connect_mongo(mongo_url)
    found = await rights(client, "records")
    assert (found.user, found.is_stand_in, found.is_broad) == ("", True, False)
    await client.close()


async def test_who_deletes_can_delete_records_and_change_none(server: ServerProcess) -> None:
    made = await initialised(server, "--prune-user", "pruner")
    assert made["prune_user"] == "pruner"
    recording = connect_mongo(as_user(server, USER, str(made["password"]), "records"))
    pruning = connect_mongo(as_user(server, "pruner", str(made["prune_password"]), "records"))
    found = read_entries([entry(verdict_line("d1"), verdict_line("d2"))])
    traces = chained(GENESIS, found.traces)
    await MongoTraceStore(recording, "records").append(traces)
    stated = asdict(sign_beginning(SIGNER, "main", head_at(traces[0]), "a" * 64, NOON))
    store = MongoPruneStore(pruning, "records")
    await store.state_beginning("1", stated)
    assert await store.remove([], 1) == 1
    await store.remove_checkpoints(1)
    # The stand-in knows what a role may do in a database, not in which of its collections.
    for work in (
        pruning.records.traces.update_one({}, {"$set": {"verdict": "deny"}}),
        pruning.records.traces.drop(),
        pruning.records.traces.drop_indexes(),
        pruning.records.command("createUser", "me", pwd="x", roles=["readWrite"]),
    ):
        assert await refused(work)
    again = await initialised(server, "--prune-user", "pruner")
    assert again["prune_password"] is None
    await recording.close()
    await pruning.close()


async def test_the_passwords_and_addresses_are_shown(server: ServerProcess) -> None:
    url = as_user(server, "root", "root-pass", "admin")
    code, said = await asyncio.to_thread(
        cio,
        "audit",
        "init",
        url,
        "--prune-user",
        "pruner",
        environ={"CIO_MONGO_DATABASE": "records"},
    )
    assert code == 0
    assert "password of pruner: " in said
    assert "CIO_MONGO_PRUNE_URL: mongodb://pruner:PASS" in said
