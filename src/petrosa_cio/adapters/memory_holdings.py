"""What the in-memory ledger counts: units in use by counter, and which decision holds how many."""

from collections.abc import Sequence

from petrosa_cio.risk.claims import MAX_UNITS, Claim


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
            used.append(after.get(claim.counter, 0))
            total = used[-1] + claim.amount
            fits = fits and total <= (MAX_UNITS if claim.ceiling is None else claim.ceiling)
            after[claim.counter] = min(total, MAX_UNITS)
        return tuple(used), fits

    def take(self, decision_id: str, claims: Sequence[Claim]) -> None:
        """Reserve all claims for a decision."""
        for claim in claims:
            self._add(claim.counter, claim.amount)
        self._reservations[decision_id] = [(claim.counter, claim.amount) for claim in claims]

    def release(self, decision_id: str) -> bool:
        """Give back all that a decision holds and return whether it held anything."""
        parts = self._reservations.pop(decision_id, None)
        for counter, units in parts or ():
            self._add(counter, -units)
        return parts is not None

    def book(self, decision_id: str, units: int) -> bool:
        """Let a decision hold ``units`` of each of its counters; return whether it holds any."""
        parts = self._reservations.get(decision_id)
        if parts is None:
            return False
        for counter, reserved in parts:
            self._add(counter, units - reserved)
        self._reservations[decision_id] = [(counter, units) for counter, _ in parts]
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
