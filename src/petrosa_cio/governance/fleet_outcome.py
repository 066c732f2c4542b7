"""What a change of a neighbour's settings achieved, as far as anybody can tell. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from petrosa_cio.errors import CioError, NeighbourRefused, NeighbourSilent
from petrosa_cio.fleet.neighbour import Settings, Target
from petrosa_cio.fleet.setting_facts import Reach, same, shown
from petrosa_cio.governance.fleet_judgement import Judged


class Effect(StrEnum):
    """What a change achieved."""

    APPLIED = "applied"
    STORED_UNREAD = "stored_unread"
    NOT_SEEN = "not_seen"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


MEANINGS = {
    Effect.APPLIED: "the neighbour shows the new values, and acts on them",
    Effect.STORED_UNREAD: "the neighbour shows the new values, and does not act on all of them",
    Effect.NOT_SEEN: "the neighbour said that it took the change, and does not show it",
    Effect.REFUSED: "the neighbour refused, and nothing changed",
    Effect.NOT_SENT: "nothing was sent, and nothing changed",
    Effect.UNKNOWN: "nobody knows whether it changed: look again",
}
"""A sentence for each."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a change.

    Attributes:
        change_id: Its identity in the record.
        target: Whose settings.
        effect: What it achieved.
        asked: What was asked for; of a rollback as far as its version's content is known.
        seen: What the neighbour shows of that afterwards; None where it could not be read.
        why: What led to the effect, a sentence each.
        retry_after_s: Seconds after which the neighbour may be asked again, where it says so.
        unrecorded: Why what became of it could not be recorded, if so.
    """

    change_id: str
    target: Target
    effect: Effect
    asked: Settings
    seen: Settings | None
    why: tuple[str, ...]
    retry_after_s: int | None = None
    unrecorded: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What sending a change met with.

    Attributes:
        fault: Why the neighbour did not say that it took it; None if it said so.
        seen: What it shows afterwards of what was asked; None where it could not be read.
        unread: Why it could not be read, where it could not.
    """

    fault: CioError | None
    seen: Settings | None
    unread: str = ""


def achieved(judged: Sequence[Judged], sent: Sent) -> tuple[Effect, tuple[str, ...]]:
    """Return what a change achieved, and why it is said so.

    Args:
        judged: Every setting of it.
        sent: What sending it met with.
    """
    fault = sent.fault
    if isinstance(fault, NeighbourSilent) and not fault.may_have_acted:
        return Effect.NOT_SENT, (str(fault),)
    why: tuple[str, ...] = () if fault is None else (_of_fault(fault),)
    if sent.seen is None:
        effect = Effect.REFUSED if isinstance(fault, NeighbourRefused) else Effect.UNKNOWN
        return effect, (*why, *filter(None, (sent.unread,)))
    differs = [one for one in judged if not _shows(sent.seen, one)]
    if not differs:
        return _of_seen(judged, why)
    if isinstance(fault, NeighbourRefused):
        return Effect.REFUSED, why
    shows = tuple(
        f"{one.name} shows {shown(sent.seen.get(one.name))} instead of {shown(one.new)}"
        for one in differs
    )
    return Effect.NOT_SEEN if fault is None else Effect.UNKNOWN, (*why, *shows)


def _of_seen(judged: Sequence[Judged], why: tuple[str, ...]) -> tuple[Effect, tuple[str, ...]]:
    idle = tuple(sentence for one in judged if (sentence := _idle(one)))
    return (Effect.STORED_UNREAD if idle else Effect.APPLIED), (*why, *idle)


def _shows(seen: Settings, one: Judged) -> bool:
    return one.name in seen and same(seen[one.name], one.new)


def _idle(one: Judged) -> str | None:
    """Return why a stored value does nothing, as a sentence; None where it does something."""
    if one.facts is None:
        return f"{one.name}: nothing is known of who reads it"
    if one.facts.reach is Reach.ACTED_ON:
        return None
    instead = f"; the limit `{one.facts.instead}` of the policy holds" if one.facts.instead else ""
    return f"{one.name}: {one.facts.reach}{instead}"


def _of_fault(fault: CioError) -> str:
    if isinstance(fault, NeighbourSilent):
        return f"its answer is missing ({fault.detail}), so it may have acted; it was read back"
    return str(fault)
