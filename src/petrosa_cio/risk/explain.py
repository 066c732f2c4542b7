"""A verdict in plain words: what was asked, what was decided, why, and what would have passed."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from petrosa_cio.risk.checks import CHECKS
from petrosa_cio.risk.checks.case import VENUE
from petrosa_cio.risk.counters import side_of
from petrosa_cio.risk.intent import Action, Direction, Intent
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.overrides import Override
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.shared_limits import FUND_INTENTS, RATE_LIMITS, SHARED_LIMIT_FIELDS
from petrosa_cio.risk.sizing import multiply
from petrosa_cio.risk.summed_limits import NET_LIMITS
from petrosa_cio.risk.verdict import Verdict, VerdictKind
from petrosa_cio.risk.wording import WORDINGS

_FIELDS: dict[ReasonCode, tuple[str, ...]] = {
    check.code: (check.limit_field,) for check in CHECKS if check.limit_field
} | SHARED_LIMIT_FIELDS

SHORT_ID = 12
"""Characters of the name of an override that are shown."""

_RESUME_OPTIONS = {
    ReasonCode.STRATEGY_DRAWDOWN_REACHED: " --strategy {scope}",
    ReasonCode.STRATEGY_HALTED: " --strategy {scope}",
    ReasonCode.SYMBOL_HALTED: " --symbol {scope}",
    ReasonCode.STRATEGY_PAUSED: " --strategy {scope}",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One reason in plain words.

    Attributes:
        code: The reason code.
        effect: Whether it denies or only reduces the size.
        found: What was objected to, with its numbers.
        passes: What would have passed.
        stated_by: Which entry of policy or charter states the limit; empty where none does.
        change: When people change that limit; empty where there is none.
    """

    code: ReasonCode
    effect: Effect
    found: str
    passes: str
    stated_by: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict in plain words.

    Attributes:
        asked: What the bot wants.
        decided: What the gate says to it.
        reasons: Every reason, in the order of the verdict.
        instead: Which size would have passed; empty where size is not what was objected to.
        lifted: What was lifted for this one order, and by whom, a sentence each.
    """

    asked: str
    decided: str
    reasons: tuple[Explained, ...]
    instead: str
    lifted: tuple[str, ...] = ()


def explain(
    intent: Intent | Malformed, verdict: Verdict, override: Override | None = None
) -> Explanation:
    """Return a verdict in plain words, for somebody who trades.

    Args:
        intent: What was asked.
        verdict: What was decided.
        override: The override that its record names, if it names one.
    """
    return Explanation(
        asked=_asked(intent, verdict),
        decided=_decided(verdict),
        reasons=tuple(explain_reason(reason) for reason in verdict.reasons),
        instead=_instead(verdict),
        lifted=tuple(_lifted(verdict, override)),
    )


def explain_reason(reason: Reason) -> Explained:
    """Return one reason in plain words."""
    field = limit_field(reason)
    return Explained(
        reason.code,
        reason.effect,
        found=_found(reason),
        passes=_passes(reason),
        stated_by=_stated_by(reason, field),
        change=LIMIT_KINDS[field].when_to_change if field else "",
    )


def limit_field(reason: Reason) -> str | None:
    """Return the name of the limit that a reason is about; None where no limit is."""
    fields = _FIELDS.get(reason.code, ())
    if reason.entry == VENUE:
        return None
    if reason.code in (ReasonCode.REFERENCE_PRICE_MISSING, ReasonCode.PORTFOLIO_UNKNOWN):
        return reason.limit  # the limit that needs the price, or the portfolio
    if reason.code is ReasonCode.NET_EXPOSURE_ABOVE_MAX:
        return NET_LIMITS[Direction(side_of(reason.scope))]
    if reason.code is ReasonCode.REFERENCE_PRICE_STALE and str(reason.observed).endswith("ahead"):
        return "max_clock_skew_s"
    if reason.code is not ReasonCode.RATE_ABOVE_MAX:
        return fields[0] if fields else None
    limits = RATE_LIMITS.get(reason.scope.partition(":")[0], ())
    stated = reason.limit or ""
    found = (field for field, ms in limits if stated.endswith(f" per {ms // 1000} s"))
    return next(found, None)


def passing_quantity(verdict: Verdict) -> Decimal | None:
    """Return the largest quantity that no limit on size denies; None where none denies it."""
    passing = [
        Decimal(reason.would_pass)
        for reason in verdict.reasons
        if reason.effect is Effect.DENY and reason.would_pass is not None
    ]
    return min(passing, default=None)


# --- one reason -----------------------------------------------------------------------------------


def _found(reason: Reason) -> str:
    wording, observed = WORDINGS[reason.code], reason.observed or "unknown"
    is_absent = observed.startswith(("no ", "never "))
    return _filled(wording.absent if wording.absent and is_absent else wording.found, reason)


def _passes(reason: Reason) -> str:
    if reason.would_pass is None:
        return _filled(WORDINGS[reason.code].passes, reason)
    if Decimal(reason.would_pass) <= 0:
        return "No quantity: nothing is left of this limit."
    return f"A quantity of {reason.would_pass} or less."


def _filled(text: str, reason: Reason) -> str:
    option = _RESUME_OPTIONS.get(reason.code, "").format(scope=reason.scope)
    return text.format(
        limit=reason.limit or "none",
        observed=_in_seconds(reason.observed or "unknown"),
        scope=_scope(reason.scope),
        option=option,
    )


def _in_seconds(observed: str) -> str:
    """Return a value with its milliseconds as seconds; any other as it is."""
    number, _, unit = observed.partition(" ")
    return f"{Decimal(number) / 1000:f} s" if unit == "ms" else observed


_SENDERS = dict.fromkeys(("intents", "hourly_intents", "exits"), "The strategy") | {
    "symbol_intents": "The fund, on {symbol},",
    FUND_INTENTS: "The fund",
}


def _scope(scope: str) -> str:
    kind, _, rest = scope.partition(":")
    symbol, _, direction = rest.partition(":")
    if kind == "position" and direction:
        return f"the {direction} exposure to {symbol}"
    if kind == "net":
        return f"the net exposure on the {rest} side"
    if kind == "group":
        return f"the exposure to the group {rest}"
    if kind in _SENDERS:
        return _SENDERS[kind].format(symbol=symbol)
    return scope or "the intent"


def _stated_by(reason: Reason, field: str | None) -> str:
    if reason.entry == VENUE:
        return "A rule of the venue's own."
    if field is None:
        return ""
    if reason.entry is None:
        return f"No entry states {field}; it is built in."
    places = [_place(entry) for entry in reason.entry.split(" & ")]
    return f"{field}, stated by {' and '.join(places)}."


def _place(entry: str) -> str:
    if entry == "charter":
        return "the charter, which only people change"
    return f"the policy's entry {entry}"


# --- the whole ------------------------------------------------------------------------------------


def _asked(intent: Intent | Malformed, verdict: Verdict) -> str:
    if isinstance(intent, Malformed):
        return "The message is no intent."
    if intent.action is Action.HOLD:
        return f"{intent.strategy} says hold for {intent.symbol}."
    size = verdict.requested_quantity
    what = f"{size:f} {intent.symbol}" if size else intent.symbol
    return f"{intent.strategy} wants to {intent.action} {what}{_worth(verdict)}{_terms(intent)}."


def _worth(verdict: Verdict) -> str:
    size, price = verdict.requested_quantity, verdict.price
    if not (size and price):
        return ""
    return f" at {price:f} USD, worth {multiply(size, price).normalize():f} USD"


def _terms(intent: Intent) -> str:
    stated = (
        ("confidence", intent.confidence),
        ("stop loss", intent.stop_loss),
        ("target", intent.take_profit),
    )
    terms = [f"{name} {value:f}" for name, value in stated if value is not None]
    return f" ({', '.join(terms)})" if terms else ""


def _decided(verdict: Verdict) -> str:
    if verdict.kind is VerdictKind.APPROVE:
        limits = "every limit that was not lifted" if verdict.lifted else "every limit"
        return f"Approved{_as_quantity(verdict)}: it is within {limits}."
    if verdict.kind is VerdictKind.REDUCE:
        return f"Reduced{_as_quantity(verdict)}, which is within every limit."
    return f"Denied, for {_counted(len(verdict.reasons), 'reason')}. Nothing is sent."


def _lifted(verdict: Verdict, override: Override | None) -> Iterator[str]:
    if verdict.override_id is None:
        return
    name = verdict.override_id[:SHORT_ID]
    of = "" if override is None else _people(override)
    if not verdict.lifted:
        yield f"The override {name}{of} counted for it; it lifted nothing."
    for reason in verdict.lifted:
        yield f"{reason.code}, lifted by override {name}{of}: {_found(reason)}"


def _people(override: Override) -> str:
    return f" of {override.author}, approved by {' and '.join(override.approved_by)}"


def _as_quantity(verdict: Verdict) -> str:
    if verdict.quantity is None:
        return ""
    to = " to" if verdict.kind is VerdictKind.REDUCE else ","
    return f"{to} {verdict.quantity:f}"


def _instead(verdict: Verdict) -> str:
    if verdict.kind is not VerdictKind.DENY:
        return ""
    quantity, others = passing_quantity(verdict), _objections_beside_size(verdict)
    if quantity is None:
        return ""
    if quantity <= 0:
        return "No size would have passed: nothing is left of a limit."
    met = f", and the other {_counted(others, 'objection')} met," if others else ""
    return f"With a quantity of {quantity:f} or less{met} it would have passed."


def _objections_beside_size(verdict: Verdict) -> int:
    return sum(
        reason.effect is Effect.DENY and reason.would_pass is None for reason in verdict.reasons
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
