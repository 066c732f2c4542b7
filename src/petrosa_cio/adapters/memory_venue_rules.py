"""The venue's rules in memory: the twin of `redis_venue_rules`."""

from petrosa_cio.ports import VenueRulesMark


class MemoryVenueRules:
    """Holds the rules of a venue, for one process and as long as it lives."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._held: tuple[VenueRulesMark, bytes] | None = None

    async def venue_rules_mark(self) -> VenueRulesMark | None:
        """Return which version is held, or None."""
        return self._held[0] if self._held else None

    async def venue_rules_document(self) -> bytes | None:
        """Return the packed rules, or None."""
        return self._held[1] if self._held else None

    async def set_venue_rules(self, mark: VenueRulesMark, document: bytes) -> None:
        """Hold this version from now on."""
        self._held = (mark, document)
