"""Lets every limit of every entry act once, and says what came of it."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from petrosa_cio.governance.self_test.builders import BUILDERS
from petrosa_cio.governance.self_test.ground import Ground
from petrosa_cio.governance.self_test.pair import Pair
from petrosa_cio.governance.self_test.trial import Trial, decide_trial
from petrosa_cio.risk.in_force import InForce, PolicyBook
from petrosa_cio.risk.limit_facts import FACTS
from petrosa_cio.risk.places import Entry, Place, entries_of, places_of
from petrosa_cio.risk.policy import PolicyDocument, in_words
from petrosa_cio.risk.reasons import Effect, Reason
from petrosa_cio.risk.verdict import Verdict


class Status(StrEnum):
    """What became of a limit."""

    BITES = "bites"
    SHADOWED = "shadowed"
    IDLE = "idle"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one limit of one entry does.

    Attributes:
        limit: Its name.
        entry: Path of the entry that states it.
        value: What it states, in words.
        status: Whether it bites; or others always come first; or it has nothing to stop; or it
            does not do what it says.
        place: Strategy, symbol and regime in which that was seen, in words.
        passes: The intent that just passes, in words; empty where there is none.
        stopped: The intent that is stopped or cut, in words; empty where there is none.
        verdict: What became of that one, with the codes of its reasons.
        why: Who comes first, why there is nothing to stop, or what is wrong; empty if it bites.
    """

    limit: str
    entry: str
    value: str
    status: Status
    place: str = ""
    passes: str = ""
    stopped: str = ""
    verdict: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """About whom the self-test is; None for every one that the policy tells apart."""

    strategy: str | None = None
    symbol: str | None = None
    regime: str | None = None

    def narrowed(self, places: Iterable[Place]) -> list[Place]:
        """Return the places that are asked about, each once."""
        return list(
            dict.fromkeys(
                Place(
                    self.strategy or place.strategy,
                    self.symbol or place.symbol,
                    self.regime or place.regime,
                )
                for place in places
            )
        )


@dataclass(slots=True)
class _Seen:
    """What has been seen of one limit so far."""

    passes: Trial | None = None
    stops: tuple[Trial, str] | None = None
    closes: bool = False
    gives: bool = False
    wrong: str = ""
    why: str = ""
    before_it: dict[str, None] = field(default_factory=dict)

    @property
    def is_enough(self) -> bool:
        """True when it was seen to stop and to let pass, or to do neither as it should."""
        let_pass = self.passes is not None or self.closes
        return bool(self.wrong) or (let_pass and (self.stops is not None or self.gives))


async def self_test(book: PolicyBook, now: datetime, asked: Asked) -> AsyncIterator[Shown]:
    """Show every limit that policy, overlays in force and charter state, one after the other."""
    book = _lasting(book, now)
    entries = entries_of(book.document, book.charter)
    places = asked.narrowed(places_of(entries))
    for entry in entries:
        for limit in entry.stated:
            found = [one for one in places if entry.applies(one)]
            if found:
                yield await _show(entry, limit, found, book, now)


def _lasting(book: PolicyBook, now: datetime) -> PolicyBook:
    """Return the same without overlays that have ended: a trial may be at an earlier time."""
    overlays = tuple(one for one in book.document.overlays if one.is_active(now))
    document = PolicyDocument(policy=book.document.policy, overlays=overlays)
    return PolicyBook(document, book.charter, book.revision)


async def _show(
    entry: Entry, limit: str, places: list[Place], book: PolicyBook, now: datetime
) -> Shown:
    seen, stated = _Seen(), entry.stated[limit]
    for place in places:
        in_force = book.in_force(place.strategy, place.symbol, place.regime, now)
        binding = _binding(entry, limit, in_force)
        if not entry.is_named_in(binding):
            value = in_words(getattr(in_force.limits, limit))
            seen.before_it.setdefault(f"{binding} states {value}")
            continue
        pair = BUILDERS[limit](Ground(place, in_force, stated, now))
        await _try(pair, entry, limit, seen, book)
        if seen.is_enough:
            break
    return _shown(entry, limit, seen)


