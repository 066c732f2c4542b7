"""What a shadow counts. Label values come from closed lists only."""

from collections.abc import Mapping
from enum import StrEnum

from prometheus_client import Counter, Gauge

from petrosa_cio.governance.what_if import Findings, FlipKind

RUNNING = Gauge(
    "cio_shadow_running", "Whether a shadow policy is decided beside the one in force.",
    multiprocess_mode="mostrecent",
)  # fmt: skip
EVALUATED = Counter(
    "cio_shadow_evaluated_total", "Recorded verdicts that were decided again under a shadow."
)
FLIPS = Counter(
    "cio_shadow_flips_total",
    "Verdicts that would have been others under a shadow, by what they would be.",
    ["would_be"],
)
UNDECIDABLE = Counter(
    "cio_shadow_undecidable_total",
    "Recorded verdicts that cannot be decided again, such as parts of a flood.",
)
ERRORS = Counter(
    "cio_shadow_errors_total", "Errors of a shadow, which nothing else feels, by where.", ["where"]
)
LAG = Gauge(
    "cio_shadow_lag_seconds",
    "For how long a recorded verdict has waited for the shadow, beyond the five seconds that each "
    "waits; 0 where none does.",
    multiprocess_mode="mostrecent",
)


class Where(StrEnum):
    """Where a shadow met an error."""

    VERDICT = "verdict"
    CANDIDATE = "candidate"
    STORE = "store"
    WALK = "walk"


# What never happened is shown as zero, so that its first time is seen as an increase.
for _kind in FlipKind:
    FLIPS.labels(_kind.name.lower())
for _where in Where:
    ERRORS.labels(_where)


class PrometheusShadowTally:
    """Counts into the process's Prometheus registry."""

    def runs(self, runs: bool) -> None:
        """Show whether a shadow is decided now."""
        RUNNING.set(runs)

    def kept(self, findings: Findings, errors: Mapping[str, int]) -> None:
        """Count what was found in a stretch, once it is stored."""
        EVALUATED.inc(findings.decided)
        UNDECIDABLE.inc(findings.undecidable.total())
        for kind, number in findings.by_kind.items():
            FLIPS.labels(kind.name.lower()).inc(number)
        ERRORS.labels(Where.VERDICT).inc(sum(errors.values()))

    def failed(self, where: Where) -> None:
        """Count an error."""
        ERRORS.labels(where).inc()

    def lags(self, seconds: float) -> None:
        """Show how far the shadow is behind."""
        LAG.set(seconds)
