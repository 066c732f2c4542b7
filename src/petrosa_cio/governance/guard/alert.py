"""What the guard tells: once for each revision that was out of bounds, wherever it is told."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import orjson
import structlog

from petrosa_cio.audit.alerting import ALERT_SUBJECT
from petrosa_cio.ports import Announcer, PolicyRevision

log = structlog.get_logger()

KIND: Final = "policy_guard"
"""Kind of the guard's alerts, beside the findings about the record."""

SUBJECT: Final = f"{ALERT_SUBJECT}{KIND}"
"""The guard's alerts are announced here."""


class Outcome(StrEnum):
    """What became of a revision that was out of bounds."""

    FELL_BACK = "fell_back"
    ALREADY_TIGHTER = "already_tighter"
    NO_KEY = "no_key"
    REFUSED = "refused"


class AlertStore(Protocol):
    """Where alerts are kept, as documents that are inserted and found, never changed."""

    async def keep(self, documents: Sequence[dict[str, object]]) -> frozenset[str]:
        """Insert documents idempotently by ``_id``; return the ids that were new."""


class GuardTally(Protocol):
    """Is told of the guard's work. None of these may raise or wait."""

    def watching(self, revision: int) -> None:
        """Show which revision is watched; 0 for none."""

    def tripped(self, outcome: Outcome) -> None:
        """Count a revision that was out of bounds."""


class GuardAlerts:
    """Keeps, announces, counts and logs what the guard has to tell, each once."""

    def __init__(
        self,
        alerts: AlertStore,
        announcer: Announcer,
        tally: GuardTally,
        clock: Callable[[], datetime],
    ) -> None:
        """Take where alerts go and who is told."""
        self._alerts = alerts
        self._announcer = announcer
        self._tally = tally
        self._clock = clock

    def watching(self, revision: int) -> None:
        """Show which revision is watched; 0 for none."""
        self._tally.watching(revision)

    async def tell(
        self, fund: str, number: int, at: datetime, outcome: Outcome, *, why: str, then: str
    ) -> None:
        """Tell what became of a revision. Raises Unavailable; it is to be told again then.

        Args:
            fund: The fund.
            number: The revision that was out of bounds.
            at: When that revision, or the one that replaces it, was made.
            outcome: What became of it.
            why: What was seen.
            then: What was done, or is to be done by a person.
        """
        document: dict[str, object] = {
            "_id": f"{fund}:{KIND}:{number}",
            "fund": fund,
            "kind": KIND,
            "decision_id": None,
            "at": at,
            "found_at": self._clock(),
            "detail": {"revision": number, "outcome": outcome.value, "why": why, "then": then},
        }
        if not await self._alerts.keep([document]):
            return
        log.error("policy_guard_tripped", revision=number, outcome=outcome, why=why, then=then)
        self._tally.tripped(outcome)
        await self._announcer.announce([(SUBJECT, orjson.dumps(document))])

    async def tell_of(self, fallback: PolicyRevision) -> None:
        """Tell that a revision of the guard's own is in force. Raises Unavailable, as `tell`."""
        then = (
            f"revision {fallback.revision} is in force, the tighter of both limit by limit; "
            "to loosen anything of it again takes people, as every loosening does"
        )
        await self.tell(
            fallback.fund,
            fallback.parent,
            fallback.at,
            Outcome.FELL_BACK,
            why=fallback.thought,
            then=then,
        )
