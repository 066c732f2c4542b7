"""Shadows and the chain that they read, in memory: as MongoDB would hold them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from petrosa_cio.ports import ChainLine, Shadow, ShadowEnding, ShadowFlip, ShadowPage


class MemoryShadows:
    """Holds the shadows of one fund, as long as the program runs."""

    def __init__(self) -> None:
        self._shadows: dict[int, Shadow] = {}
        self._endings: dict[str, ShadowEnding] = {}
        self._pages: dict[tuple[str, int], ShadowPage] = {}

    async def start(self, shadow: Shadow) -> bool:
        """Keep a shadow; return False if another one has its number."""
        return self._shadows.setdefault(shadow.number, shadow) == shadow

    async def recent(self, *, limit: int) -> list[Shadow]:
        """Return the newest shadows, the highest number first."""
        return [self._shadows[number] for number in sorted(self._shadows, reverse=True)[:limit]]

    async def shadow(self, number: int) -> Shadow | None:
        """Return one shadow, or None where there is none of that number."""
        return self._shadows.get(number)

    async def end(self, ending: ShadowEnding) -> bool:
        """Keep what was made of a shadow; return False if something else was before."""
        return self._endings.setdefault(ending.shadow_id, ending) == ending

    async def ending(self, shadow_id: str) -> ShadowEnding | None:
        """Return what was made of a shadow, or None."""
        return self._endings.get(shadow_id)

    async def write(self, page: ShadowPage) -> bool:
        """Keep a page; return False if one of its number is there."""
        name = (page.shadow_id, page.number)
        if name in self._pages:
            return False
        self._pages[name] = page
        return True

    async def pages(self, shadow_id: str) -> list[ShadowPage]:
        """Return the pages of a shadow in order, without their flips."""
        return [msgspec.structs.replace(one, flips=()) for one in self._of(shadow_id)]

    async def flips(self, shadow_id: str, *, limit: int) -> list[ShadowFlip]:
        """Return the newest flips of a shadow, the last decided first."""
        found = [flip for page in self._of(shadow_id) for flip in page.flips]
        return found[::-1][:limit]

    def _of(self, shadow_id: str) -> list[ShadowPage]:
        return [self._pages[name] for name in sorted(self._pages) if name[0] == shadow_id]


class MemoryTail:
    """A chain of records that grows by what is added."""

    def __init__(self) -> None:
        self._lines: list[ChainLine] = []

    def add(self, *lines: ChainLine) -> None:
        """Continue the chain. What became of an approval has the kind that says so."""
        self._lines += lines

    async def last(self) -> int:
        """Return the position of the last record; 0 where there is none."""
        return self._lines[-1].seq if self._lines else 0

    async def before(self, moment: datetime) -> int:
        """Return the position of the last record that was journaled before a moment; 0 if none."""
        found = [one for one in self._lines if one.journaled_at < moment]
        return max(found, key=lambda one: (one.journaled_at, one.seq)).seq if found else 0

    async def lines(self, after: int, *, most: int) -> list[ChainLine]:
        """Return the records at the next ``most`` positions, in order, as far as there are any."""
        return [one for one in self._lines if after < one.seq <= after + most]

    async def befell(self, decision_ids: Sequence[str]) -> list[bytes]:
        """Return the records of what became of some approvals afterwards, in no order."""
        return [
            one.record.encode()
            for one in self._lines
            if one.decision_id in decision_ids and one.kind in _FATES and one.record is not None
        ]


_FATES = frozenset({"withdrawal", "undelivered", "unconfirmed"})
