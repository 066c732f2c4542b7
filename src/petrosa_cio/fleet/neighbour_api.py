"""How a neighbour's HTTP API is asked, whoever does it: the clients know no more of HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: HTTP status.
        content: The body, its numbers as ``int`` or exact ``Decimal``.
    """

    status: int
    content: object


class NeighbourApi(Protocol):
    """One neighbour's HTTP API; every method raises NeighbourSilent where no answer comes."""

    @property
    def name(self) -> str:
        """The neighbour, as it is called in words."""

    async def get(self, path: str, **asked: str | int) -> Answer:
        """Ask for something; nothing changes by it."""

    async def post(self, path: str, body: Mapping[str, object], **asked: str | int) -> Answer:
        """Ask it to change something."""
