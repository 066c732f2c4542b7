"""``python -m tests.bench.long_what_if``: how long a what-if of many recorded verdicts takes.

Intents of every shape that the fleet sends, one every 0.8 seconds, are decided under the starter
policy and written as the role ``record`` writes them. Then `cio policy what-if` reads them from
the MongoDB stand-in and decides them again under a policy that allows half the exposure.
"""

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from subprocess import PIPE
from tempfile import mkdtemp
from typing import Annotated

import orjson
import typer
import yaml

from petrosa_cio.cli.what_if_rehearsal import rehearsed
from tests.bench.__main__ import DATA
from tests.bench.intents import FLEET, maker
from tests.bench.long_record import DATABASE, busy, cpu_s, process_of, written
from tests.records import NOON

START = NOON - timedelta(hours=12)
EVERY_S = 0.8
CLOSES_AFTER = "4h"
LIMIT = "max_gross_exposure_usd"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def measure(
    intents: Annotated[int, typer.Option(min=1, help="Intents to decide again.")] = 100_000,
) -> None:
    """Measure `cio policy what-if` on a long record, from its start to its answer."""
    DATA.mkdir(exist_ok=True)
    folder = Path(mkdtemp(dir=DATA))
    try:
        asyncio.run(_measure(folder, intents))
    finally:
        shutil.rmtree(folder)


async def _measure(folder: Path, number: int) -> None:
    recorded = folder / "intents.jsonl"
    recorded.write_bytes(b"".join(_messages(number)))
    past = rehearsed(recorded, None, None, CLOSES_AFTER)
    assert past is not None
    kept = await past.kept()
    lines = [*kept.changes.values(), *kept.verdicts, *kept.later]
    candidate = folder / "candidate.yaml"
    candidate.write_text(yaml.safe_dump(_candidate()))
    async with written(folder / "record", lines) as mongo:
        environ = {"CIO_MONGO_URL": mongo.url, "CIO_MONGO_DATABASE": DATABASE}
        server, before, began = process_of(mongo), cpu_s(process_of(mongo)), time.monotonic()
        until = START + timedelta(seconds=EVERY_S * number + 1)
        asking = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "petrosa_cio", "policy", "what-if", str(candidate), "--json",
            "--from", START.isoformat(), "--to", until.isoformat(),
            stdout=PIPE, env=os.environ | environ,
        )  # fmt: skip
        answer, _ = await asking.communicate()
        took_s = time.monotonic() - began
        found = json.loads(answer)["what_if"]
        if found["decided"] != number:
            raise RuntimeError(f"not decided: {found}")
        typer.echo(
            f"cio policy what-if: {number:,} verdicts, {found['flipped']:,} flipped, in "
            f"{took_s:.1f} s; processor time of the server {cpu_s(server) - before:.1f} s; {busy()}"
        )


def _messages(number: int) -> Iterator[bytes]:
    make = maker(FLEET)
    for one in range(number):
        at = START + timedelta(seconds=one * EVERY_S)
        subject, body = make(one, at.timestamp())
        stated = {"subject": subject, "payload": orjson.loads(body), "market_time": at.isoformat()}
        yield orjson.dumps(stated) + b"\n"


def _candidate() -> dict[str, object]:
    text = (files("petrosa_cio.governance.starter") / "policy.yaml").read_text()
    policy: dict[str, dict[str, object]] = yaml.safe_load(text)
    policy["fund"][LIMIT] = float(str(policy["fund"][LIMIT])) / 2
    return dict(policy)


if __name__ == "__main__":
    app()
