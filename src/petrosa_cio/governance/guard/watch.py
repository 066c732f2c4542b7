"""The guard: compares what a new revision does with what was before, and falls back if it must.

What it knows is derived from what is stored, revisions and journal: so a restart forgets nothing.
What it puts in force is the meet of the revision and its parent. That is never looser than what is
in force, and so takes nobody's approval. A revision of its own is never watched.
"""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from petrosa_cio.errors import NotInForceYet, PolicyRejected, RevisionConflict
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.guard.alert import GuardAlerts, Outcome
from petrosa_cio.governance.guard.counting import Counted
from petrosa_cio.governance.guard.judging import Bounds, out_of_bounds
from petrosa_cio.governance.tighter import tighter_of
from petrosa_cio.ports import JournalEntry, PolicyRevision, RevisionStore
from petrosa_cio.risk.compare import compare_documents
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.policy import PolicyDocument

GUARD: Final = Actor("guard", Role.AGENT)
"""Who makes the guard's revisions: the program itself. Nobody's token is of that name."""

LOOK_S: Final = 5.0

LATE: Final = timedelta(seconds=15)
"""How long after its decision a verdict may be journaled."""

MOST_NAMED: Final = 5
"""Moved limits that a thought names."""

ReadJournal = Callable[[datetime], AsyncIterator[JournalEntry]]
"""Iterates over the journal's entries since a moment. Raises Unavailable."""


class Activation(Protocol):
    """Makes a document the newest revision and puts it in force."""

    async def activate(
        self, document: PolicyDocument, *, parent: int, author: Actor, thought: str
    ) -> PolicyRevision:
        """Return the new revision. Raises RevisionConflict, PolicyRejected or Unavailable."""


class PolicyGuard:
    """Watches the newest revision of one fund's policy.

    Args:
        revisions: Every revision.
        activation: Makes new ones; None where there is no key to sign them with.
        journal: What was decided.
        alerts: Where it tells what it saw.
        bounds: What a revision is watched for.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        revisions: RevisionStore,
        activation: Activation | None,
        journal: ReadJournal,
        alerts: GuardAlerts,
        bounds: Bounds,
        clock: Callable[[], datetime],
    ) -> None:
        self._revisions = revisions
        self._activation = activation
        self._journal = journal
        self._alerts = alerts
        self._bounds = bounds
        self._clock = clock
        self._settled = 0
        self._watched = 0
        self._counted: Counted | None = None
        self._seen: str | None = None

    async def look(self) -> None:
        """Look at what the newest revision did so far, and fall back if it is out of bounds.

        Raises:
            Unavailable: MongoDB or NATS is away; the next look does what this one could not.
        """
        newest = await self._revisions.newest()
        if newest is None or newest.revision == self._settled:
            return
        if newest.revision != self._watched:
            self._watched, self._seen = newest.revision, None
            self._counted = Counted(newest, self._bounds)
        if is_own(newest):
            await self._alerts.tell_of(newest)
            self._settle(newest)
        elif newest.parent == 0 or self._is_long_ago(newest):
            self._settle(newest)
        else:
            self._alerts.watching(newest.revision)
            await self._watch(newest)

    def _is_long_ago(self, newest: PolicyRevision) -> bool:
        """Return whether nothing is judged any more: a restart may be late, but not by hours."""
        return self._seen is None and self._clock() >= newest.at + 2 * self._bounds.watched + LATE

    async def _watch(self, newest: PolicyRevision) -> None:
        counted = self._counted or Counted(newest, self._bounds)
        looked_at = self._clock()
        if self._seen is None:
            async for entry in self._journal(counted.since):
                counted.add(entry)
            self._seen = out_of_bounds(counted.before, counted.after, self._bounds)
        if self._seen is not None:
            await self._fall_back(newest, self._seen)
        elif looked_at >= newest.at + self._bounds.watched + LATE:
            self._settle(newest)

    def _settle(self, newest: PolicyRevision) -> None:
        self._settled, self._counted = newest.revision, None
        self._alerts.watching(0)

    async def _fall_back(self, newest: PolicyRevision, seen: str) -> None:
        try:
            outcome, then = await self._fallen_back(newest, seen)
        except RevisionConflict:
            return  # somebody was faster: that revision is watched next
        except PolicyRejected as rejected:
            outcome = Outcome.REFUSED
            then = f"the tighter of both cannot govern ({rejected}): a person has to look at it"
        if outcome is not Outcome.FELL_BACK:  # else the revision itself is told of
            await self._alerts.tell(
                newest.fund, newest.revision, newest.at, outcome, why=f"{seen}.", then=then
            )
            self._settle(newest)

    async def _fallen_back(self, newest: PolicyRevision, seen: str) -> tuple[Outcome, str]:
        """Put the tighter of both in force, where that is another; return what came of it."""
        earlier = await self._revisions.revision(newest.parent)
        if earlier is None:
            raise PolicyRejected([f"there is no revision {newest.parent} any more"])
        now, document = self._clock(), read_policy_document(newest.document.encode())
        met = tighter_of(newest, earlier, now)
        change = compare_documents(document, met, now).change
        if change is Change.EQUAL:
            return Outcome.ALREADY_TIGHTER, (
                f"it is itself the tighter one, limit by limit, so it stays; a person who wants "
                f"revision {earlier.revision} back runs `cio policy rollback --to "
                f"{earlier.revision}`, which takes approval"
            )
        if change is not Change.TIGHTER:
            raise PolicyRejected([f"beside revision {newest.revision} it is {change}"])
        if self._activation is None:
            return Outcome.NO_KEY, (
                "there is no key here to sign a policy with: where there is one, run `cio policy "
                f"rollback --to {earlier.revision} --tighter`, which is in force at once"
            )
        thought = _thought(newest, earlier, seen, self._bounds)
        try:
            made = await self._activation.activate(
                met, parent=newest.revision, author=GUARD, thought=thought
            )
        except NotInForceYet:  # it is stored, and comes into force by itself
            return Outcome.FELL_BACK, ""
        await self._alerts.tell_of(made)
        self._settle(made)
        return Outcome.FELL_BACK, ""


def is_own(revision: PolicyRevision) -> bool:
    """Return whether the guard made a revision."""
    return (revision.author, revision.role) == (GUARD.name, GUARD.role)


def _thought(newest: PolicyRevision, earlier: PolicyRevision, seen: str, bounds: Bounds) -> str:
    moved = ", ".join(one.path for one in newest.diff[:MOST_NAMED])
    others = len(newest.diff) - MOST_NAMED
    more = f" and {others} more" if others > 0 else ""
    minutes = bounds.watched // timedelta(minutes=1)
    thought = (
        f"Revision {newest.revision} by {newest.author} moved {moved or 'no limit'}{more}. Within "
        f"{minutes} minutes of it {seen}. So the guard puts the tighter of revisions "
        f"{earlier.revision} and {newest.revision} in force, limit by limit: nothing is loosened."
    )
    # The names of strategies may hold signs that no thought may.
    return "".join(one if one.isprintable() else "?" for one in thought)
