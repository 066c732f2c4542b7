"""Intents for a load: shaped and sized as the fleet's, each with its own id and the time it bears.

The numbers of a mix are the intents' own: the same number makes the same id, so that whoever hears
of an id knows which intent it was.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from petrosa_cio.fleet.recordings import ID_FIELDS, RecordedIntent, read_recording
from petrosa_cio.risk.parse import subject_token
from tests.deciding import load

STRATEGIES = 40
STEADY, FLEET = "steady", "fleet"

Maker = Callable[[int, float], tuple[str, bytes]]
"""Makes the intent of a number, for a moment in epoch seconds: (subject, body)."""


def strategies() -> tuple[str, ...]:
    """Return the names of the strategies of the steady mix."""
    return tuple(f"candle_reversal_{number}" for number in range(STRATEGIES))


def fleet_messages() -> Iterator[RecordedIntent]:
    """Iterate over one recorded message of every shape that the fleet sends."""
    for case in load("fleet_messages.yaml"):
        message: dict[str, Any] = case["message"]
        strategy = message.get("strategy_id") or message["strategy_name"]
        yield RecordedIntent(f"intent.{subject_token(strategy)}", message)


def market_prices() -> dict[str, str]:
    """Return for each symbol of these messages the market price that they saw."""
    payloads = [one.payload for one in fleet_messages()]
    return {
        str(each["symbol"]): str(each["current_price"])
        for each in payloads
        if each.get("symbol") and each.get("current_price")
    }


def maker(mix: str) -> Maker:
    """Return what makes a mix: ``steady``, ``fleet``, or the path of a file of recorded intents.

    ``steady`` is the fleet's commonest shape, an opening that a full policy approves, from forty
    strategies in turn. Raises ValueError for a file without intents.
    """
    if mix == STEADY:
        return _steady(next(fleet_messages()).payload)
    found = list(fleet_messages() if mix == FLEET else read_recording(Path(mix).read_bytes()))
    if not found:
        raise ValueError(f"{mix} holds no intents")
    return _in_turn(found)


def stated_id(number: int) -> str:
    """Return the id that the intent of a number states: 32 hexadecimal digits."""
    return f"{number:032x}"


def _steady(shape: dict[str, object]) -> Maker:
    names = strategies()

    def make(number: int, at: float) -> tuple[str, bytes]:
        name = names[number % STRATEGIES]
        stated = {"strategy_id": name, "strategy": name, "quantity": 0.001}
        return f"cio.intent.trading.{name}", _body(shape | stated, number, at)

    return make


def _in_turn(recorded: Sequence[RecordedIntent]) -> Maker:
    def make(number: int, at: float) -> tuple[str, bytes]:
        one = recorded[number % len(recorded)]
        return one.subject, _body(one.payload, number, at)

    return make


def _body(payload: dict[str, object], number: int, at: float) -> bytes:
    stated = {key: stated_id(number) for key in ID_FIELDS if isinstance(payload.get(key), str)}
    if "timestamp" in payload:
        stated["timestamp"] = datetime.fromtimestamp(at, UTC).isoformat()
    return orjson.dumps(payload | stated)
