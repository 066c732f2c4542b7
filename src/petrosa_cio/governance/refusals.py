"""What is refused leaves a record: whoever tries authority out is seen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import CioError, Unavailable

log = structlog.get_logger()

Tell = Callable[[Change], Awaitable[str | None]]
"""Records a change; returns why it could not be recorded, if so."""

REFUSED: Final = "refused"
"""Subject of the change that records a refused attempt."""

LONGEST: Final = 2_000
"""Characters of an attempt and of its refusal that are recorded."""


class Refusals:
    """Records what was refused, to whom and why."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    @asynccontextmanager
    async def recorded(self, who: str, attempt: str) -> AsyncIterator[None]:
        """Record what is refused inside the block, then let the refusal pass on.

        What cannot be recorded is refused all the same, and logged. That a server is away is no
        refusal.

        Args:
            who: Who tries, as far as is known.
            attempt: What they try, in words.
        """
        try:
            yield
        except Unavailable:
            raise
        except CioError as refused:
            await self.note(who, attempt, refused)
            raise

    async def note(self, who: str, attempt: str, refused: CioError) -> None:
        """Record one refusal."""
        reason = f"{refused.code}: {refused}"[:LONGEST]
        unrecorded = await self._tell(Change(REFUSED, attempt[:LONGEST], "", who, reason))
        log.warning("refused", who=who, attempt=attempt, reason=reason, unrecorded=unrecorded)
