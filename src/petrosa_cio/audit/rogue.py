"""Which of the signals that are seen is ours. Pure.

A signal is ours when its decision is in the record as an approval that was sent, when it is on the
subject and has the very bytes that were signed off, and when it is seen once, soon after its
verdict: the gate sends each signal once, within seconds.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

import orjson
from msgspec import Struct

from petrosa_cio.audit.findings import Finding, FindingKind
from petrosa_cio.ports import SignalMessage
from petrosa_cio.risk.verdict import VerdictKind

LONGEST_WAY = timedelta(seconds=60)
"""A signal that is seen longer after its verdict was journaled is no signal of the gate's."""

_LONGEST_NAME = 256
_LONGEST_CLAIM = 64


class Sighting(Struct, frozen=True, gc=False):
    """One message on a watched subject.

    Attributes:
        subject: Where it was published.
        reply: Where its sender wants an answer; empty if nowhere.
        at: When it was seen.
        size: Length of its body, in bytes.
        body_sha256: Fingerprint of its body.
        decision_id: The decision that it names; None when it names none.
        claims: What else it says of itself.
        is_again: Whether a signal of the same decision was seen before.
    """

    subject: str
    reply: str
    at: datetime
    size: int
    body_sha256: str
    decision_id: str | None
    claims: Mapping[str, str]
    is_again: bool = False


class SignedOff(Struct, frozen=True, gc=False):
    """What the record says of a decision that a signal names.

    Attributes:
        verdict: ``approve``, ``reduce`` or ``deny``.
        sends: Whether its gate sends signals: not in observe mode.
        withdrawn: Whether it was withdrawn.
        journaled_at: When its verdict was journaled.
        signal: The signal as it was signed off; None where this version cannot tell.
    """

    verdict: str
    sends: bool
    withdrawn: bool
    journaled_at: datetime
    signal: SignalMessage | None


def sighting(subject: str, reply: str, body: bytes, *, at: datetime) -> Sighting:
    """Return what is kept of a message; nothing is raised, whatever the bytes."""
    stated = _object(body)
    decision_id = stated.get("decision_id")
    return Sighting(
        subject=subject[:_LONGEST_NAME],
        reply=reply[:_LONGEST_NAME],
        at=at,
        size=len(body),
        body_sha256=sha256(body).hexdigest(),
        decision_id=_name(decision_id) if isinstance(decision_id, str) and decision_id else None,
        claims={
            key: _name(value)[:_LONGEST_CLAIM]
            for key in ("source", "strategy_id", "symbol", "action")
            if isinstance(value := stated.get(key), str)
        },
    )


def objection(seen: Sighting, signed_off: SignedOff | None) -> str | None:
    """Return why a signal is not ours; None where it is.

    Args:
        seen: The signal.
        signed_off: What the record says of the decision it names; None where it has no verdict.
    """
    if seen.decision_id is None:
        return "it names no decision"
    if signed_off is None:
        return "the decision that it names has no verdict"
    return next((why for why, holds in _OBJECTIONS.items() if holds(seen, signed_off)), None)


_OBJECTIONS: Mapping[str, Callable[[Sighting, SignedOff], bool]] = {
    "its intent was denied": lambda _, its: its.verdict == VerdictKind.DENY,
    "its approval was withdrawn": lambda _, its: its.withdrawn,
    "its gate only observes": lambda _, its: not its.sends,
    "its content is not what was signed off": lambda seen, its: (
        its.signal is not None and sha256(its.signal.body).hexdigest() != seen.body_sha256
    ),
    "it is on another subject than what was signed off": lambda seen, its: (
        its.signal is not None and its.signal.subject != seen.subject
    ),
    "it was seen before": lambda seen, _: seen.is_again,
    "it comes too long after its verdict": lambda seen, its: (
        seen.at - its.journaled_at > LONGEST_WAY
    ),
}


def rogue_finding(seen: Sighting, why: str) -> Finding:
    """Return the finding about a signal. The same message, again, is the same finding."""
    parts = (seen.subject, seen.body_sha256, why)
    detail: dict[str, str | int] = {
        "why": why,
        "subject": seen.subject,
        "reply": seen.reply,
        "size": seen.size,
        "body_sha256": seen.body_sha256,
        **{f"states_{key}": value for key, value in seen.claims.items()},
    }
    about = sha256("\x1f".join(parts).encode()).hexdigest()[:32]
    return Finding(FindingKind.ROGUE_SIGNAL, about, seen.at, detail, seen.decision_id)


def flood_finding(seen: Sighting, minute: int) -> Finding:
    """Return the finding that in one minute there were more than are kept one by one.

    Args:
        seen: The first of those that are not kept.
        minute: Minutes since 1970.
    """
    detail: dict[str, str | int] = {
        "why": "more in one minute than are kept one by one; cio_rogue_signals_total counts all",
        "subject": seen.subject,
    }
    return Finding(FindingKind.ROGUE_SIGNAL, f"flood:{minute}", seen.at, detail)


def overlooked_finding(number: int, at: datetime) -> Finding:
    """Return the finding that signals were seen and could not be judged."""
    detail: dict[str, str | int] = {"why": "signals could not be judged", "signals": number}
    return Finding(FindingKind.NOT_CHECKED, f"signals:{at.isoformat()}", at, detail)


def _object(body: bytes) -> Mapping[str, object]:
    try:
        stated = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return stated if isinstance(stated, dict) else {}


def _name(text: str) -> str:
    return text[:_LONGEST_NAME].encode("utf-8", "replace").decode()
