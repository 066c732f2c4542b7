"""What is counted of losses. Label values come from closed lists only."""

from decimal import Decimal
from typing import Protocol

from prometheus_client import Counter, Gauge

from petrosa_cio.risk.losses import LatchKind

REACHED = Counter(
    "cio_loss_limits_reached_total", "Times a loss limit was reached, by which one.", ["limit"]
)
DRAWDOWN = Gauge(
    "cio_drawdown_bps",
    "How far the fund's equity is below its peak, basis points; NaN where nobody knows.",
    multiprocess_mode="mostrecent",
)
DAILY_LOSS = Gauge(
    "cio_daily_loss_bps",
    "How much of its equity the fund has lost today, basis points; NaN where nobody knows.",
    multiprocess_mode="mostrecent",
)

# What never happened is shown as zero, so that its first time is seen as an increase.
for _kind in LatchKind:
    REACHED.labels(_kind)


class LossTally(Protocol):
    """Is told of losses. None of these may raise or wait."""

    def measured(self, drawdown_bps: Decimal | None, daily_loss_bps: Decimal | None) -> None:
        """Show how much is lost; None where nobody knows."""

    def reached(self, kind: LatchKind) -> None:
        """Count a loss limit that was reached."""


class PrometheusLossTally:
    """Counts into the process's Prometheus registry."""

    def measured(self, drawdown_bps: Decimal | None, daily_loss_bps: Decimal | None) -> None:
        """Show how much is lost; None where nobody knows."""
        for gauge, value in ((DRAWDOWN, drawdown_bps), (DAILY_LOSS, daily_loss_bps)):
            gauge.set(float("nan") if value is None else float(value))

    def reached(self, kind: LatchKind) -> None:
        """Count a loss limit that was reached."""
        REACHED.labels(kind).inc()
