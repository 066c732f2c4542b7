"""The order engine's reports: it says of every signal that it heard that an order is placed.

The fleet's engine says so with the venue's first answer, in these words. What it does later, fills
and refusals, would let go of what the ledger holds, and that is looked at elsewhere.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import orjson

from petrosa_cio.adapters.nats_client import Outgoing, RobustClient
from tests.chaos.storing import until_stored
from tests.integration.gate_house import Heard

EXECUTIONS = "execution.events"
AT_ONCE = 64
"""Reports that wait for their answer at the same time."""

LOOK_S = 0.05


class Reporter:
    """Reports signals until a stream has each report; one may come twice, as the engine's do.

    Attributes:
        reported: How many signals are reported.
    """

    def __init__(self, client: RobustClient, signals: Sequence[Heard]) -> None:
        """Take a connection and what the engine hears, which grows."""
        self._client = client
        self._signals = signals
        self.reported = 0

    async def run(self) -> None:
        """Report whatever is heard, for ever."""
        while True:
            new = self._signals[self.reported : self.reported + AT_ONCE]
            async with asyncio.TaskGroup() as reports:
                for one in new:
                    reports.create_task(until_stored(self._client, report_of(one)))
            self.reported += len(new)
            await asyncio.sleep(0 if new else LOOK_S)

    @property
    def is_done(self) -> bool:
        """Whether everything that was heard is reported."""
        return self.reported == len(self._signals)


def report_of(signal: Heard) -> Outgoing:
    """Return what the engine says when the venue took an order."""
    now = datetime.now(UTC)
    report = {
        "decision_id": signal.decision_id,
        "strategy_id": signal.body["strategy_id"],
        "order_id": uuid4().hex,
        "event_type": "placed",
        "timestamp": now.isoformat(),
        "reason": "binance_accepted",
        "symbol": signal.body["symbol"],
        "side": signal.body["action"],
        "qty": signal.body["quantity"],
    }
    return Outgoing(f"{EXECUTIONS}.{report['strategy_id']}", orjson.dumps(report))
