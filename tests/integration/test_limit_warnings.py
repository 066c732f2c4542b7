"""Warnings of two real gates about one limit: of each crossing one speaks, and once."""

from collections import Counter
from pathlib import Path

import orjson
import pytest
from nats.aio.msg import Msg

from petrosa_cio.nurse.limit_warnings import LIMIT_WARNING
from petrosa_cio.nurse.verdict_event import VERDICTS
from tests.integration.gate_house import WIDE_POLICY, gate_house
from tests.integration.gate_intents import messages
from tests.waiting import eventually

pytestmark = pytest.mark.integration


async def test_two_replicas_tell_each_crossing_once(tmp_path: Path) -> None:
    """Each intent is worth 50 USD, and there is room for 37 of 200."""
    policy = WIDE_POLICY.replace("90000000000", "1850")
    verdicts: list[bytes] = []
    warned: Counter[tuple[int, str, bool]] = Counter()

    async def on_verdict(message: Msg) -> None:
        verdicts.append(message.data)

    async def on_warning(message: Msg) -> None:
        event = orjson.loads(message.data)
        assert (event["limit"], event["scope"]) == ("max_gross_exposure_usd", "gross")
        warned[event["band_pct"], event["used"], event["is_refused"]] += 1

    async with gate_house(tmp_path, policy=policy, batch_max=4) as house:
        await house.client.subscribe(VERDICTS, cb=on_verdict)
        await house.client.subscribe(LIMIT_WARNING, cb=on_warning)
        await house.start("r1", "r2")
        await house.publish(messages(200))
        await house.settled()
        await eventually(lambda: len(verdicts) == 200 and len(warned) >= 3)
        await house.quiet()
    assert {key: times for key, times in warned.items() if not key[2]} == {
        (50, "950", False): 1,
        (80, "1500", False): 1,
        (100, "1850", False): 1,
    }
    # Who has not seen the limit fill learns of it by a refusal, and says so once.
    assert warned[100, "1850", True] <= 2
