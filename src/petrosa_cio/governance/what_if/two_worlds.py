"""The ledger in two worlds: what it read when it was asked, and what it would have read.

Recorded readings are the truth of the record's world. What they would have been under a candidate
is that truth with the difference that the candidate's own verdicts made so far: exposure (see
`petrosa_cio.governance.what_if.exposure`), rates, repetitions, opposites and prices. So whatever
nobody recorded, such as fills, exits, refusals of the engine and what came before, is in both, and
a candidate that decides everything as it was decided reads what was read, to the unit.

Ids and names are as they were, and who used an override: that hardly depends on a policy.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from petrosa_cio.governance.what_if.exposure import Exposure, Lot
from petrosa_cio.governance.what_if.happenings import Happenings, openings_of, prices_of
from petrosa_cio.risk.claims import MAX_UNITS, Claim, Opponent, OppositeClaim, RateClaim, Readings
from petrosa_cio.risk.counters import GROSS, ON_SIDE, is_position, side_of
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.repetition import BOTH_DENIED
from petrosa_cio.risk.verdict import Assessment, Verdict


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an approval that came to nothing.

    Attributes:
        at_ms: When that was recorded, epoch milliseconds.
        unheard: Whether nobody listened for its signal; else it was withdrawn before it was sent.
    """

    at_ms: int
    unheard: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One decision in one world.

    Attributes:
        assessment: What it asked of the ledger.
        readings: What the ledger read.
        verdict: What was concluded.
        held: Whether it took what it claims.
    """

    assessment: Assessment
    readings: Readings
    verdict: Verdict
    held: bool

    @property
    def conflicts_alone(self) -> bool:
        """Whether it is denied for nothing but an opening the other way, which it shuts too."""
        claim, opponent = self.assessment.opposite, self.readings.opponent
        if claim is None or opponent is None or opponent.is_shut or claim.rule != BOTH_DENIED:
            return False
        return denying(self.verdict.reasons) == {ReasonCode.SIGNAL_CONFLICT}

    @property
    def overrules(self) -> bool:
        """Whether it overrules openings the other way that are not sent yet."""
        opponent = self.readings.opponent
        wins = self.held and opponent is not None and not opponent.is_shut
        return wins or self.conflicts_alone

    @property
    def pauses(self) -> bool:
        """Whether it is the one too many that pauses its strategy."""
        return denying(self.verdict.reasons) == {ReasonCode.REPEATED_EXECUTION}


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a decision took, and whether it came to nothing."""

    decision_id: str
    token: str
    lots: list[tuple[Exposure, Lot]]
    is_void: bool


@dataclass(slots=True)
class _Batch:
    """What was decided in one step of the ledger, which has one time for all of a batch.

    Attributes:
        time_ms: That time.
        taken: What was taken.
        paused: Strategies that the candidate alone paused in it, by token.
    """

    time_ms: int
    taken: list[_Taken] = field(default_factory=list)
    paused: set[str] = field(default_factory=set)


