"""What the in-memory ledger counts: units in use by counter, and which decision holds how many."""

from collections.abc import Sequence

from petrosa_cio.risk.claims import MAX_UNITS, Claim
from petrosa_cio.risk.counters import ON_SIDE, OPEN_ORDERS, is_position, side_of


class Holdings:
    """Exposure by counter, and the reservations that it is partly made of.

    No counter falls below zero, where it would hide exposure taken later, nor rises above
    `MAX_UNITS`, where the scripts in Redis would no longer count exactly.
    """

    def __init__(self) -> None:
        self._exposure: dict[str, int] = {}
        self._reservations: dict[str, list[tuple[str, int]]] = {}

    def exposure(self) -> dict[str, int]:
        """Return units in use by counter, without those of which nothing is in use."""
        return dict(self._exposure)

    def reservations(self) -> dict[str, int]:
        """Return the most units that each open decision holds of any counter."""
        return {
            decision_id: max((units for _, units in parts), default=0)
            for decision_id, parts in self._reservations.items()
        }

    def test(self, claims: Sequence[Claim]) -> tuple[tuple[int, ...], bool]:
        """Return the units in use per claim, before it, and whether all claims fit.

        A claim counts the ones before it in the same request, so that two on one counter cannot
        pass its ceiling together.
        """
        used: list[int] = []
        after = dict(self._exposure)
        fits = True
        for claim in claims:
            if claim.members:
                used.append(self._sum_of(claim.members))
            else:
                used.append(after.get(claim.counter, 0))
                after[claim.counter] = min(used[-1] + claim.amount, MAX_UNITS)
            fits = fits and claim.fits(used[-1])
        return tuple(used), fits

    def _sum_of(self, members: Sequence[str]) -> int:
        """Return what is in use of some counters; one of them may stand for a whole side."""
        counters = [
            counter
            for member in members
            for counter in (self._on_side(member) if member in ON_SIDE.values() else (member,))
        ]
        return min(sum(self._exposure.get(counter, 0) for counter in counters), MAX_UNITS)

    def _on_side(self, member: str) -> list[str]:
        side = side_of(member)
        return [one for one in self._exposure if is_position(one) and side_of(one) == side]

    def take(self, decision_id: str, claims: Sequence[Claim]) -> None:
        """Reserve all claims for a decision."""
        parts = [(claim.counter, claim.amount) for claim in claims if not claim.members]
        for counter, units in parts:
            self._add(counter, units)
        self._reservations[decision_id] = parts

    def release(self, decision_id: str) -> bool:
        """Give back all that a decision holds and return whether it held anything."""
        parts = self._reservations.pop(decision_id, None)
        for counter, units in parts or ():
            self._add(counter, -units)
        return parts is not None

    def book(self, decision_id: str, units: int) -> bool:
        """Let a decision hold ``units`` of each of its counters; return whether it holds any.

        What is filled is no open order any more.
        """
        parts = self._reservations.get(decision_id)
        if parts is None:
            return False
        filled = [(counter, 0 if counter == OPEN_ORDERS else units) for counter, _ in parts]
        for (counter, reserved), (_, held) in zip(parts, filled, strict=True):
            self._add(counter, held - reserved)
        self._reservations[decision_id] = filled
        return True

    def reduce(self, counters: Sequence[str], units: int) -> None:
        """Take units off counters."""
        for counter in counters:
            self._add(counter, -units)

    def _add(self, counter: str, units: int) -> None:
        total = max(0, min(self._exposure.get(counter, 0) + units, MAX_UNITS))
        if total:
            self._exposure[counter] = total
        else:
            self._exposure.pop(counter, None)
