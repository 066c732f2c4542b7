"""What the self-test tries of one limit in one place, and how its numbers read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from petrosa_cio.governance.self_test.ground import Ground
from petrosa_cio.governance.self_test.trial import Trial
from petrosa_cio.risk.reasons import Effect, ReasonCode

A_LITTLE = timedelta(milliseconds=1)
"""The finest that the ledger counts time."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What to try in one place.

    Attributes:
        passes: An intent that just passes.
        stops: An intent that the limit stops, or cuts.
        closes: True where nothing passes at all, so that there is no intent that just does.
        gives: True where the limit stops nothing but gives something.
        why: Why there is nothing to try.
        mark: What its reasons begin with in scope and end with in limit, where others share its
            code.
        code: The only code that its reasons may have; None for every one of the limit's.
        effect: The only effect that they may have; None for any.
        size: The quantity that the passing intent must come to; None for any.
    """

    passes: Trial | None = None
    stops: Trial | None = None
    closes: bool = False
    gives: bool = False
    why: str = ""
    mark: tuple[str, str] = ("", "")
    code: ReasonCode | None = None
    effect: Effect | None = None
    size: Decimal | None = None


Builder = Callable[[Ground], Pair]
"""Makes what to try of a limit in a place."""

NOTHING_SAID = Pair(why="nothing is required where nobody says so")


def plain(number: Decimal) -> str:
    """Return a number as people write it."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_seconds(span: timedelta) -> str:
    """Return a span of time as people write it."""
    return f"{plain(Decimal(span // A_LITTLE) / 1_000)} s"


def at_and_after(seconds: int) -> tuple[timedelta, timedelta]:
    """Return so many seconds, and a little more."""
    span = timedelta(seconds=seconds)
    return span, span + A_LITTLE
