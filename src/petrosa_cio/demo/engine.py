"""The demo's order engine at work: it fills or refuses signals, and closes positions."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

import orjson

from petrosa_cio.demo.chance import dice, identifier
from petrosa_cio.demo.orders import (
    Ending,
    Position,
    Report,
    closing_report,
    opening_reports,
)
from petrosa_cio.errors import Unavailable

SHORTEST_DELAY_S = 0.02
LONGEST_DELAY_S = 0.25

SHORTEST_HOLD = 0.2
LONGEST_HOLD = 0.45
"""How long a position is held at most, as a share of the demo."""

EXECUTIONS = "execution.events"


class Engine:
    """Executes what the gate lets through, at the prices of the demo's market.

    Args:
        seed: The seed of the demo; what becomes of an order depends on it and on the intent's id.
        price: Returns a symbol's price now.
        share: Returns the share of the demo that is over.
        publish: Sends a body to a subject; raises Unavailable.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        seed: int,
        *,
        price: Callable[[str], Decimal],
        share: Callable[[], float],
        publish: Callable[[str, bytes], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self.events: Counter[str] = Counter()
        self.positions: dict[str, Position] = {}
        self._seed = seed
        self._price = price
        self._share = share
        self._publish = publish
        self._clock = clock
        self._busy: set[asyncio.Task[None]] = set()

    def heard(self, body: bytes) -> None:
        """Take a signal; its order is worked on in a task of its own."""
        task = asyncio.create_task(self._execute(orjson.loads(body)))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def _execute(self, signal: dict[str, Any]) -> None:
        chance = dice(self._seed, "order", signal["metadata"]["correlation_id"])
        price = self._price(signal["symbol"])
        for report in opening_reports(signal, price, chance, self._clock()):
            await asyncio.sleep(chance.uniform(SHORTEST_DELAY_S, LONGEST_DELAY_S))
            await self._tell(report)
            self._note(signal, report, chance)

    def _note(self, signal: dict[str, Any], report: Report, chance: Random) -> None:
        self.events[str(report["event_type"])] += 1
        if report["event_type"] == "filled":
            closes_at = self._share() + chance.uniform(SHORTEST_HOLD, LONGEST_HOLD)
            quantity = Decimal(str(signal["quantity"]))
            self.positions[signal["decision_id"]] = Position(signal, quantity, closes_at)

    async def close_due(self) -> None:
        """Close what has reached its stop, its target or its time."""
        for decision_id, position in list(self.positions.items()):
            price = self._price(position.signal["symbol"])
            ending = position.ending(price, self._share())
            if ending is not None:
                del self.positions[decision_id]
                await self._close(position, ending, price)

    async def _close(self, position: Position, ending: Ending, price: Decimal) -> None:
        order_id = identifier(dice(self._seed, "exit", position.signal["decision_id"]))
        self.events[f"closed by {ending.replace('_', ' ')}"] += 1
        await self._tell(closing_report(position, ending, price, order_id, self._clock()))

    async def _tell(self, report: Report) -> None:
        with suppress(Unavailable):  # as with the real engine, what meets no server is lost
            subject = f"{EXECUTIONS}.{report['strategy_id']}"
            await self._publish(subject, orjson.dumps(report))

    async def stop(self) -> None:
        """Drop the orders that are being worked on."""
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)
