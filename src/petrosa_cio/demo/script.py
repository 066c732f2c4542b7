"""The script of a demo: every message of every bot, in the order in which they are due."""

from dataclasses import dataclass
from itertools import chain

from petrosa_cio.demo.bots import TEMPERS, cues_of
from petrosa_cio.demo.intents import Cue
from petrosa_cio.demo.market import Market, make_market
from petrosa_cio.demo.rogue import ROGUE, rogue_cues

BOTS = (*(temper.name for temper in TEMPERS), ROGUE)

USUAL_RATE = 8.0
"""Intents per second that a person can still follow."""

FEWEST = 200
"""Intents that a story needs; a short demo sends them faster."""


@dataclass(frozen=True, slots=True)
class Script:
    """What will happen, as far as it can be known beforehand.

    Attributes:
        market: Every price.
        cues: Every message, in order.
    """

    market: Market
    cues: tuple[Cue, ...]


def usual_rate(seconds: float) -> float:
    """Return the intents per second of a demo for which nobody states a rate."""
    return max(USUAL_RATE, FEWEST / seconds)


def write_script(*, seed: int, seconds: float, rate: float) -> Script:
    """Return the script of a seed. The rogue's messages come on top of the rate.

    Args:
        seed: The same one gives the same script.
        seconds: Length of the demo.
        rate: Intents per second of all bots but the rogue.
    """
    market = make_market(seed)
    bots = [
        cues_of(temper, market, seed=seed, count=max(1, round(rate * seconds * temper.part)))
        for temper in TEMPERS
    ]
    rogue = rogue_cues(market, seed=seed, seconds=seconds)
    return Script(market, tuple(sorted(chain(*bots, rogue), key=lambda cue: cue.at)))
