"""What is counted of the guard. Label values come from closed lists only."""

from prometheus_client import Counter, Gauge

from petrosa_cio.governance.guard.alert import Outcome

TRIPPED = Counter(
    "cio_policy_guard_trips_total",
    "Times a new revision of the policy was out of bounds, by what came of it.",
    ["outcome"],
)
WATCHED = Gauge(
    "cio_policy_guard_revision",
    "Revision of the policy that the guard watches now; 0 while it watches none.",
    multiprocess_mode="mostrecent",
)

# What never happened is shown as zero, so that its first time is seen as an increase.
for _outcome in Outcome:
    TRIPPED.labels(_outcome)


class PrometheusGuardTally:
    """Counts into the process's Prometheus registry."""

    def watching(self, revision: int) -> None:
        """Show which revision is watched; 0 for none."""
        WATCHED.set(revision)

    def tripped(self, outcome: Outcome) -> None:
        """Count a revision that was out of bounds."""
        TRIPPED.labels(outcome).inc()
