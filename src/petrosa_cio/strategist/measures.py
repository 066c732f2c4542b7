"""Numbers that are read off a situation, the same for briefing and playbook. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final

from petrosa_cio.audit.statistics import Shares, Statistics
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.risk.portfolio import StrategyResult
from petrosa_cio.strategist.situation import Situation

AROUND: Final = timedelta(hours=3)
"""How long before and after a revision denials are compared."""

_HUNDREDTH: Final = Decimal("0.01")


def rounded(number: Decimal) -> Decimal:
    """Return a number cut to two digits behind the point: what is not reached is not told."""
    return number.quantize(_HUNDREDTH, ROUND_DOWN)


def drawdown_pct(situation: Situation) -> Decimal | None:
    """Return how far equity is below its peak, in percent; None where either is not known."""
    portfolio, peak = situation.portfolio, situation.equity_peak_usd
    if portfolio is None or portfolio.equity_usd is None or peak is None or peak <= 0:
        return None
    return rounded(max(Decimal(0), (peak - portfolio.equity_usd) / peak * 100))


def denial_pct(found: Statistics | None) -> Decimal | None:
    """Return the share of denials, in percent; None where nothing was decided, or nobody knows."""
    return None if found is None else _denial_pct(found.total)


def _denial_pct(shares: Shares) -> Decimal | None:
    return rounded(Decimal(shares.deny) / shares.total * 100) if shares.total else None


def denial_rise(situation: Situation) -> Decimal | None:
    """Return by how many percentage points the share of denials rose beside the span before."""
    now, then = denial_pct(situation.verdicts), denial_pct(situation.before)
    return None if now is None or then is None else now - then


def losses_pct(situation: Situation) -> dict[str, Decimal]:
    """Return what each losing strategy has lost, in percent of the fund's worth.

    A strategy of which a part is not known is left out: half a result is none.
    """
    portfolio = situation.portfolio
    if portfolio is None or portfolio.equity_usd is None or portfolio.equity_usd <= 0:
        return {}
    equity = portfolio.equity_usd
    lost = {name: -earned for name, earned in earnings(portfolio.results) if earned < 0}
    return {name: rounded(usd / equity * 100) for name, usd in sorted(lost.items())}


def earnings(results: Mapping[str, StrategyResult]) -> Iterator[tuple[str, Decimal]]:
    """Iterate over what strategies have earned, USD, where all of it is known."""
    for name, one in sorted(results.items()):
        if one.realised_usd is not None and one.unrealised_usd is not None:
            yield name, one.realised_usd + one.unrealised_usd


def came_of(
    revision: PolicyRevision, situation: Situation
) -> tuple[Decimal | None, Decimal | None]:
    """Return the share of denials before and under a revision, in percent, as far as counted.

    Whole hours are compared, `AROUND` of them on each side; the hour of the change is left out.
    """
    if situation.verdicts is None:
        return None, None
    hour = revision.at.replace(minute=0, second=0, microsecond=0)
    after = hour + timedelta(hours=1)
    by_hour = situation.verdicts.by_hour
    return (
        _share_within(by_hour, hour - AROUND, hour),
        _share_within(by_hour, after, after + AROUND),
    )


def _share_within(
    by_hour: Mapping[datetime, Shares], since: datetime, until: datetime
) -> Decimal | None:
    total = Shares()
    for hour, shares in by_hour.items():
        if since <= hour < until:
            total.approve += shares.approve
            total.reduce += shares.reduce
            total.deny += shares.deny
    return _denial_pct(total)
