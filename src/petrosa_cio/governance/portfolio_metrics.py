"""What the portfolio feed counts. What the fund holds is told of as a whole, by no symbol."""

from prometheus_client import Counter, Gauge

READINGS = Counter(
    "cio_portfolio_readings_total", "Looks at the portfolio, by what came of them.", ["outcome"]
)
OBSERVED = Gauge(
    "cio_portfolio_observed_timestamp_seconds",
    "When the portfolio that was last stored was observed, epoch seconds; 0 for none.",
    multiprocess_mode="mostrecent",
)
DOUBTS = Gauge(
    "cio_portfolio_doubts",
    "Parts of the last reading of the portfolio that are not believed, or differ by source.",
    multiprocess_mode="mostrecent",
)
POSITIONS = Gauge(
    "cio_portfolio_positions",
    "Positions in the last reading of the portfolio.",
    multiprocess_mode="mostrecent",
)
EQUITY = Gauge(
    "cio_portfolio_equity_usd",
    "The fund's equity in the last reading of the portfolio, USD; 0 where it is not known.",
    multiprocess_mode="mostrecent",
)
