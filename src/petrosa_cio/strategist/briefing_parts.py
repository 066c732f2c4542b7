"""The parts of a briefing, the most important first: a heading, and lines. Pure.

Each line is made of fixed words, numbers and names that this program knows. What is foreign goes
through `quoted`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from petrosa_cio.audit.statistics import NAMELESS, Shares
from petrosa_cio.fleet.regime_names import NAMES
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.policy import ANY, Families, in_words
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.strategist.measures import (
    came_of,
    denial_pct,
    drawdown_pct,
    earnings,
    losses_pct,
    rounded,
)
from petrosa_cio.strategist.safe_names import SafeNames, quoted
from petrosa_cio.strategist.situation import Situation

MOST_ROWS: Final = 20
"""Strategies, symbols, codes and revisions of which a briefing tells, each."""

LONGEST_WORDS: Final = 200
"""Characters of a warning or a thought that are shown."""

_UNKNOWN: Final = "not known"
_CODES: Final = frozenset(map(str, ReasonCode))


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a briefing.

    Attributes:
        heading: Its first line.
        write: Yields its lines.
    """

    heading: str
    write: Callable[[Situation, SafeNames], Iterator[str]]

    def lines(self, situation: Situation, names: SafeNames) -> list[str]:
        """Return its lines; one that says so where there is nothing to tell."""
        return list(self.write(situation, names)) or [_UNKNOWN]


def _fund(situation: Situation, names: SafeNames) -> Iterator[str]:
    del names
    yield f"time: {situation.at.isoformat(timespec='seconds')}"
    yield f"revision of the policy: {situation.revision}"
    yield f"the record was counted for: {situation.span.total_seconds() / 3600:g} hours"


def _portfolio(situation: Situation, names: SafeNames) -> Iterator[str]:
    found = situation.portfolio
    if found is None:
        return
    yield f"equity, USD: {_or_unknown(found.equity_usd)}"
    yield f"highest equity, USD: {_or_unknown(situation.equity_peak_usd)}"
    yield f"drawdown, percent: {_or_unknown(drawdown_pct(situation))}"
    held = found.positions
    worth = None if held is None else sum((one.notional_usd for one in held), Decimal(0))
    yield f"positions, USD: {_or_unknown(worth)}"
    for name, usd in list(earnings(found.results))[:MOST_ROWS]:
        yield f"earned by {names.of_strategy(name)}, USD: {rounded(usd)}"
    for doubt in found.doubts[:MOST_ROWS]:
        yield f"doubt: {quoted(doubt, LONGEST_WORDS)}"


def _regimes(situation: Situation, names: SafeNames) -> Iterator[str]:
    del names
    for symbol, regime in sorted(situation.regimes.items())[:MOST_ROWS]:
        yield _regime_line(symbol, regime, situation)
    for seen in situation.regime_history[-MOST_ROWS:]:
        moment = seen.at.isoformat(timespec="seconds")
        yield f"{moment}: {_symbol(seen.symbol)} {_regime_name(seen.name) or 'ended'}"


def _regime_line(symbol: str, regime: Regime, situation: Situation) -> str:
    age_s = int((situation.at - regime.observed_at).total_seconds())
    who = "a person says so" if regime.is_override else "observed"
    name, sure = _regime_name(regime.name), f"{regime.confidence:f}"
    return f"now: {_symbol(symbol)} {name}, confidence {sure}, {age_s} s old, {who}"


def _verdicts(situation: Situation, names: SafeNames) -> Iterator[str]:
    del names
    for what, found in (("in the span", situation.verdicts), ("before it", situation.before)):
        if found is not None:
            yield f"{what}: {_shares(found.total)}, denied percent {_or_unknown(denial_pct(found))}"
    if situation.verdicts is None:
        return
    for code, count in list(situation.verdicts.by_code.items())[:MOST_ROWS]:
        name = code if code in _CODES else quoted(code)
        yield f"{name}: denied {count.denied}, of these for nothing else {count.alone}"
    for kind, number in sorted(situation.verdicts.befell.items()):
        yield f"approvals that were {quoted(kind)}: {number}"
    for symbol, shares in list(situation.verdicts.by_symbol.items())[:MOST_ROWS]:
        yield f"symbol {_symbol(symbol)}: {_shares(shares)}"


def _strategies(situation: Situation, names: SafeNames) -> Iterator[str]:
    counted = situation.verdicts.by_strategy if situation.verdicts else {}
    known = sorted(
        names.strategies.items(),
        key=lambda one: (-counted.get(one[1], Shares()).total, int(one[0][1:])),
    )
    for safe, name in known:
        if name != NAMELESS:
            yield f"{safe} calls itself {quoted(name)}: {_shares(counted.get(name, Shares()))}"


