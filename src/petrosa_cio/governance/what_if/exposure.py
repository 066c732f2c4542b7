"""Exposure by counter in two worlds: as the record shows it, and as a candidate would have made it.

The record says what the ledger counted when it was asked, but not what was filled and closed in
between. So what was counted is taken as the truth, each time anew, and the candidate's world is
that truth with a difference: without what the candidate would not have opened, with what only it
would have opened. Where the truth fell, something was closed: what is known to have come to nothing
first, then the oldest, as the ledger's own settlement closes it; and the candidate's world closes
with it, in proportion. An opening of the candidate alone is closed when one that is younger was.
"""

from collections import deque
from dataclasses import dataclass

BEFORE = ""
"""Stands for the decision of what was open before anything is known."""

SOON_MS = 1_000
"""What came to nothing was given back at about the time of its record: clocks are that far off."""


@dataclass(slots=True)
class Lot:
    """What one decision holds, in ledger units, in each world; and when it came to nothing."""

    decision_id: str
    was: int
    would: int
    void_ms: int | None = None


class Exposure:
    """The units in use of one counter.

    Attributes:
        was: In the record's world.
        would: In the candidate's.
    """

    def __init__(self) -> None:
        self.was = 0
        self.would = 0
        self._lots: deque[Lot] = deque()
        self._void: deque[Lot] = deque()

    def was_counted(self, units: int, *, now_ms: int) -> None:
        """Take what the ledger counted at a moment for the truth."""
        if units > self.was:
            self._found(units - self.was)
        elif units < self.was:
            self._closed(self.was - units, now_ms)

    def add(self, decision_id: str, *, was: int, would: int, void_ms: int | None) -> Lot:
        """Add what a decision takes in each world, and return it.

        Args:
            decision_id: The decision.
            was: Units that it took.
            would: Units that it would have taken.
            void_ms: When it came to nothing, epoch milliseconds; None where it did not.
        """
        lot = Lot(decision_id, was, would, void_ms)
        self.was += was
        self.would += would
        self._lots.append(lot)
        if void_ms is not None:
            self._void.append(lot)
        return lot

    def withdraw(self, lot: Lot) -> None:
        """Take out again what a decision would have taken, had it not been withdrawn."""
        self._drop([lot])

    def _found(self, units: int) -> None:
        """Count what was opened before anything is known, or by whom nobody knows: in both."""
        if not self._lots or self._lots[0].decision_id != BEFORE:
            self._lots.appendleft(Lot(BEFORE, 0, 0))
        earliest = self._lots[0]
        earliest.was += units
        earliest.would += units
        self.was += units
        self.would += units

    def _closed(self, units: int, now_ms: int) -> None:
        while units and self._void and (self._void[0].void_ms or 0) <= now_ms + SOON_MS:
            units -= self._shrink(self._void.popleft(), units)
        passed: list[Lot] = []
        while units and self._lots:
            lot = self._lots.popleft()
            if lot.was:
                units -= self._shrink(lot, units)
            if lot.was:
                self._lots.appendleft(lot)
                break
            if lot.would:
                passed.append(lot)
            elif lot.decision_id != BEFORE:
                self._drop(passed)
        self._lots.extendleft(reversed(passed))

    def _shrink(self, lot: Lot, units: int) -> int:
        """Close up to so many units of a lot, in proportion in both worlds; return how many."""
        closed = min(units, lot.was)
        if closed:
            left = lot.was - closed
            would = -(-lot.would * left // lot.was)
            self.was -= closed
            self.would -= lot.would - would
            lot.was, lot.would = left, would
        return closed

    def _drop(self, lots: list[Lot]) -> None:
        for lot in lots:
            self.would -= lot.would
            lot.would = 0
        lots.clear()
