"""What the regime feed counts. Its symbols are those of `CIO_REGIME_SYMBOLS`."""

from prometheus_client import Counter, Gauge

ANSWERS = Counter(
    "cio_regime_answers_total", "Answers about the market regime, by what came of them.",
    ["outcome"],
)  # fmt: skip
OBSERVED = Gauge(
    "cio_regime_observed_timestamp_seconds",
    "When the market regime that the feed last took over was observed, epoch seconds; 0 for none.",
    ["symbol"],
    multiprocess_mode="mostrecent",
)