def _limits(situation: Situation, names: SafeNames) -> Iterator[str]:
    del names
    for line in situation.limits:
        if line.is_missing:
            yield f"{line.name}: required by the charter and not stated"
        for use in line.uses[:MOST_ROWS]:
            if use.band_pct and use.share is not None:
                percent = rounded(use.share * 100)
                yield f"{line.name}: {percent} percent used by {quoted(use.about)}"


def _warnings(situation: Situation, names: SafeNames) -> Iterator[str]:
    del names
    for one in situation.warnings[:MOST_ROWS]:
        yield quoted(one, LONGEST_WORDS)


def _charter(situation: Situation, names: SafeNames) -> Iterator[str]:
    yield from _limit_lines("", situation.charter.bounds, names)


def _policy(situation: Situation, names: SafeNames) -> Iterator[str]:
    yield from _families("", situation.document.policy, names)
    for overlay in situation.document.overlays:
        if overlay.is_active(situation.at):
            safe = names.of_overlay(overlay.overlay_id)
            until = overlay.expires_at.isoformat(timespec="seconds")
            called, why = quoted(overlay.overlay_id), quoted(overlay.reason, LONGEST_WORDS)
            yield f"overlays.{safe} called {called} until {until}, because {why}:"
            yield from _families(f"overlays.{safe}.", overlay, names)


def _families(prefix: str, families: Families, names: SafeNames) -> Iterator[str]:
    yield from _limit_lines(f"{prefix}fund.", families.fund, names)
    for symbol, limits in sorted(families.symbols.items()):
        yield from _limit_lines(f"{prefix}symbols.{symbol}.", limits, names)
    for name, limits in sorted(families.strategies.items()):
        yield from _limit_lines(f"{prefix}strategies.{names.of_strategy(name)}.", limits, names)
    for name, by_symbol in sorted(families.strategy_symbols.items()):
        for symbol, limits in sorted(by_symbol.items()):
            path = f"{prefix}strategy_symbols.{names.of_strategy(name)}.{symbol}."
            yield from _limit_lines(path, limits, names)
    for name, limits in sorted(families.regimes.items()):
        yield from _limit_lines(f"{prefix}regimes.{_regime_name(name)}.", limits, names)


def _limit_lines(path: str, limits: LimitSet, names: SafeNames) -> Iterator[str]:
    for field, value in limits:
        if field == "allowed_strategies" and value is not None:
            listed = sorted(names.strategies)
            allowed = [one for one in listed if names.strategies[one] in value]
            yield f"{path}{field} = {', '.join(allowed) or 'none'}"
        elif value is not None:
            yield f"{path}{field} = {in_words(value)}"


def _past(situation: Situation, names: SafeNames) -> Iterator[str]:
    del names
    for one in situation.past[:MOST_ROWS]:
        before, under = came_of(one, situation)
        told = f"denied percent before {_or_unknown(before)}, under it {_or_unknown(under)}"
        who = f"{quoted(one.author)} ({one.role})"
        moment = one.at.isoformat(timespec="seconds")
        yield f"revision {one.revision}, {moment}, {one.change}, by {who}: {told}"
        yield f"  its thought: {quoted(one.thought, LONGEST_WORDS)}"


PARTS: Final = (
    Part("# Fund", _fund),
    Part("# Portfolio", _portfolio),
    Part("# Market regime", _regimes),
    Part("# Verdicts", _verdicts),
    Part("# Limits that are half used or more", _limits),
    Part("# Policy in force", _policy),
    Part("# Charter: no policy may be looser", _charter),
    Part("# Strategies, those with the most verdicts first", _strategies),
    Part("# Warnings", _warnings),
    Part("# Past changes, the newest first", _past),
)
"""Every part, in order."""


def facts_of(situation: Situation, names: SafeNames) -> dict[str, object]:
    """Return the numbers of a briefing for programs: exact ones as text, shares in percent."""
    counted = situation.verdicts
    return {
        "at": situation.at.isoformat(timespec="seconds"),
        "revision": situation.revision,
        "verdicts": None if counted is None else counted.total.total,
        "denial_share_pct": _text(denial_pct(counted)),
        "denial_share_before_pct": _text(denial_pct(situation.before)),
        "equity_usd": _text(situation.portfolio.equity_usd if situation.portfolio else None),
        "drawdown_pct": _text(drawdown_pct(situation)),
        "losses_pct": {
            names.of_strategy(name): f"{lost:f}" for name, lost in losses_pct(situation).items()
        },
        "warnings": len(situation.warnings),
    }


def _shares(shares: Shares) -> str:
    counted = (shares.approve, shares.reduce, shares.deny)
    return "approved {}, reduced {}, denied {}".format(*counted)


def _or_unknown(number: Decimal | None) -> str:
    return _UNKNOWN if number is None else f"{number:f}"


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def _symbol(symbol: str) -> str:
    return "every symbol" if symbol == ANY else quoted(symbol)


def _regime_name(name: str) -> str:
    return name if name in NAMES or name in ("", ANY) else quoted(name)
