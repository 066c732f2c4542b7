"""Brings the newest revision of the policy to where the gates look, whatever happened in between.

MongoDB holds every revision; Redis shows the gates the newest one. Between the two a program may
die, and Redis may come back empty, old, or with something that nobody signed. So it is compared
every second and at every start, and what differs is put right, recorded, announced and said.
"""

from collections.abc import Callable
from datetime import datetime

import structlog

from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.errors import NotInForceYet, PolicyRejected, Unavailable
from petrosa_cio.governance.desk import POLICY_UPDATED, policy_change_id
from petrosa_cio.governance.signing import TrustedKeys, projected
from petrosa_cio.ports import (
    ActivePolicy,
    Announcer,
    Journal,
    PolicyRevision,
    PolicyStore,
    RevisionStore,
)

log = structlog.get_logger()

LOOK_S = 1.0


class PolicyProjection:
    """Keeps the store of the gates at the newest revision.

    Args:
        revisions: Every revision.
        store: Where the gates look.
        trusted: Whose signature counts; nothing else is ever put in force.
        journal: Where a change is recorded; None where NATS is away.
        announcer: Tells the gates to look at once; None where NATS is away.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        revisions: RevisionStore,
        store: PolicyStore,
        trusted: TrustedKeys,
        journal: Journal | None,
        announcer: Announcer | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._revisions = revisions
        self._store = store
        self._trusted = trusted
        self._journal = journal
        self._announcer = announcer
        self._clock = clock
        self._recorded: int | None = None
        self._said: str | None = None

    async def look(self) -> PolicyRevision | None:
        """Put the newest revision in force where it is not; return it if that was needed.

        Raises:
            Unavailable: MongoDB, Redis or the journal is away.
        """
        newest = await self._revisions.newest()
        if newest is None:
            return None
        try:
            policy = self.trusted(newest)
            active = await self._store.active_policy()
            restored = active != policy
            if restored:
                await self._put(policy, active)
        except PolicyRejected as rejected:
            self._say(str(rejected))
            return None
        self._said = None
        if restored:
            found = "nothing" if active is None else f"revision {active.revision}"
            log.warning("policy_restored", revision=newest.revision, redis_held=found)
        await self._record_up_to(newest)
        return newest if restored else None

    async def bring(self, newest: PolicyRevision) -> None:
        """Put a revision in force that was just added, record and announce it.

        Raises:
            NotInForceYet: Redis is away, or holds a newer one; `look` puts it in force later.
        """
        try:
            await self._put(projected(newest), await self._store.active_policy())
        except (Unavailable, PolicyRejected) as away:
            raise NotInForceYet(newest.revision, str(away)) from away
        log.info("policy_activated", revision=newest.revision, author=newest.author)
        try:
            await self._record_up_to(newest)
        except Unavailable as away:  # the next look records it
            log.error("policy_not_recorded", revision=newest.revision, detail=str(away))

    async def in_step(self, newest: PolicyRevision | None) -> ActivePolicy | None:
        """Return what Redis holds, before anything is built on the newest revision.

        Raises:
            Unavailable: Redis is away.
            PolicyRejected: It holds a newer revision that is signed by a trusted key.
        """
        active = await self._store.active_policy()
        self._need_not_ahead(active, newest.revision if newest else 0)
        return active

    def trusted(self, revision: PolicyRevision) -> ActivePolicy:
        """Return a revision as the gates see it. Raises PolicyRejected where it is not signed."""
        policy = projected(revision)
        problem = self._trusted.problem_with(policy)
        if problem is not None:
            raise PolicyRejected([f"revision {revision.revision} of MongoDB: {problem}"])
        return policy

    async def _put(self, policy: ActivePolicy, active: ActivePolicy | None) -> None:
        """Put a revision in force instead of what is older, or of what nobody signed."""
        self._need_not_ahead(active, policy.revision)
        is_forged = active is not None and self._trusted.problem_with(active) is not None
        if is_forged:
            log.error("policy_untrusted_replaced", revision=policy.revision)
        await self._store.put_policy(policy, instead_of=active if is_forged else None)

    def _need_not_ahead(self, active: ActivePolicy | None, newest: int) -> None:
        is_ahead = active is not None and active.revision > newest
        if active and is_ahead and self._trusted.problem_with(active) is None:
            problem = f"Redis holds revision {active.revision}, while MongoDB ends with {newest}"
            raise PolicyRejected([f"{problem}: MongoDB lost revisions, or it is another database"])

    async def _record_up_to(self, newest: PolicyRevision) -> None:
        """Record what this process has not recorded yet; each stands in the journal once."""
        first = newest.revision if self._recorded is None else self._recorded + 1
        for number in range(first, newest.revision):
            if (missed := await self._revisions.revision(number)) is not None:
                await self._record(missed)
        if first <= newest.revision:
            await self._record(newest)
        self._recorded = newest.revision

    async def _record(self, revision: PolicyRevision) -> None:
        change = Change(
            subject="policy",
            scope=str(revision.revision),
            value=revision.document,
            author=revision.author,
            reason=revision.thought,
            signed=projected(revision).signed.decode(),
        )
        identity = policy_change_id(revision.fund, revision.revision)
        record = change_record(identity, change, at=self._clock(), fund=revision.fund)
        if self._announcer is not None:
            await self._announcer.announce([(POLICY_UPDATED, record)])
        if self._journal is None:
            raise Unavailable("nats", "the policy cannot be recorded")
        await self._journal.append([record])

    def _say(self, problem: str) -> None:
        """Say once what is wrong: it is looked at every second."""
        if problem != self._said:
            log.error("policy_not_in_step", problem=problem)
        self._said = problem
