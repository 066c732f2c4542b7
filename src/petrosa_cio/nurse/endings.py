"""How an intent leaves the gate: answered, counted, acknowledged, or given back to the stream."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import structlog

from petrosa_cio.audit.record import Provenance, RecordKind, later_record
from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.arrival import Answer, Arrival
from petrosa_cio.nurse.decision import Decision, verdict_subject
from petrosa_cio.nurse.limit_warnings import LIMIT_WARNING, LimitWarnings, Warned, warning_event
from petrosa_cio.nurse.tally import Tally
from petrosa_cio.nurse.verdict_event import verdict_event
from petrosa_cio.ports import Announcer, Intake, Journal
from petrosa_cio.telemetry.steps import StepTimes

log = structlog.get_logger()

RETRY_DELAY_S = 0.5
"""Pause before a batch that a dependency stopped is tried again."""


class Endings:
    """The last steps of an intent, whichever way it went."""

    def __init__(
        self,
        *,
        intake: Intake,
        journal: Journal,
        announcer: Announcer,
        provenance: Provenance,
        clock: Callable[[], datetime],
        tally: Tally,
    ) -> None:
        """Take the stream, the journal, and what is written on each record."""
        self._intake = intake
        self._journal = journal
        self._announcer = announcer
        self._provenance = provenance
        self._clock = clock
        self._tally = tally
        self._limit_warnings = LimitWarnings()

    async def record(self, kind: RecordKind, decisions: Iterable[tuple[str, str]]) -> None:
        """Journal what became of decisions: pairs of decision id and reason. Raises Unavailable."""
        at = self._clock()
        records = [
            later_record(kind, decision_id, at=at, reason=reason, provenance=self._provenance)
            for decision_id, reason in decisions
        ]
        if records:
            await self._journal.append(records)

    def answer(self, decisions: Sequence[tuple[Decision, Answer]], times: StepTimes) -> None:
        """Answer waiting callers and count."""
        for one, answer in decisions:
            door = one.draft.arrival.door
            if door and not door.answer.done():
                door.answer.set_result(answer)
        with watching("count"):
            self._tally.decided(decisions, times)

    async def end(self, decisions: Sequence[tuple[Decision, Answer]]) -> None:
        """Acknowledge the messages and tell live watchers."""
        await self.acknowledge([one.draft.arrival for one, _ in decisions])
        mode, at = self._provenance.mode, self._clock()
        with watching("announce"):
            await self._announcer.announce(
                [
                    (verdict_subject(one, answer), verdict_event(one, answer, mode=mode, at=at))
                    for one, answer in decisions
                ]
            )
        await self._warn([one for one, _ in decisions])

    async def _warn(self, decisions: Sequence[Decision]) -> None:
        """Tell of limits that have come to a band. What fails here is left out and logged."""
        found: list[Warned] = []
        for one in decisions:
            try:  # `watching` does the same, but to enter it takes longer than what is done in it
                found += self._limit_warnings.of(one)
            except Exception:
                log.exception("not_watched", what="warn")
        if not found:
            return
        with watching("warn"):
            self._tally.warned([warned.crossing for warned in found])
            at = self._clock()
            await self._announcer.announce(
                [(LIMIT_WARNING, warning_event(warned, at=at)) for warned in found]
            )

    async def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Say that these messages are finished. One that is not heard only comes again."""
        deliveries = [one.delivery for one in arrivals if one.delivery]
        if not deliveries:
            return
        try:
            await self._intake.acknowledge(deliveries)
        except Unavailable:
            log.warning("not_acknowledged", intents=len(deliveries))

    async def give_back(
        self, arrivals: Sequence[Arrival], *, delay_s: float = RETRY_DELAY_S
    ) -> None:
        """Ask for these messages again. Should that not be heard, they come by themselves."""
        deliveries = [one.delivery for one in arrivals if one.delivery]
        if not deliveries:
            return
        self._tally.given_back(len(deliveries))
        try:
            await self._intake.give_back(deliveries, delay_s=delay_s)
        except Unavailable:
            log.warning("not_given_back", intents=len(deliveries))


@contextmanager
def watching(what: str) -> Iterator[None]:
    """Keep what only watches from failing what it watches."""
    try:
        yield
    except Exception:
        log.exception("not_watched", what=what)
