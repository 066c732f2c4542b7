"""What a stage may show at one moment, and what a stage is."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from petrosa_cio.demo.book import Verdict
from petrosa_cio.demo.story import Chapter
from petrosa_cio.demo.summary import Row


@dataclass(frozen=True, slots=True)
class View:
    """The demo at one moment.

    Attributes:
        chapter: The part of the story.
        share: How much of the demo is over, 0 to 1.
        seconds_left: How long it still goes on.
        state: The fund's trading state, as the gate's store has it.
        prices: By symbol, USD.
        moves: How far each price is from where it began, as a share.
        exposure: USD held, by the ledger's counters.
        position_limit: Most USD on one symbol and side.
        gross_limit: Most USD together.
        rows: By bot.
        positions: How many positions are open.
        join: How to throw a switch of this demo from another terminal.
    """

    chapter: Chapter
    share: float
    seconds_left: float
    state: str
    prices: Mapping[str, Decimal]
    moves: Mapping[str, float]
    exposure: Mapping[str, Decimal]
    position_limit: Decimal
    gross_limit: Decimal
    rows: tuple[Row, ...]
    positions: int
    join: str


class Stage(Protocol):
    """Where the demo is shown."""

    def say(self, sentence: str) -> None:
        """Show something that happens before or after the story."""

    def begin(self, chapter: Chapter) -> None:
        """Show that a chapter begins."""

    def verdict(self, verdict: Verdict) -> None:
        """Show a verdict."""

    def refresh(self, view: View) -> None:
        """Show how things are now."""

    def close(self) -> None:
        """Leave the screen as it was."""
