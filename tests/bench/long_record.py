"""``python -m tests.bench.long_record``: how long a proof of a long record takes, and the drain.

The record is synthetic: one recorded verdict, again and again under other identities, chained and
signed as the role ``record`` does it. It is written without syncing, which is not measured.
"""

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from subprocess import PIPE
from tempfile import mkdtemp
from typing import Annotated

import orjson
import psutil
import typer

from petrosa_cio.adapters.children import start_child, stop_child
from petrosa_cio.adapters.embedded import start_mongo, start_nats, start_redis
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.mongo_checkpoints import MongoCheckpoints
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_schema import TRACES
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.adapters.nats_journal import NatsJournal
from petrosa_cio.adapters.nats_position import NatsPosition
from petrosa_cio.adapters.nats_streams import JOURNAL, ensure_streams
from petrosa_cio.app import DRAIN_CONSUMER
from petrosa_cio.audit.chain import GENESIS, chained, head_at
from petrosa_cio.audit.trace import read_entries
from petrosa_cio.errors import Unavailable
from petrosa_cio.servers import stream_settings
from petrosa_cio.settings import load_settings
from tests.bench.__main__ import DATA
from tests.bench.loading import ROOT
from tests.bench.usage import MIB
from tests.chains import CHAIN, SIGNER
from tests.records import NOON, entry
from tests.waiting import eventually

DATABASE = "long_record"
TOGETHER = 1_000
IN_A_MESSAGE = 128
SAMPLE_EVERY_S = 0.2

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def measure(
    records: Annotated[int, typer.Option(min=0, help="Length of the record to prove.")] = 1_000_000,
    drained: Annotated[int, typer.Option(min=0, help="Records that the drain is given.")] = 50_000,
) -> None:
    """Measure `cio audit verify` on a long record, and how fast the role `record` stores records.

    Both on the MongoDB stand-in. For a million records it writes for some minutes and takes about
    4 GB of the disk meanwhile.
    """
    DATA.mkdir(exist_ok=True)
    folder = Path(mkdtemp(dir=DATA))
    try:
        asyncio.run(measure_both(folder, records, drained))
    finally:
        shutil.rmtree(folder)


async def measure_both(folder: Path, records: int, drained: int) -> None:
    """Measure in a new folder, and say what came of it; 0 leaves one out."""
    if records:
        lines = map(line, range(records))
        async with written(folder / "proof", lines) as mongo:
            await _measure_proof(mongo, records)
    if drained:
        await _measure_drain(folder / "drain", drained)


def line(number: int) -> bytes:
    """Return the record of one verdict."""
    return orjson.dumps(_VERDICT | {"decision_id": f"{number:032x}"})


_VERDICT = json.loads((ROOT / "tests" / "cases" / "record.json").read_text())["verdict"]


@asynccontextmanager
async def written(folder: Path, lines: Iterable[bytes]) -> AsyncIterator[ServerProcess]:
    """Write a signed record of these lines; the server that has it does not sync."""
    mongo = await start_mongo(folder)
    await mongo.stop()
    without = [one for one in mongo.command if one != "--sync-on-commit"]
    mongo.command = [*without, "--standalone"]  # it keeps no log of operations then
    await mongo.start()
    client = connect_mongo(mongo.url)
    try:
        await _write(client, iter(lines))
        yield mongo
    finally:
        await client.close()
        await mongo.stop()


async def _write(client: MongoClient, lines: Iterator[bytes]) -> None:
    await MongoTraceStore(client, DATABASE).prepare()
    traces = client[DATABASE][TRACES]
    checkpoints, head = MongoCheckpoints(client, DATABASE), GENESIS
    while together := list(islice(lines, TOGETHER)):
        journaled = entry(*together, sequence=head.seq + 1)
        linked = chained(head, read_entries([journaled]).traces)
        await traces.insert_many(linked)
        head = head_at(linked[-1])
        await checkpoints.store(str(head.seq), asdict(SIGNER.sign(CHAIN, head, NOON)))


