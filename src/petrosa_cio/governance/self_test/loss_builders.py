"""For each limit on losses, the book of losses under which an intent is stopped, or just passes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from petrosa_cio.governance.self_test.ground import EXACT, Ground
from petrosa_cio.governance.self_test.pair import A_LITTLE, Builder, Pair, in_seconds, plain
from petrosa_cio.governance.self_test.trial import ALL_LEFT, LEFT, Trial, nothing_lost
from petrosa_cio.risk.limits import (
    DEFAULT_LOSING_STREAK_COOLDOWN_S,
    DEFAULT_LOSING_STREAK_WINDOW_S,
)
from petrosa_cio.risk.losses import WHOLE_BPS, LossBook, StrategyTrail, Trail

_HARDLY = Decimal("0.0001")


def of_equity(limit: str, *, since_peak: bool) -> Builder:
    """Return what tries a limit on the equity that was lost, of its peak or of the day's start."""

    def build(ground: Ground) -> Pair:
        bps = ground.limit(limit)
        if bps > WHOLE_BPS:
            return Pair(why="no more than all of it can be lost")
        stops = _lost(ground, Decimal(bps), since_peak=since_peak)
        passes = _lost(ground, EXACT.subtract(bps, _HARDLY), since_peak=since_peak) if bps else None
        mark = ("", f"{bps} bps")
        return Pair(passes, stops, closes=not bps, mark=mark)

    return build


def _lost(ground: Ground, bps: Decimal, *, since_peak: bool) -> Trial:
    left = EXACT.subtract(LEFT, bps)
    peak = LEFT if since_peak else left
    words = f"equity {plain(bps)} bps below its {'peak' if since_peak else 'start of the day'}"
    equity = Trail((left,), level=left, peak=peak)
    start = left if since_peak else LEFT
    return _with(
        ground.trial(words), replace(nothing_lost(ground.at), equity=equity, day_start=start)
    )


def strategy_drawdown(ground: Ground) -> Pair:
    """Try the limit on what a strategy lost since its best."""
    limit = ground.limit("max_strategy_drawdown_usd")
    passes = _earned(ground, EXACT.subtract(limit, _HARDLY)) if limit else None
    return Pair(passes, _earned(ground, limit), closes=not limit)


def _earned(ground: Ground, lost: Decimal) -> Trial:
    trial = ground.trial(f"the strategy's result {plain(lost)} USD below its highest")
    trail = Trail((-lost,), level=EXACT.minus(lost), peak=Decimal(0))
    return _of_strategy(trial, StrategyTrail(trail))


def losses_in_a_row(ground: Ground) -> Pair:
    """Try the limit on losses in a row."""
    limit, cooldown_s = ground.limit("max_losses_in_a_row"), _cooldown_s(ground)
    if not cooldown_s:
        return _NO_COOLDOWN
    one_less = _losing(ground, limit - 1, f"{limit - 1} losses in a row")
    return Pair(one_less, _losing(ground, limit, f"{limit} losses in a row"))


def streak_window(ground: Ground) -> Pair:
    """Try the window in which losses in a row count together."""
    limit = ground.limit("max_losses_in_a_row")
    if limit is None or limit == 1 or not _cooldown_s(ground):
        return Pair(why="only several losses in a row, with a cool-down, need a window")
    stated = ground.limit("losing_streak_window_s")
    window = timedelta(seconds=DEFAULT_LOSING_STREAK_WINDOW_S if stated is None else stated)
    return Pair(
        _losing(ground, limit, f"{limit} losses in a little longer", over=window + A_LITTLE),
        _losing(ground, limit, f"{limit} losses in {in_seconds(window)}", over=window),
    )


def streak_cooldown(ground: Ground) -> Pair:
    """Try how long a strategy waits after its last loss."""
    limit, cooldown = ground.limit("max_losses_in_a_row"), timedelta(seconds=_cooldown_s(ground))
    if limit is None or not cooldown:
        return _NO_COOLDOWN
    return Pair(
        _losing(ground, limit, f"last loss {in_seconds(cooldown)} ago", ago=cooldown),
        _losing(ground, limit, "last loss a little later", ago=cooldown - A_LITTLE),
    )


_NO_COOLDOWN = Pair(why="nobody waits: no streak is limited, or there is no cool-down")


def _cooldown_s(ground: Ground) -> int:
    stated: int | None = ground.limit("losing_streak_cooldown_s")
    return DEFAULT_LOSING_STREAK_COOLDOWN_S if stated is None else stated


def _losing(
    ground: Ground,
    number: int,
    words: str,
    *,
    over: timedelta = timedelta(0),
    ago: timedelta = timedelta(0),
) -> Trial:
    last = ground.at - ago
    lost_at = (last - over, *[last] * (number - 1)) if number else ()
    return _of_strategy(ground.trial(words), StrategyTrail(ALL_LEFT, lost_at=lost_at))


def _of_strategy(trial: Trial, trail: StrategyTrail) -> Trial:
    book = replace(nothing_lost(trial.at), strategies={trial.intent.token: trail})
    return _with(trial, book)


def _with(trial: Trial, book: LossBook) -> Trial:
    return replace(trial, losses=book)
