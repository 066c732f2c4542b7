"""The way from a trade at the venue to the decision behind it."""

import asyncio
import json
from pathlib import Path

import pytest
from nats.js.api import StreamConfig

from petrosa_cio.adapters.embedded import ServerProcess
from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats
from petrosa_cio.adapters.nats_streams import EXECUTIONS
from tests.commands import cio

pytestmark = pytest.mark.integration

ORDER = "8389765590001"
FILL = {
    "event_type": "filled", "order_id": ORDER, "decision_id": "d1", "symbol": "BTCUSDT",
    "side": "BUY", "fill_qty": 0.019, "fill_price": 50001.5, "reason": "user_data_stream_fill",
}  # fmt: skip
REPORTS = [
    {**FILL, "event_type": "placed", "reason": "binance_accepted"},
    {**FILL, "order_id": "8389765590002", "decision_id": "d2"},
    FILL,
]


@pytest.fixture
async def environ(own_nats: ServerProcess, tmp_path: Path) -> dict[str, str]:
    """A server that has captured what an engine reported."""
    client = await connect_nats(NatsAccess(own_nats.url), name="engine")
    js = client.jetstream()
    await js.add_stream(StreamConfig(name=EXECUTIONS, subjects=["execution.events.>"]))
    for one in REPORTS:
        await js.publish("execution.events.momentum", json.dumps(one).encode())
    await js.publish("execution.events.momentum", b"no report")
    await client.close()
    return {"CIO_NATS_URL": own_nats.url, "CIO_DATA_DIR": str(tmp_path)}


async def asked(environ: dict[str, str], *options: str) -> tuple[int, str]:
    return await asyncio.to_thread(cio, "audit", "executions", *options, environ=environ)


async def test_an_order_leads_to_its_decision(environ: dict[str, str]) -> None:
    code, said = await asked(environ, "--order", ORDER, "--json")
    found = [json.loads(line) for line in said.splitlines()]
    assert code == 0
    assert [(one["event"], one["decision_id"]) for one in found] == [
        ("placed", "d1"),
        ("filled", "d1"),
    ]
    assert (found[1]["quantity_base_units"], found[1]["price_usd"]) == ("0.019", "50001.5")
    assert json.loads(found[1]["body"]) == FILL


async def test_people_see_order_and_decision_side_by_side(environ: dict[str, str]) -> None:
    code, said = await asked(environ, "--decision", "d2")
    assert code == 0
    assert "0.019 BTCUSDT long at" in said
    assert "8389765590002" in said
    assert "8389765590001" not in said


async def test_both_narrow_and_nothing_found_is_said(environ: dict[str, str]) -> None:
    code, said = await asked(environ, "--order", ORDER, "--decision", "d2")
    assert (code, said) == (1, "The engine reported nothing of it.\n")


async def test_one_of_them_must_be_stated(environ: dict[str, str]) -> None:
    code, said = await asked(environ)
    assert code == 2
    assert "state --order, --decision or both" in said