async def _measure_proof(mongo: ServerProcess, records: int) -> None:
    environ = {"CIO_MONGO_URL": mongo.url, "CIO_MONGO_DATABASE": DATABASE}
    command = ("petrosa_cio", "audit", "verify", "--json", "--public-key", SIGNER.public_key.hex())
    server, before, began = process_of(mongo), cpu_s(process_of(mongo)), time.monotonic()
    verify = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, stdout=PIPE, env=os.environ | environ
    )
    ours, answer = psutil.Process(verify.pid), asyncio.create_task(verify.communicate())
    peak, used_s = 0, 0.0
    while not answer.done():
        with suppress(psutil.NoSuchProcess):
            peak, used_s = max(peak, ours.memory_info().rss), cpu_s(ours)
        await asyncio.wait({answer}, timeout=SAMPLE_EVERY_S)
    took_s = time.monotonic() - began
    found = json.loads(answer.result()[0])
    if (found["outcome"], found["proven_until"]) != ("proven", records):
        raise RuntimeError(f"not proven: {found}")
    typer.echo(
        f"cio audit verify: {records:,} records in {took_s:.1f} s, {took_s / records * 1e6:.0f} µs "
        f"each; processor time {used_s:.1f} s, of the server {cpu_s(server) - before:.1f} s; most "
        f"memory {peak / MIB:.0f} MiB; {busy()}"
    )


async def _measure_drain(folder: Path, number: int) -> None:
    async with AsyncExitStack() as closing:
        servers = {
            name: await start(folder / name)
            for name, start in (
                ("nats", start_nats),
                ("redis", start_redis),
                ("mongo", start_mongo),
            )
        }
        for one in servers.values():
            closing.push_async_callback(one.stop)
        environ = {f"CIO_{name.upper()}_URL": one.url for name, one in servers.items()}
        nats = await connect_nats(NatsAccess(servers["nats"].url), name="bench")
        closing.push_async_callback(nats.close)
        await _journal(nats, environ, number)
        output = closing.enter_context((folder / "record.log").open("wb"))
        child = start_child(
            [sys.executable, "-m", "petrosa_cio", "run", "--role", "record"],
            environ=os.environ | environ,
            output=output,
        )
        closing.push_async_callback(stop_child, child, grace_s=20)
        await _watch_drain(nats, psutil.Process(child.pid), process_of(servers["mongo"]), number)


async def _journal(nats: RobustClient, environ: Mapping[str, str], number: int) -> None:
    await ensure_streams(nats.jetstream(), stream_settings(load_settings(environ)))
    journal = NatsJournal(nats, timeout_s=10)
    for first in range(0, number, IN_A_MESSAGE):
        await journal.append([line(one) for one in range(first, min(first + IN_A_MESSAGE, number))])


async def _watch_drain(
    nats: RobustClient, record: psutil.Process, mongo: psutil.Process, number: int
) -> None:
    position = NatsPosition(nats, stream=JOURNAL, consumer=DRAIN_CONSUMER)
    last = (await nats.jetstream().stream_info(JOURNAL)).state.last_seq

    async def until(sequence: int) -> float:
        async def reached() -> bool:
            with suppress(Unavailable):  # as long as it was never begun
                return await position.acknowledged_until() >= sequence
            return False

        await eventually(reached, timeout_s=3_600)
        return time.monotonic()

    began = await until(1)
    before = cpu_s(record), cpu_s(mongo)
    took_s = await until(last) - began
    typer.echo(
        f"drain: {number:,} records in {took_s:.1f} s, {number / took_s:,.0f} a second; processor "
        f"time of the role record {cpu_s(record) - before[0]:.1f} s, of the server "
        f"{cpu_s(mongo) - before[1]:.1f} s; {busy()}"
    )


def process_of(server: ServerProcess) -> psutil.Process:
    """Return the process of a server."""
    return psutil.Process(server.pid)


def cpu_s(process: psutil.Process) -> float:
    """Return the processor time that a process has used, seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


def busy() -> str:
    """Return how busy the machine is, in words."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


if __name__ == "__main__":
    app()