def _binding(entry: Entry, limit: str, in_force: InForce) -> str:
    """Return the entries that bind; what a strategy's own admit is listed beside all others'."""
    if limit == "allowed_symbols":
        is_own = entry.family in ("strategies", "strategy_symbols")
        listed = in_force.own_symbols if is_own else in_force.common_symbols
        return listed.entry if listed else ""
    return in_force.entries[limit]


async def _try(pair: Pair, entry: Entry, limit: str, seen: _Seen, book: PolicyBook) -> None:
    seen.closes, seen.gives = seen.closes or pair.closes, seen.gives or pair.gives
    seen.why = seen.why or pair.why
    if pair.passes is not None and seen.passes is None:
        verdict = await decide_trial(pair.passes, book)
        own, others = _told_apart(verdict, pair, entry, limit)
        if own:
            seen.wrong = f"{pair.passes.words}: does not pass, {own[0]}"
        elif not verdict.is_promoted:
            seen.before_it |= dict.fromkeys(map(_who, others))
        elif pair.size not in (None, verdict.requested_quantity):
            seen.wrong = f"{pair.passes.words}: comes to quantity {verdict.requested_quantity}"
        else:
            seen.passes = pair.passes
    if pair.stops is not None and seen.stops is None and not seen.wrong:
        verdict = await decide_trial(pair.stops, book)
        own, others = _told_apart(verdict, pair, entry, limit)
        if others:
            seen.before_it |= dict.fromkeys(map(_who, others))
        if not own or not (others or _has_effect(own, pair)):
            seen.wrong = f"{pair.stops.words}: is not stopped by it, {_outcome(verdict)}"
        elif not others:
            seen.stops = (pair.stops, _outcome(verdict))


def _has_effect(own: list[Reason], pair: Pair) -> bool:
    """Return whether the limit's own reasons deny, or cut, as they should.

    Where others deny too nothing is left to cut, so then that is no fault.
    """
    return pair.effect is None or all(reason.effect is pair.effect for reason in own)


def _told_apart(
    verdict: Verdict, pair: Pair, entry: Entry, limit: str
) -> tuple[list[Reason], list[Reason]]:
    """Return the limit's own reasons, and the others that deny."""
    facts, (begins, ends) = FACTS[limit], pair.mark
    own = [
        reason
        for reason in verdict.reasons
        if reason.code in ((pair.code,) if pair.code else facts.codes)
        and (not facts.names_entry or entry.is_named_in(reason.entry))
        and reason.scope.startswith(begins)
        and (reason.limit or "").endswith(ends)
    ]
    denying = [one for one in verdict.reasons if one.effect is Effect.DENY and one not in own]
    return own, denying


def _who(reason: Reason) -> str:
    limit = f" {reason.limit}" if reason.limit else ""
    return f"{reason.code}{limit} ({reason.entry})" if reason.entry else f"{reason.code}{limit}"


def _outcome(verdict: Verdict) -> str:
    codes = ", ".join(dict.fromkeys(str(reason.code) for reason in verdict.reasons))
    return f"{verdict.kind} {codes}".strip()


def _shown(entry: Entry, limit: str, seen: _Seen) -> Shown:
    stopped, outcome = seen.stops or (None, "")
    trial = stopped or seen.passes
    status, why = _judged(seen)
    return Shown(
        limit,
        entry.path,
        in_words(entry.stated[limit]),
        status,
        place=str(trial.place) if trial else "",
        passes=seen.passes.words if seen.passes else "",
        stopped=stopped.words if stopped else "",
        verdict=outcome,
        why=why,
    )


def _judged(seen: _Seen) -> tuple[Status, str]:
    if seen.wrong:
        return Status.FAILS, seen.wrong
    if seen.is_enough:
        return Status.BITES, ""
    if seen.before_it:
        return Status.SHADOWED, "; ".join(list(seen.before_it)[:3])
    return Status.IDLE, seen.why or "nothing of what was asked about is beyond it"
