"""Verdicts in a line that a person can read while it passes."""

from collections.abc import Sequence
from decimal import Decimal

from petrosa_cio.demo.book import Verdict
from petrosa_cio.risk.reasons import ReasonCode

FIRST_OF_ALL = (ReasonCode.FUND_HALTED, ReasonCode.INTENT_MALFORMED)
"""Codes that say more than others beside them, and so are shown first."""

PHRASES = {
    ReasonCode.NOT_AN_ORDER: "{observed} is advice, not an order",
    ReasonCode.INTENT_STALE: "{observed} old, limit {limit}",
    ReasonCode.STOP_LOSS_WRONG_SIDE: "stop at {observed}, must be {limit}",
    ReasonCode.SYMBOL_NOT_ALLOWED: "{observed} is not on the list of symbols",
    ReasonCode.NOTIONAL_ABOVE_MAX: "{observed} USD in one order, limit {limit}",
    ReasonCode.CONFIDENCE_BELOW_MIN: "confidence {observed} is under {limit}",
    ReasonCode.REGIME_VETO: "no {observed} in this regime",
    ReasonCode.REGIME_SCALED: "size times {limit} in this regime",
    ReasonCode.FUND_HALTED: "the fund is {observed}",
    ReasonCode.INTENT_REPEATED: "sent before, decided as {observed}",
    ReasonCode.INTENT_ID_REUSED: "its id was used for something else",
    ReasonCode.RATE_ABOVE_MAX: "too fast: number {observed}, limit {limit}",
    ReasonCode.POSITION_ABOVE_MAX: "{observed} USD on this side, limit {limit}",
    ReasonCode.GROSS_EXPOSURE_ABOVE_MAX: "{observed} USD in all, limit {limit}",
}
"""Short words for what the demo shows most; other codes are written out with their numbers."""

GENERAL, OBSERVED = "{observed}, limit {limit}", "{observed}"

SHOWN_OF_ID = 8
DIGITS = 4
"""Significant digits of a size on the screen; records have all of them."""


def verdict_words(verdict: Verdict) -> str:
    """Return every word about a verdict but who and what: the size, then why."""
    parts = [size_words(verdict), reason_words(verdict)]
    return "  ".join(part for part in parts if part)


def size_words(verdict: Verdict) -> str:
    """Return the size asked for and, where it differs, the one approved."""
    asked, approved = short_number(verdict.requested), short_number(verdict.quantity)
    if not asked or not approved or asked == approved:
        return asked or approved
    return f"{asked} → {approved}"


def reason_words(verdict: Verdict) -> str:
    """Return the most telling reason, and how many there are besides."""
    if verdict.withdrawn:
        return f"withdrawn before it left: {code_words(verdict.withdrawn)}"
    reasons = sorted(verdict.reasons, key=lambda one: one[0] not in FIRST_OF_ALL)
    if not reasons:
        return ""
    more = f" (+{len(reasons) - 1})" if len(reasons) > 1 else ""
    return _reason(reasons[0]) + more


def code_words(code: str) -> str:
    """Return a reason code as words."""
    return code.replace("_", " ").lower()


def short_number(number: str | None) -> str:
    """Return a number with few digits, without an exponent; empty where there is none."""
    if number is None:
        return ""
    value = Decimal(number)
    if value == 0:
        return "0"
    places = max(DIGITS - 1 - value.adjusted(), 0)
    text = f"{round(value, places):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _reason(reason: Sequence[str | None]) -> str:
    code, limit, observed = ReasonCode(str(reason[0])), reason[2], reason[3]
    if observed is None:
        return code_words(code)
    general = f"{code_words(code)}: {GENERAL if limit is not None else OBSERVED}"
    phrase = PHRASES.get(code, general)
    return phrase.format(observed=_value(code, observed), limit=_value(code, limit or ""))


def _value(code: str, text: str) -> str:
    """Return a value as it is, but numbers and fingerprints short enough to be read."""
    if code in {ReasonCode.INTENT_REPEATED, ReasonCode.INTENT_ID_REUSED}:
        return text[:SHOWN_OF_ID]
    if text.endswith(" ms"):
        return f"{Decimal(text.removesuffix(' ms')) / 1_000:.0f} s"
    try:
        return short_number(text)
    except ArithmeticError:
        return text
