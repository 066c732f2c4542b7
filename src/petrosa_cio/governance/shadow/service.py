"""Where shadows are started, looked at, promoted and dropped, for CLI, HTTP and MCP alike.

A shadow puts nothing in force, so whoever may tighten may start and drop one. To promote it is to
propose its policy, and goes the way of every change.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import NotAllowed, NotFound, PolicyRejected
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import Act, check_may
from petrosa_cio.governance.lifecycle import Lifecycle, Outcome
from petrosa_cio.governance.proposals import Wanted, to_the_millisecond
from petrosa_cio.governance.refusals import Refusals, Tell
from petrosa_cio.governance.shadow.candidate import Stage, candidate_of, shadowed, stage_of
from petrosa_cio.governance.shadow.pages import ShadowReport, report_of
from petrosa_cio.governance.thought import check_thought
from petrosa_cio.ports import (
    EndingKind,
    RecordTail,
    Shadow,
    ShadowEnding,
    ShadowStore,
)
from petrosa_cio.risk.compare import Comparison
from petrosa_cio.risk.policy import PolicyDocument
from petrosa_cio.risk.policy_findings import PolicyFinding

MOST_FLIPS = 1_000
"""Flips that are shown one by one at most, the newest."""


@dataclass(frozen=True, slots=True)
class Started:
    """A shadow that was started.

    Attributes:
        shadow: The shadow.
        comparison: What it would change, limit by limit.
        findings: What else is to be said about its policy.
        unrecorded: Why the start could not be recorded, if so; it runs all the same.
    """

    shadow: Shadow
    comparison: Comparison
    findings: tuple[PolicyFinding, ...]
    unrecorded: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A shadow, where it stands, and what it found.

    Attributes:
        shadow: The shadow.
        stage: Where it stands.
        ending: What was made of it; None where nothing was.
        report: What it found so far.
        behind: Records that are stored and that it has not looked at; 0 once it is complete.
        trouble: Why its policy cannot be decided with, if so.
    """

    shadow: Shadow
    stage: Stage
    ending: ShadowEnding | None
    report: ShadowReport
    behind: int
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A shadow that somebody ended.

    Attributes:
        shadow: The shadow.
        ending: How.
        unrecorded: Why it could not be recorded, if so; it is ended all the same.
    """

    shadow: Shadow
    ending: ShadowEnding
    unrecorded: str | None


@dataclass(frozen=True, slots=True)
class Promoted:
    """A shadow whose policy was proposed.

    Attributes:
        ended: The shadow, and how it ended.
        outcome: What became of its policy.
    """

    ended: Ended
    outcome: Outcome


class ShadowDesk:
    """Starts, shows, promotes and drops the shadows of a fund, as far as whoever asks may.

    Every method raises `Unavailable` when MongoDB is away.
    """

    def __init__(
        self,
        store: ShadowStore,
        tail: RecordTail,
        lifecycle: Lifecycle,
        tell: Tell,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the stores, what changes the policy, what records, and the clock."""
        self._store = store
        self._tail = tail
        self._lifecycle = lifecycle
        self._tell = tell
        self._clock = clock
        self._refusals = Refusals(tell)

    async def start(
        self,
        actor: Actor,
        document: PolicyDocument,
        *,
        parent: int,
        thought: str,
        lasts: timedelta,
    ) -> Started:
        """Start a shadow: from now on each verdict is decided again under a candidate.

        Args:
            actor: Who asks.
            document: The candidate.
            parent: The revision that it was made from.
            thought: Why.
            lasts: After how long it ends by itself.

        Raises:
            NotAllowed: The actor may not, or another shadow runs.
            ThoughtRejected: The thought is none.
            RevisionConflict: ``parent`` is not the newest revision.
            PolicyRejected: It crosses the charter, contradicts itself, changes nothing, or would
                run for too long.
        """
        async with self._refusals.recorded(actor.name, f"start a shadow of revision {parent}"):
            check_may(actor, Act.TIGHTEN)
            check_thought(thought)
            newest, comparison, findings = await self._lifecycle.weighed(document, parent=parent)
            before = await self._newest()
            await self._need_ended(before)
            number = before.number + 1 if before else 1
            wanted = Wanted(actor, document, thought)
            shadow = shadowed(wanted, newest, number, lasts, self._clock())
            if not await self._store.start(shadow):
                raise NotAllowed(f"somebody else has just started shadow {number}")
        told = Change("shadow", shadow.shadow_id, shadow.document, actor.name, thought)
        return Started(shadow, comparison, findings, await self._tell(told))

    async def show(self, number: int | None = None, *, flips: int = MOST_FLIPS) -> Seen:
        """Return a shadow with what it found so far.

        Args:
            number: Which one; None for the newest.
            flips: How many flips to show one by one at most, the newest.

        Raises:
            NotFound: There is no such shadow.
        """
        found = await (self._newest() if number is None else self._store.shadow(number))
        if found is None:
            wanted = "nobody has started a shadow yet" if number is None else f"no shadow {number}"
            raise NotFound(f"there is nothing to show: {wanted}")
        return await self._seen(found, min(flips, MOST_FLIPS))

    async def promote(self, actor: Actor, *, thought: str) -> Promoted:
        """Propose the policy of the newest shadow, exactly as it was tried, and end the shadow.

        What only tightens is in force then; what loosens waits for approval.

        Args:
            actor: Who asks.
            thought: Why.

        Raises:
            NotAllowed: The actor may not, or there is no shadow that could be promoted.
            ThoughtRejected: The thought is none.
            RevisionConflict: It was made from a revision that is not the newest any more.
            PolicyRejected: It crosses the charter as it is now, or was changed.
        """
        async with self._refusals.recorded(actor.name, "promote the shadow"):
            seen = await self._open("promote")
            document = candidate_of(seen.shadow)
        outcome = await self._lifecycle.propose(
            actor, document, parent=seen.shadow.parent, thought=thought
        )
        ended = await self._end(actor, seen, EndingKind.PROMOTE, thought, _in_words(outcome))
        return Promoted(ended, outcome)

    async def drop(self, actor: Actor, *, thought: str) -> Ended:
        """End the shadow that runs, or settle that one which is over comes to nothing.

        Raises:
            NotAllowed: The actor may not, or there is none.
            ThoughtRejected: The thought is none.
        """
        async with self._refusals.recorded(actor.name, "drop the shadow"):
            check_may(actor, Act.TIGHTEN)
            check_thought(thought)
            seen = await self._open("drop")
            return await self._end(actor, seen, EndingKind.DROP, thought, "")

    async def _open(self, what_for: str) -> Seen:
        newest = await self._newest()
        if newest is None:
            raise NotFound(f"there is no shadow to {what_for}")
        seen = await self._seen(newest, 0)
        if seen.ending is not None:
            raise NotAllowed(f"shadow {newest.number} is {seen.stage}: there is none to {what_for}")
        return seen

    async def _seen(self, shadow: Shadow, flips: int) -> Seen:
        ending = await self._store.ending(shadow.shadow_id)
        shown = await self._store.flips(shadow.shadow_id, limit=flips) if flips else []
        report = report_of(await self._store.pages(shadow.shadow_id), shown)
        trouble, behind = None, 0
        try:
            candidate_of(shadow)
        except PolicyRejected as unusable:
            trouble = str(unusable)
        if not report.is_complete:
            after = report.until_seq or await self._tail.before(shadow.at)
            behind = max(0, await self._tail.last() - after)
        stage = stage_of(shadow, ending, self._clock())
        return Seen(shadow, stage, ending, report, behind, trouble)

    async def _end(
        self, actor: Actor, seen: Seen, kind: EndingKind, thought: str, became: str
    ) -> Ended:
        shadow, at = seen.shadow, to_the_millisecond(self._clock())
        ending = ShadowEnding(
            shadow.shadow_id, kind, actor.name, actor.role.value, thought, at, became
        )
        if not await self._store.end(ending):
            raise NotAllowed(f"somebody else has just ended shadow {shadow.number}")
        value = json.dumps({"kind": kind, "became": became, "report": seen.report.in_short})
        told = Change("shadow_ending", shadow.shadow_id, value, actor.name, thought)
        return Ended(shadow, ending, await self._tell(told))

    async def _need_ended(self, before: Shadow | None) -> None:
        if before is None:
            return
        ending = await self._store.ending(before.shadow_id)
        if stage_of(before, ending, self._clock()) is Stage.RUNNING:
            until = before.ends_at.isoformat(timespec="minutes")
            raise NotAllowed(
                f"shadow {before.number} of {before.author} runs until {until}, and there is one "
                "at a time: promote it or drop it first"
            )

    async def _newest(self) -> Shadow | None:
        return next(iter(await self._store.recent(limit=1)), None)


def _in_words(outcome: Outcome) -> str:
    if outcome.revision is not None:
        return f"revision {outcome.revision.revision}"
    return f"proposal {outcome.proposal.proposal_id}" if outcome.proposal else ""
