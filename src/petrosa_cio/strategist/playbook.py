"""What is proposed by rule: deterministic, with its numbers, and there when no model is. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final

from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.policy import ANY, Overlay, PolicyDocument, in_words
from petrosa_cio.strategist.judgement import MODEL, OVERLAY_MARK, judged
from petrosa_cio.strategist.measures import denial_rise, drawdown_pct, losses_pct
from petrosa_cio.strategist.playbook_rules import Playbook, Rule
from petrosa_cio.strategist.proposal import (
    MOST_CHANGES,
    Answer,
    FieldChange,
    NoChange,
    PolicyProposal,
)
from petrosa_cio.strategist.safe_names import SafeNames
from petrosa_cio.strategist.situation import Situation

CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Played:
    """What the playbook says.

    Attributes:
        answer: A proposal, or that none is needed.
        rule: The rule that says it; None where none does.
    """

    answer: Answer
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """Whom a rule is about: all, a strategy or a symbol; an entry of the policy.

    Attributes:
        safe: The entry as it is called in what is said.
        strategy: Name of the strategy, or ``*``.
        symbol: The symbol, or ``*``.
    """

    safe: str
    strategy: str = ANY
    symbol: str = ANY

    def is_stated_by(self, overlay: Overlay) -> bool:
        """Return whether an overlay states something about it."""
        if self.strategy != ANY:
            return self.strategy in overlay.strategies
        if self.symbol != ANY:
            return self.symbol in overlay.symbols
        return bool(overlay.fund.model_fields_set)


_FUND: Final = _Entry("fund")


@dataclass(frozen=True, slots=True)
class _Applies:
    """That a rule applies: about whom, and why in words."""

    entries: tuple[_Entry, ...]
    why: str


def play(playbook: Playbook, situation: Situation, names: SafeNames) -> Played:
    """Return what the first rule proposes that applies and would move a limit.

    Args:
        playbook: The rules.
        situation: What is known. What is not known lets no rule apply.
        names: How strategies and overlays are called in what is said.
    """
    applying = [
        (rule, one)
        for rule in playbook.rules
        if (one := _applies(rule, situation, names)) is not None
    ]
    for rule, applies in applying:
        said = _narrower(rule, applies, situation)
        if said is not None and judged(said, situation, names, by=rule.name)[0]:
            return Played(said, rule.name)
    if applying:
        told = "; ".join(f"{rule.name}, as {one.why}" for rule, one in applying)
        return Played(NoChange(reason=f"What applies is in force already: {told}."[:2_000]))
    for rule in playbook.rules:
        said = _recovery(rule, situation, names)
        if said is not None:
            return Played(said, rule.name)
    return Played(NoChange(reason="No rule of the playbook applies to what is known."))


def _applies(rule: Rule, situation: Situation, names: SafeNames) -> _Applies | None:
    """Return about whom a rule applies that tightens, and why; None where it does not."""
    when = rule.when
    if when.regimes:
        return _in_a_regime(rule, situation)
    if when.loss_pct is not None:
        return _losing(when.loss_pct, situation, names)
    down, rise = drawdown_pct(situation), denial_rise(situation)
    if when.drawdown_pct is not None and down is not None and down >= when.drawdown_pct:
        return _Applies((_FUND,), f"equity is {down} percent below its highest")
    if when.denial_rise_points is None or rise is None or rise < when.denial_rise_points:
        return None
    if not _enough(situation, when.min_verdicts):
        return None
    return _Applies((_FUND,), f"the share of denials rose by {rise} percentage points")


def _in_a_regime(rule: Rule, situation: Situation) -> _Applies | None:
    found = {
        symbol: regime.name
        for symbol, regime in sorted(situation.regimes.items())
        if regime.name in rule.when.regimes
    }
    if ANY in found:
        return _Applies((_FUND,), f"the market regime of every symbol is {found[ANY]}")
    entries = tuple(_Entry(f"symbols.{symbol}", symbol=symbol) for symbol in found)
    why = f"of {len(found)} symbols the market regime is {', '.join(sorted(set(found.values())))}"
    return _Applies(entries, why) if entries else None


def _losing(least: Decimal, situation: Situation, names: SafeNames) -> _Applies | None:
    found = {name: pct for name, pct in losses_pct(situation).items() if pct >= least}
    called = {name: names.of_strategy(name) for name in found}
    entries = tuple(_Entry(f"strategies.{called[name]}", strategy=name) for name in found)
    told = ", ".join(f"{called[name]} {pct}" for name, pct in found.items())
    why = f"strategies have lost so many percent of what the fund is worth: {told}"
    return _Applies(entries, why) if entries else None


def _enough(situation: Situation, least: int) -> bool:
    spans = (situation.verdicts, situation.before)
    return all(one is not None and one.total.total >= least for one in spans)


def _narrower(rule: Rule, applies: _Applies, situation: Situation) -> PolicyProposal | None:
    """Return the overlay that a rule asks for; None where nothing would be narrower."""
    made = [
        one
        for one in _own_overlays(situation)
        if one.overlay_id.endswith(f"{OVERLAY_MARK}{rule.name}")
    ]
    fresh = [one for one in applies.entries if not any(map(one.is_stated_by, made))]
    moves = [move for entry in fresh for move in _moves(rule, entry, situation)][:MOST_CHANGES]
    if not moves:
        return None
    moved = ", ".join(f"{one.path} to {one.value} (was {was})" for one, was in moves)
    thought = (
        f"The rule {rule.name} of the playbook applies, as {applies.why}. It sets {moved} for "
        f"{rule.lasts_minutes} minutes. {rule.explanation.strip()}"
    )
    return PolicyProposal(
        changes=tuple(one for one, _ in moves),
        lasts_minutes=rule.lasts_minutes,
        thought_trace=thought,
        expected=rule.expected,
        confidence=rule.confidence,
    )


def _moves(rule: Rule, entry: _Entry, situation: Situation) -> Iterator[tuple[FieldChange, str]]:
    """Yield what a rule changes of one entry, with what is in force now."""
    usual = _in_force(_without_own(situation), situation, entry)
    now = _in_force(situation.document, situation, entry)
    for limit, value in _wanted(rule, usual).items():
        was = getattr(now, limit)
        if was is not None and _is_narrower(was, value, floor=limit in rule.at_least):
            yield FieldChange(path=f"{entry.safe}.{limit}", value=f"{value:f}"), in_words(was)


def _wanted(rule: Rule, usual: LimitSet) -> Mapping[str, Decimal]:
    """Return the values that a rule asks for, of limits that somebody states."""
    wanted = {}
    for limit, factor in rule.multiply.items():
        value = getattr(usual, limit)
        if value is not None:
            step = Decimal(1) if isinstance(value, int) else CENT
            wanted[limit] = (Decimal(value) * factor).quantize(step, ROUND_DOWN).normalize()
    for limit, floor in rule.at_least.items():
        value = getattr(usual, limit)
        if value is not None:
            wanted[limit] = max(floor, Decimal(value))
    return wanted


def _is_narrower(was: Decimal, value: Decimal, *, floor: bool) -> bool:
    return value > was if floor else value < was


def _recovery(rule: Rule, situation: Situation, names: SafeNames) -> PolicyProposal | None:
    """Return the proposal to end the oldest overlay of the playbook, where it is old enough."""
    if rule.when.quiet_hours is None:
        return None
    own = sorted(
        (set_at, one.overlay_id)
        for one in _own_overlays(situation)
        if _by_rule(one) and (set_at := _set_at(one)) is not None
    )
    if not own or situation.at - own[0][0] < timedelta(hours=rule.when.quiet_hours):
        return None
    hours = (situation.at - own[0][0]).total_seconds() / 3600
    safe = names.of_overlay(own[0][1])
    thought = (
        f"The rule {rule.name} of the playbook applies: no rule that tightens does, and the "
        f"overlay {safe} is {hours:.1f} hours old. {rule.explanation.strip()}"
    )
    return PolicyProposal(
        changes=(FieldChange(path=f"overlays.{safe}", value=None),),
        lasts_minutes=None,
        thought_trace=thought,
        expected=rule.expected,
        confidence=rule.confidence,
    )


def _own_overlays(situation: Situation) -> list[Overlay]:
    return [
        one
        for one in situation.document.overlays
        if OVERLAY_MARK in one.overlay_id and one.is_active(situation.at)
    ]


def _by_rule(overlay: Overlay) -> bool:
    return not overlay.overlay_id.endswith(f"{OVERLAY_MARK}{MODEL}")


def _set_at(overlay: Overlay) -> datetime | None:
    stamp = overlay.overlay_id.partition(OVERLAY_MARK)[0]
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _without_own(situation: Situation) -> PolicyDocument:
    own = {one.overlay_id for one in _own_overlays(situation) if _by_rule(one)}
    kept = tuple(one for one in situation.document.overlays if one.overlay_id not in own)
    return situation.document.model_copy(update={"overlays": kept})


def _in_force(document: PolicyDocument, situation: Situation, entry: _Entry) -> LimitSet:
    book = PolicyBook(document, situation.charter, situation.revision)
    regime = situation.regimes.get(entry.symbol) or situation.regimes.get(ANY)
    name = None if regime is None else regime.name
    return book.in_force(entry.strategy, entry.symbol, name, situation.at).limits
