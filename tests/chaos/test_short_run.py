"""A short run, on every change: each failure once. `make chaos` is the long one."""

from pathlib import Path

import pytest

from tests.chaos.ordeal import Plan
from tests.chaos.result import run
from tests.chaos.schedule import Failure, schedule

pytestmark = pytest.mark.integration

SEED = 1
INTENTS = 3_000


async def test_everything_goes_wrong_once_and_every_promise_holds(tmp_path: Path) -> None:
    plan = Plan(SEED, INTENTS, schedule(SEED, INTENTS, once=True))
    found = await run(tmp_path / "run", plan, lambda _acknowledged: None)
    assert found.problems == []
    assert found.done.keys() == set(Failure)
    assert found.captured >= INTENTS
    assert found.received > INTENTS // 3
    assert {"INTENT_REPEATED", "SYMBOL_NOT_ALLOWED", "NOTIONAL_ABOVE_MAX"} <= found.codes.keys()
