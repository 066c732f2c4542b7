"""The record role's counters, as Prometheus sees them. Label values come from closed lists only."""

from datetime import datetime

from prometheus_client import Counter, Gauge

from petrosa_cio.audit.gauges import NOT_SIGNED, SIGNED_AT
from petrosa_cio.audit.settlement import SettlementOutcome

DRAINED = Counter("cio_records_drained_total", "Records taken from the journal and stored.")
STORED = Counter("cio_records_stored_total", "Records that were new to the store.")
POISONED = Counter(
    "cio_records_poisoned_total",
    "Records set aside, as they do not read or the store refuses them.",
)
DRAINED_UNTIL = Gauge(
    "cio_drained_until_seconds",
    "When the newest stored record was journaled, epoch seconds.",
    multiprocess_mode="max",
)
REFUSED_TO_SIGN = Counter(
    "cio_checkpoints_refused_total",
    "Times nothing was signed, as the chain does not fit what was signed before.",
)
PURGED_BEFORE = Gauge(
    "cio_journal_purged_before", "Journal sequence up to which it was emptied.",
    multiprocess_mode="max",
)  # fmt: skip
SETTLED = Counter(
    "cio_settlements_total", "Execution reports, by what became of them.", ["outcome"]
)
AWAY = Counter("cio_record_unavailable_total", "Times a dependency was away.", ["dependency"])

# What never happened is shown as zero, so that its first time is seen as an increase.
for _outcome in SettlementOutcome:
    SETTLED.labels(_outcome)
for _dependency in ("mongo", "nats", "redis"):
    AWAY.labels(_dependency)


class PrometheusRecordTally:
    """Counts into the process's Prometheus registry, for the drain and the settler."""

    def drained(self, records: int, new: int, journaled_at: datetime) -> None:
        """Count records stored, those of them that were new, and when the newest was journaled."""
        DRAINED.inc(records)
        STORED.inc(new)
        DRAINED_UNTIL.set(journaled_at.timestamp())

    def poisoned(self, records: int) -> None:
        """Count records set aside, as they cannot be stored."""
        POISONED.inc(records)

    def refused_to_sign(self) -> None:
        """Count one time that the chain did not fit what was signed before."""
        REFUSED_TO_SIGN.inc()

    def signed(self, not_signed: int, newest: datetime | None) -> None:
        """Show how many records are not signed, and when the newest checkpoint was made."""
        NOT_SIGNED.set(not_signed)
        SIGNED_AT.set(newest.timestamp() if newest else 0)

    def purged(self, before_sequence: int) -> None:
        """Note up to where the journal was emptied."""
        PURGED_BEFORE.set(before_sequence)

    def settled(self, outcome: SettlementOutcome) -> None:
        """Count one report by what became of it."""
        SETTLED.labels(outcome).inc()

    def unavailable(self, dependency: str) -> None:
        """Count a dependency that was away."""
        AWAY.labels(dependency).inc()
