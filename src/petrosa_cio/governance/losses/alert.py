"""What is told of a loss limit that was reached: once for each time, wherever it is told."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import orjson
import structlog

from petrosa_cio.audit.alerting import ALERT_SUBJECT
from petrosa_cio.governance.guard.alert import AlertStore
from petrosa_cio.governance.losses.metrics import LossTally
from petrosa_cio.ports import Announcer
from petrosa_cio.risk.losses import Latch

log = structlog.get_logger()

KIND: Final = "loss_limit"
"""Kind of these alerts, beside the findings about the record."""

SUBJECT: Final = f"{ALERT_SUBJECT}{KIND}"
"""They are announced here."""


class LossAlerts:
    """Keeps, announces, counts and logs each loss limit that was reached, once."""

    def __init__(
        self,
        fund: str,
        alerts: AlertStore,
        announcer: Announcer,
        tally: LossTally,
        clock: Callable[[], datetime],
    ) -> None:
        """Take where alerts go and who is told."""
        self._fund = fund
        self._alerts = alerts
        self._announcer = announcer
        self._tally = tally
        self._clock = clock
        self._told: set[str] = set()

    async def tell(self, latch: Latch) -> None:
        """Tell that a limit was reached. Raises Unavailable; it is to be told again then."""
        name = f"{self._fund}:{KIND}:{latch.kind}:{latch.strategy}:{latch.at.isoformat()}"
        if name in self._told:
            return
        document: dict[str, object] = {
            "_id": name,
            "fund": self._fund,
            "kind": KIND,
            "decision_id": None,
            "at": latch.at,
            "found_at": self._clock(),
            "detail": {
                "limit": latch.kind.value,
                "strategy": latch.strategy,
                "stated": latch.limit,
                "observed": latch.observed,
            },
        }
        if await self._alerts.keep([document]):
            log.error("loss_limit_reached", **document["detail"])  # type: ignore[arg-type]
            self._tally.reached(latch.kind)
            await self._announcer.announce([(SUBJECT, orjson.dumps(document))])
        self._told.add(name)
