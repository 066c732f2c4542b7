"""What a gate shows of how it stands, now and then: how fresh it is, and what waits for it.

Moments are shown as epoch seconds, so that what stands still is seen to grow old. Where several
gates share a folder of counters, the one that spoke last is shown.
"""

from collections.abc import Callable
from datetime import datetime

from prometheus_client import Counter, Gauge

from petrosa_cio.nurse.feeds import Feeds, Refusal
from petrosa_cio.ports import Backlog

WAITING = Gauge(
    "cio_intents_waiting", "Captured intents that no gate has taken yet.",
    multiprocess_mode="mostrecent",
)  # fmt: skip
IN_HAND = Gauge(
    "cio_intents_in_hand", "Intents that gates have taken and not ended.",
    multiprocess_mode="mostrecent",
)  # fmt: skip
POLICY_CONFIRMED = Gauge(
    "cio_policy_confirmed_timestamp_seconds",
    "When the store last confirmed the policy, epoch seconds.",
    multiprocess_mode="mostrecent",
)
POLICY_REVISION = Gauge(
    "cio_policy_revision", "Revision of the policy in force.", multiprocess_mode="mostrecent"
)
POLICIES_REFUSED = Counter(
    "cio_policies_refused_total",
    "Policies that the store offered and a gate did not take, by what is wrong with them.",
    ["why"],
)
for _refusal in Refusal:
    POLICIES_REFUSED.labels(_refusal)
OVERRIDES_REFUSED = Counter(
    "cio_overrides_refused_total",
    "Overrides for one order that the store offered and a gate did not take: nobody signed them.",
)
TRADING_STATE_READ = Gauge(
    "cio_trading_state_read_timestamp_seconds",
    "When the trading states were last read, epoch seconds.",
    multiprocess_mode="mostrecent",
)
OLDEST_REGIME = Gauge(
    "cio_oldest_regime_timestamp_seconds",
    "When the market regime was observed that is the oldest, epoch seconds; 0 without any.",
    multiprocess_mode="mostrecent",
)
NEWEST_PRICE = Gauge(
    "cio_newest_price_timestamp_seconds",
    "When the believed price was made that is the newest, epoch seconds; 0 without any.",
    multiprocess_mode="mostrecent",
)
OLDEST_PRICE = Gauge(
    "cio_oldest_price_timestamp_seconds",
    "When the believed price was made that is the oldest, epoch seconds; 0 without any.",
    multiprocess_mode="mostrecent",
)
HEARTBEAT = Gauge(
    "cio_heartbeat_timestamp_seconds", "When the last heartbeat was sent, epoch seconds.",
    multiprocess_mode="mostrecent",
)  # fmt: skip


def count_refused(refusal: Refusal) -> None:
    """Count a policy that was not taken over."""
    POLICIES_REFUSED.labels(refusal).inc()


def count_override_refused() -> None:
    """Count an override that was not taken over."""
    OVERRIDES_REFUSED.inc()


class GateGauges:
    """Shows how fresh the gate's picture is, and what waits for it."""

    def __init__(self, feeds: Feeds, backlog: Backlog, *, clock: Callable[[], datetime]) -> None:
        """Take what the gate knows, its stream, and the time as aware UTC."""
        self._feeds = feeds
        self._backlog = backlog
        self._clock = clock

    def note_heartbeat(self) -> None:
        """Say that a heartbeat was sent."""
        HEARTBEAT.set(self._clock().timestamp())

    async def note_backlog(self) -> None:
        """Show what waits. Raises Unavailable where the stream cannot be asked."""
        WAITING.set(await self._backlog.waiting())
        IN_HAND.set(await self._backlog.outstanding())

    async def note_feeds(self) -> None:
        """Show how fresh the picture is, from memory."""
        snapshot = self._feeds.snapshot()
        POLICY_CONFIRMED.set(_epoch(snapshot.policy_confirmed_at))
        POLICY_REVISION.set(snapshot.policy.revision if snapshot.policy else 0)
        TRADING_STATE_READ.set(_epoch(self._feeds.refreshed_at))
        observed = [regime.observed_at for regime in snapshot.regimes.values()]
        OLDEST_REGIME.set(_epoch(min(observed, default=None)))
        priced = [price.observed_at for price in snapshot.reference_prices.values()]
        NEWEST_PRICE.set(_epoch(max(priced, default=None)))
        OLDEST_PRICE.set(_epoch(min(priced, default=None)))


def _epoch(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