class TwoWorlds:
    """The record's world and the candidate's, side by side, walked in the ledger's order.

    As long as a counter, or a symbol's openings, went the same way in both, what was read is what
    would have been read, and nothing is counted.
    """

    def __init__(self) -> None:
        self._exposure: dict[str, Exposure] = {}
        self._was = Happenings()
        self._would = Happenings()
        self._void: list[tuple[int, str]] = []
        self._apart: set[str] = set()
        self._unheard = False
        self._batch = _Batch(0)

    def exposure(self, counter: str) -> Exposure:
        """Return the units in use of a counter."""
        found = self._exposure.get(counter)
        if found is None:
            found = self._exposure[counter] = Exposure()
        return found

    @property
    def gross(self) -> Exposure:
        """All exposure, long and short."""
        return self.exposure(GROSS)

    def readings(self, asked: Assessment, read: Readings, wanted: Assessment) -> Readings:
        """Return what the ledger would have read.

        Args:
            asked: What was asked of it.
            read: What it read then.
            wanted: What the candidate would have asked.

        Raises:
            ValueError: The readings do not answer what was asked.
        """
        now_ms = read.time_ms
        self._end_batch(now_ms)
        self._forget_until(now_ms)
        for claim, units in zip(asked.claims, read.used, strict=True):
            if not claim.members:
                self.exposure(claim.counter).was_counted(units, now_ms=now_ms)
        seen = {
            (rate.counter, rate.window_ms): (count, rate.ceiling)
            for rate, count in zip(asked.rates, read.rates, strict=True)
        }
        sums = {
            one.counter: units
            for one, units in zip(asked.claims, read.used, strict=True)
            if one.members
        }
        used = tuple(self._used(claim, sums.get(claim.counter)) for claim in wanted.claims)
        return Readings(
            held=_counts_exactly(wanted, used),
            used=used,
            rates=tuple(self._events(rate, seen, now_ms) for rate in wanted.rates),
            time_ms=now_ms,
            first_decision=read.first_decision,
            first_verdict=read.first_verdict,
            same_content=read.same_content,
            name_holder=read.name_holder,
            opponent=self._opponent(asked, read, wanted),
            prices=self._prices(asked, read, wanted),
            override_used_by=read.override_used_by if wanted.lifted else None,
        )

    def _used(self, claim: Claim, read: int | None) -> int:
        """Return the units in use of what is claimed; of a sum, as far as its parts are known.

        Args:
            claim: The claim.
            read: What was read of a sum; None where it was not asked for.
        """
        if not claim.members:
            return self.exposure(claim.counter).would
        sides = {member: side_of(member) for member in claim.members if member in ON_SIDE.values()}
        parts = [self.exposure(one) for one in claim.members if one not in sides]
        parts += [
            one
            for name, one in self._exposure.items()
            if is_position(name) and side_of(name) in sides.values()
        ]
        if read is None:
            return min(sum(one.would for one in parts), MAX_UNITS)
        return min(max(read + sum(one.would - one.was for one in parts), 0), MAX_UNITS)

    def note(self, decision_id: str, token: str, was: Side, would: Side, fate: Fate | None) -> None:
        """Let both worlds go on after a decision.

        An approval that came to nothing came to nothing in both. One of the candidate alone is sent
        and heard, unless nobody had heard the approval before it.

        Args:
            decision_id: The decision.
            token: Its strategy's token.
            was: The decision as it was.
            would: The same under the candidate.
            fate: What became of it, where it came to nothing.
        """
        now_ms = was.readings.time_ms
        if was.held:
            self._unheard = fate is not None and fate.unheard
        would_hold = would.held and (was.held or not self._unheard)
        if would.overrules and not was.overrules:
            self._overrule(would.assessment.opposite, now_ms)
        left = _pass(self._was, decision_id, was, holds=was.held, now_ms=now_ms)
        self._apart |= left ^ _pass(
            self._would, decision_id, would, holds=would_hold, now_ms=now_ms
        )
        void_ms = None if fate is None else fate.at_ms
        if void_ms is not None:
            heappush(self._void, (void_ms, decision_id))
        taken = _taken(was.assessment) if was.held else {}
        wanted = _taken(would.assessment) if would_hold else {}
        lots = [
            (
                exposure := self.exposure(counter),
                exposure.add(
                    decision_id,
                    was=taken.get(counter, 0),
                    would=wanted.get(counter, 0),
                    void_ms=void_ms,
                ),
            )
            for counter in taken | wanted
        ]
        self._batch.taken.append(_Taken(decision_id, token, lots, is_void=fate is not None))
        if would.pauses and not was.pauses:
            self._batch.paused.add(token)

    def _end_batch(self, now_ms: int) -> None:
        """Withdraw, as the fence does once a batch is decided, what a strategy paused in it had."""
        if self._batch.time_ms != now_ms:
            for one in self._batch.taken:
                if one.token in self._batch.paused:
                    self._withdraw(one)
                if not one.is_void:
                    self._was.is_final(one.decision_id)
                    self._would.is_final(one.decision_id)
            self._batch = _Batch(now_ms)

    def _overrule(self, claim: OppositeClaim | None, now_ms: int) -> None:
        """Withdraw what an opening overrules: of the same batch, as the rest is sent already."""
        if claim is not None:
            overruled = dict(self._would.openings.to_overrule(claim, now_ms=now_ms))
            for one in self._batch.taken:
                if one.decision_id in overruled:
                    self._withdraw(one)

    def _withdraw(self, taken: _Taken) -> None:
        self._apart |= self._would.came_to_nothing(taken.decision_id)
        for exposure, lot in taken.lots:
            exposure.withdraw(lot)

    def _forget_until(self, now_ms: int) -> None:
        while self._void and self._void[0][0] <= now_ms:
            _, decision_id = heappop(self._void)
            self._was.came_to_nothing(decision_id)
            self._would.came_to_nothing(decision_id)

    def _events(
        self, rate: RateClaim, seen: dict[tuple[str, int], tuple[int, int]], now_ms: int
    ) -> int:
        """Return the events in a window: those of the candidate, and what is not known of both."""
        counter, window_ms = rate.counter, rate.window_ms
        found = seen.get((counter, window_ms))
        if found is not None and found[0] < found[1] and counter not in self._apart:
            return min(found[0], rate.ceiling)
        own = self._would.events.within(counter, window_ms, now_ms=now_ms)
        if found is not None:
            count, ceiling = found
            known = self._was.events.within(counter, window_ms, now_ms=now_ms)
            # The ledger counts no further than the ceiling, so that there may have been more.
            truth = max(count, known) if count >= ceiling else count
            own = max(0, own + truth - known)
        return min(own, rate.ceiling)

    def _opponent(self, asked: Assessment, read: Readings, wanted: Assessment) -> Opponent | None:
        claim, then = wanted.opposite, asked.opposite
        if claim is None:
            return None
        same_question = then is not None and then.window_ms == claim.window_ms
        if same_question and openings_of(claim.symbol) not in self._apart:
            return read.opponent
        would = self._would.openings.opponent_of(claim, now_ms=read.time_ms)
        if same_question:
            was = self._was.openings.opponent_of(claim, now_ms=read.time_ms)
            if was == would:
                return read.opponent
        return would

    def _prices(
        self, asked: Assessment, read: Readings, wanted: Assessment
    ) -> tuple[str, str] | None:
        claim = wanted.drift
        if claim is None:
            return None
        if asked.drift is not None and prices_of(claim.symbol) not in self._apart:
            return read.prices
        would = self._would.prices.range_of(claim.symbol, now_ms=read.time_ms)
        if asked.drift is None:
            return would
        was = self._was.prices.range_of(claim.symbol, now_ms=read.time_ms)
        if was == would or read.prices is None:
            return read.prices if was == would else would
        # What was lower or higher than all that is known here came before: it counts in both.
        lowest, highest = read.prices
        found = [*(would or ())]
        found += [lowest] if was is None or lowest < was[0] else []
        found += [highest] if was is None or highest > was[1] else []
        return (min(found), max(found)) if found else None


