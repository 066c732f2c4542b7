"""What the Strategist knows when it thinks: values alone, gathered by whoever asks it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from petrosa_cio.audit.statistics import Statistics
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.risk.limits_in_use import LimitLine
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.snapshot import Regime


@dataclass(frozen=True, slots=True)
class RegimeSeen:
    """A market regime that came to count.

    Attributes:
        at: When it was recorded, aware UTC.
        symbol: The symbol, or ``*``.
        name: The regime; empty where it ended.
    """

    at: datetime
    symbol: str
    name: str


@dataclass(frozen=True, slots=True)
class Situation:
    """The fund at one moment. What is not known is None, and never zero.

    Attributes:
        fund: The fund.
        at: The moment, aware UTC.
        revision: The revision of the policy that is in force.
        document: What that revision states.
        charter: The bounds that people set.
        span: How far back the record was counted.
        verdicts: What was decided in that span; None where the record was not read.
        before: What was decided in as long a span before it; None alike.
        limits: Every limit in force, with what of it is used.
        portfolio: What the fund holds and has earned; None where nobody says.
        equity_peak_usd: The highest worth of the fund that is known, USD.
        regimes: The market regime that counts, by symbol; ``*`` is that of all others.
        regime_history: Regimes of that span, in order.
        warnings: What is wrong with the program now, a sentence each.
        past: Revisions of the policy, the newest first.
    """

    fund: str
    at: datetime
    revision: int
    document: PolicyDocument
    charter: Charter
    span: timedelta = timedelta(hours=24)
    verdicts: Statistics | None = None
    before: Statistics | None = None
    limits: tuple[LimitLine, ...] = ()
    portfolio: PortfolioReading | None = None
    equity_peak_usd: Decimal | None = None
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    regime_history: tuple[RegimeSeen, ...] = ()
    warnings: tuple[str, ...] = ()
    past: tuple[PolicyRevision, ...] = ()
