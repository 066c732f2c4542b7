"""For each limit that the ledger decides: what came before, and what is one too many.

What came before is as harmless to other limits as it can be: of other strategies or other symbols
where that counts too, as thinly spread as can be, and closed since.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace as changed

from petrosa_cio.governance.self_test.ground import EXACT, ONE_USD, TAKES, Ground
from petrosa_cio.governance.self_test.pair import A_LITTLE, Builder, Pair, in_seconds, plain
from petrosa_cio.governance.self_test.trial import Counted, Exposed, Opened, Trial
from petrosa_cio.risk.claims import from_units, to_units
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.repetition import BOTH_DENIED, DAY_MS, FIRST_WINS

MOST_PLAYED = 20_000
"""Longer histories of intents are not played."""

OF_STRATEGY = ("intents:", "hourly_intents:", "fund_intents")
OF_STRATEGY_BY_HOUR = ("hourly_intents:", "intents:", "fund_intents")
OF_SYMBOL = ("symbol_intents:", "fund_intents")
OF_FUND = ("fund_intents",)
OF_EXITS = ("exits:",)
"""What the counters' names begin with on which intents of a kind count, the own one first.

Those of a strategy are on other symbols, and those of a symbol by other strategies.
"""

_ANOTHER = "another_strategy"
_LESS_SURE = Decimal("0.999")
_HALF_AN_HOUR = timedelta(minutes=30)


# --- rates and exposure ---------------------------------------------------------------------------


def rate(name: str, counters: tuple[str, ...], window_s: int) -> Builder:
    """Return the builder for a rate of intents that count on some counters."""

    def build(ground: Ground) -> Pair:
        limit, exits = ground.limit(name), counters is OF_EXITS
        trial = ground.exit("") if exits else ground.trial("")
        words = f"the {{}}. {'exit' if exits else 'opening'} within {window_s} s"
        mark = (counters[0], f" per {window_s} s")
        if limit > MOST_PLAYED:
            return Pair(why=f"{limit} intents are too many to play here")
        passes, stops = (
            replace(
                trial.saying(words.format(before + 1)),
                before=(Counted(counters, window_s * 1_000, before),),
            )
            for before in (max(limit - 1, 0), limit)
        )
        return Pair(None if limit == 0 else passes, stops, closes=limit == 0, mark=mark)

    return build


def exposure(name: str, counter: str, whose: str) -> Builder:
    """Return the builder for an exposure of which others hold all but what is asked for."""

    def build(ground: Ground) -> Pair:
        return filled_up(ground.trial(""), ground.small_usd(), ground.limit(name), counter, whose)

    return build


def filled_up(trial: Trial, own_usd: Decimal, limit_usd: Decimal, counter: str, whose: str) -> Pair:
    """Let others hold all of a limit but what is asked for, and a little more."""
    own, limit = to_units(own_usd), -to_units(-limit_usd)
    if limit < own:
        return Pair(stops=trial.saying("an order of any value"), closes=True)
    passes, stops = (
        replace(
            trial.saying(
                f"{plain(from_units(own))} USD more, {whose} {plain(from_units(used))} USD already"
            ),
            before=(Exposed(counter, used),),
        )
        for used in (limit - own, limit - own + 1)
    )
    return Pair(passes, stops)


# --- what was approved lately ---------------------------------------------------------------------


def repeats(ground: Ground) -> Pair:
    """Try the same opening once more."""
    seconds = ground.limit("min_seconds_between_repeats")
    if seconds == 0:
        return Pair(why="0 limits nothing")
    span = timedelta(seconds=seconds)
    passes, stops = (_after(ground, age, "the same again {} later") for age in _around(span))
    return Pair(passes, stops)


def executions(ground: Ground) -> Pair:
    """Try one opening more of a symbol and side than in a day there may be."""
    limit, trial = ground.limit("max_same_executions_per_day"), ground.trial("")
    if limit > MOST_PLAYED:
        return Pair(why=f"{limit} openings are too many to play here")
    # Of another size, so that they are the same only in what counts here.
    like = changed(trial.intent, quantity=EXACT.multiply(trial.intent.quantity or ONE_USD, 2))
    passes, stops = (
        replace(
            trial.saying(f"the {number + 1}. opening on this side within 24 h"),
            before=_spread(like, number, timedelta(milliseconds=DAY_MS - 1)),
        )
        for number in (max(limit - 1, 0), limit)
    )
    return Pair(None if limit == 0 else passes, stops, closes=limit == 0)


def _spread(like: Intent, number: int, span: timedelta) -> tuple[Opened, ...]:
    """Return so many openings within a span, as thinly as can be."""
    return tuple(Opened(like, span * place // number) for place in range(number, 0, -1))


def opposites(ground: Ground) -> Pair:
    """Try an opening after one in the other direction."""
    seconds = ground.limit("min_seconds_between_opposites")
    if seconds == 0:
        return Pair(why="0 limits nothing")
    span, words = timedelta(seconds=seconds), "{} after the opposite direction was opened"
    passes, stops = (_after(ground, age, words, opposite=True) for age in _around(span))
    return Pair(passes, stops)


def on_conflict(ground: Ground) -> Pair:
    """Try what only this rule, of all three, lets pass and stops."""
    seconds, rule = ground.limit("min_seconds_between_opposites"), ground.limit("on_conflict")
    if not seconds:
        return Pair(why="nobody states min_seconds_between_opposites here")
    recently = timedelta(seconds=seconds) // 2
    again = _after_both(ground, timedelta(seconds=seconds))
    stronger = _after(ground, recently, "surer than the opposite opening before", opposite=True,
                      confidence=_LESS_SURE)  # fmt: skip
    if rule == BOTH_DENIED:
        return Pair(ground.trial("nothing opposite before"), again)
    if rule == FIRST_WINS:
        return Pair(again, stronger)
    as_sure = "as sure as the opposite opening before"
    return Pair(stronger, _after(ground, recently, as_sure, opposite=True))


def _around(span: timedelta) -> tuple[timedelta, timedelta]:
    """Return a span of time that is over, and one that nearly is."""
    return span, span - A_LITTLE


def _after(
    ground: Ground,
    age: timedelta,
    words: str,
    *,
    opposite: bool = False,
    confidence: Decimal | None = None,
) -> Trial:
    """Return an opening, so long after its like or after the opposite of another strategy."""
    trial = ground.trial(words.format(in_seconds(age)))
    before = _opposite(trial.intent) if opposite else trial.intent
    surely = changed(before, confidence=confidence or before.confidence)
    return replace(trial, before=(Opened(surely, age),))


def _after_both(ground: Ground, span: timedelta) -> Trial:
    """Return an opening like one within a span, after which the opposite was asked for."""
    trial = ground.trial("as opened before, after the opposite was asked for")
    first = changed(trial.intent, strategy=_ANOTHER, token=_ANOTHER)
    then = changed(_opposite(trial.intent), strategy=trial.intent.strategy,
                   token=trial.intent.token)  # fmt: skip
    return replace(trial, before=(Opened(first, span * 2 // 3), Opened(then, span // 3)))


def _opposite(intent: Intent) -> Intent:
    (action,) = (one for one in TAKES if one is not intent.action)
    return changed(intent, strategy=_ANOTHER, token=_ANOTHER, action=action)


def drift(ground: Ground) -> Pair:
    """Try an opening at a price that is away from another one within the hour."""
    limit = ground.limit("max_drift_bps_per_hour")
    passes, stops = (_drifted(ground, limit, and_more=and_more) for and_more in (False, True))
    return Pair(passes, stops)


def _drifted(ground: Ground, bps: int, *, and_more: bool) -> Trial:
    words = f"priced {'more than ' if and_more else ''}{bps} bps above another of the hour"
    trial, other = ground.priced(words, bps, and_more=and_more)
    before = changed(
        trial.intent, strategy=_ANOTHER, token=_ANOTHER, price=other, current_price=other
    )
    return replace(trial, before=(Opened(before, _HALF_AN_HOUR),))
