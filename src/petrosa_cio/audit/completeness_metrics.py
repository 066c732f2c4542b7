"""What is counted of completeness. Label values come from closed lists only."""

from prometheus_client import Counter, Gauge

from petrosa_cio.audit.books import Books, Stage
from petrosa_cio.audit.findings import FindingKind
from petrosa_cio.audit.metrics import AWAY

FOUND = Counter(
    "cio_findings_total", "Findings about the completeness of the record, by kind.", ["kind"]
)
RECONCILED = Gauge(
    "cio_reconciled", "What the reconciler counted since it began, by stage.", ["stage"],
    multiprocess_mode="mostrecent",
)  # fmt: skip
RECONCILED_UNTIL = Gauge(
    "cio_reconciled_until_seconds",
    "Until when every captured intent is compared with the record, epoch seconds.",
    multiprocess_mode="max",
)
AWAITED = Gauge(
    "cio_approvals_awaited", "Approvals that the order engine has said nothing of yet.",
    multiprocess_mode="mostrecent",
)  # fmt: skip
WATCHED = Counter("cio_signals_watched_total", "Signals that were seen and judged.")
ROGUE = Counter("cio_rogue_signals_total", "Signals that were seen and are not ours.")
OVERLOOKED = Counter(
    "cio_signals_overlooked_total", "Signals that were seen and could not be judged."
)

# What never happened is shown as zero, so that its first time is seen as an increase.
for _kind in FindingKind:
    FOUND.labels(_kind)
for _stage in Stage:
    RECONCILED.labels(_stage)
for _dependency in ("drain", "reconciliation"):
    AWAY.labels(_dependency)


class PrometheusCompletenessTally:
    """Counts into the process's Prometheus registry, for the reconciler and the watch."""

    def found(self, kind: FindingKind, number: int) -> None:
        """Count new findings."""
        FOUND.labels(kind).inc(number)

    def reconciled(self, books: Books) -> None:
        """Show where the reconciler is."""
        for stage, number in books.counts.items():
            RECONCILED.labels(stage).set(number)
        AWAITED.set(len(books.awaited))
        if books.checked_until is not None:
            RECONCILED_UNTIL.set(books.checked_until.timestamp())

    def seen(self, signals: int) -> None:
        """Count signals that were judged."""
        WATCHED.inc(signals)

    def rogue(self, signals: int) -> None:
        """Count signals that are not ours."""
        ROGUE.inc(signals)

    def overlooked(self, signals: int) -> None:
        """Count signals that could not be judged."""
        OVERLOOKED.inc(signals)

    def unavailable(self, dependency: str) -> None:
        """Count a dependency that was away."""
        AWAY.labels(dependency).inc()
