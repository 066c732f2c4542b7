"""The gate's counters, as Prometheus sees them. Label values come from closed lists only."""

from prometheus_client import Counter

from petrosa_cio.ports import Published
from petrosa_cio.risk.verdict import Verdict

VERDICTS = Counter("cio_verdicts_total", "Verdicts by kind.", ["verdict"])
REASONS = Counter("cio_reasons_total", "Reasons given, by code and effect.", ["code", "effect"])
SIGNALS = Counter("cio_signals_total", "Signals sent.")
UNDELIVERED = Counter("cio_undelivered_total", "Signals that provably reached nobody.")
UNCONFIRMED = Counter("cio_unconfirmed_total", "Signals of which nobody knows if they were sent.")
WITHDRAWN = Counter("cio_withdrawn_total", "Approvals withdrawn before their signal was sent.")
GIVEN_BACK = Counter("cio_given_back_total", "Intents given back to the stream to come again.")
UNAVAILABLE = Counter("cio_unavailable_total", "Batches a dependency stopped.", ["dependency"])


class PrometheusTally:
    """Counts into the process's Prometheus registry."""

    def decided(self, verdict: Verdict, final: str) -> None:
        """Count one verdict; ``final`` differs from it when the fence withdrew an approval."""
        VERDICTS.labels(final).inc()
        if verdict.kind != final:
            WITHDRAWN.inc()
        for reason in verdict.reasons:
            REASONS.labels(reason.code, reason.effect).inc()

    def published(self, signals: int, outcome: Published) -> None:
        """Count signals sent and what is known of them."""
        SIGNALS.inc(signals)
        UNDELIVERED.inc(len(outcome.undelivered))
        UNCONFIRMED.inc(len(outcome.unconfirmed))

    def unconfirmed(self, decisions: int) -> None:
        """Count decisions of which nobody knows whether their signal was sent."""
        UNCONFIRMED.inc(decisions)

    def given_back(self, intents: int) -> None:
        """Count intents given back to the stream."""
        GIVEN_BACK.inc(intents)

    def unavailable(self, dependency: str) -> None:
        """Count a batch that a dependency stopped."""
        UNAVAILABLE.labels(dependency).inc()
