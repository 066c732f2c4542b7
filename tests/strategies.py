"""Situations for tests of the Strategist."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from petrosa_cio.audit.statistics import Counting, Statistics
from petrosa_cio.ports import PastVerdict
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.portfolio import PortfolioReading, StrategyResult
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.strategist.situation import Situation
from tests.policies import AT

DOCUMENT = PolicyDocument.model_validate(
    {
        "policy": {
            "name": "tested",
            "fund": {
                "max_order_notional_usd": "1000",
                "max_gross_exposure_usd": "20000",
                "min_confidence": "0.6",
            },
            "strategies": {"momentum_v1": {"max_order_notional_usd": "800"}},
        }
    }
)
CHARTER = Charter.model_validate({"bounds": {"max_order_notional_usd": "2000"}})


def counted(
    approved: int, denied: int, *, strategy: str = "momentum_v1", symbol: str = "BTCUSDT"
) -> Statistics:
    """Return statistics of so many verdicts of one strategy."""
    counting = Counting()
    for number in range(approved + denied):
        is_denied = number >= approved
        codes = ("NOTIONAL_ABOVE_MAX",) if is_denied else ()
        verdict = "deny" if is_denied else "approve"
        counting.add(PastVerdict(AT, strategy, symbol, verdict, codes))
    return counting.statistics()


def portfolio(
    equity: str | None = "100000", results: Mapping[str, tuple[str, str]] | None = None
) -> PortfolioReading:
    """Return a portfolio with so much equity, and what strategies realised and have open."""
    earned = {
        name: StrategyResult(Decimal(realised), Decimal(open_))
        for name, (realised, open_) in (results or {}).items()
    }
    return PortfolioReading(
        AT, "test", equity_usd=None if equity is None else Decimal(equity), results=earned
    )


def regime(name: str, confidence: str = "0.9") -> Regime:
    """Return a regime that was observed a minute ago."""
    return Regime(name, Decimal(confidence), AT - timedelta(minutes=1), "data-manager")


def situation(**known: object) -> Situation:
    """Return a situation with nothing but a policy, and what else is said of it."""
    plain = Situation(fund="main", at=AT, revision=7, document=DOCUMENT, charter=CHARTER)
    return replace(plain, **known)  # type: ignore[arg-type]


def document_with(overlays: Sequence[Mapping[str, object]]) -> PolicyDocument:
    """Return the policy with some overlays."""
    plain = DOCUMENT.model_dump(mode="json", exclude_unset=True)
    return PolicyDocument.model_validate({**plain, "overlays": list(overlays)})