def _taken(assessment: Assessment) -> dict[str, int]:
    """Return what an opening takes, by counter; of sums it takes nothing."""
    return {one.counter: one.amount for one in assessment.claims if not one.members}


def _counts_exactly(wanted: Assessment, used: tuple[int, ...]) -> bool:
    """Return whether the ledger could count what is claimed; ceilings are judged with the rest."""
    pairs = zip(wanted.claims, used, strict=True)
    return all(one.ceiling is not None or units + one.amount <= MAX_UNITS for one, units in pairs)


def _pass(world: Happenings, decision_id: str, side: Side, *, holds: bool, now_ms: int) -> set[str]:
    """Let one world go on, as the ledger does; return the names of what is not as before."""
    asked, readings = side.assessment, side.readings
    left: set[str] = set()
    counts = zip(asked.rates, readings.rates, strict=True)
    if not any(count >= rate.ceiling for rate, count in counts if not rate.of_held):
        left |= world.came(asked.rates, now_ms=now_ms)
    if holds:
        left |= world.held(decision_id, asked.rates, asked.opposite, asked.drift, now_ms=now_ms)
    if asked.opposite is not None and side.conflicts_alone:
        world.openings.shut(asked.opposite, decision_id, now_ms=now_ms)
        left.add(openings_of(asked.opposite.symbol))
    return left


def denying(reasons: Iterable[Reason]) -> set[str]:
    """Return the codes for which a verdict denies."""
    return {str(one.code) for one in reasons if one.effect is Effect.DENY}
