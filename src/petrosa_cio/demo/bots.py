"""The bots: five tempers, each with ideas of its own about the same market.

A bot's intents are made in advance from the seed, its name and the market, so that two runs with
one seed have the same bots saying the same things in the same order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from petrosa_cio.demo.chance import dice
from petrosa_cio.demo.intents import (
    FLEET_SUBJECT,
    PLAIN_SUBJECT,
    Cue,
    Idea,
    Payload,
    analysis_intent,
    bare_intent,
    order_book_intent,
)
from petrosa_cio.demo.market import SYMBOLS, Market
from petrosa_cio.risk.parse import subject_token

TREND_TICKS = 12
MEAN_TICKS = 20
FALL_TICKS = 16

QUIET = 0.0004
"""A price this close to its mean, as a share, gives a mean reverter no idea."""

FALL = -0.06
"""A move like this makes careful bots think of closing what they have."""

CAREFUL = 0.5
"""How often they then ask for it."""


@dataclass(frozen=True, slots=True)
class Temper:
    """A kind of bot.

    Attributes:
        name: Its strategy name.
        part: Its share of all intents.
        prefix: First words of its subject.
        idea: What it wants, given the market, a share of the demo, and chance.
        shape: How it says so.
    """

    name: str
    part: float
    prefix: str
    idea: Callable[[Market, float, Random], Idea]
    shape: Callable[[str, Idea, float, Random], Payload]

    @property
    def subject(self) -> str:
        """Where it publishes."""
        return f"{self.prefix}.{subject_token(self.name)}"


def follow_trend(market: Market, at: float, chance: Random) -> Idea:
    """Buy what rises and sell what falls; after a fall, ask to close."""
    symbol = max(SYMBOLS, key=lambda one: abs(market.move(one, at, TREND_TICKS)) * chance.random())
    if market.move(symbol, at, FALL_TICKS) < FALL and chance.random() < CAREFUL:
        return Idea(symbol, "close", 0.8)
    action = "buy" if market.move(symbol, at, TREND_TICKS) >= 0 else "sell"
    return Idea(symbol, action, round(chance.uniform(0.62, 0.85), 2))


def revert_to_mean(market: Market, at: float, chance: Random) -> Idea:
    """Sell what is above its mean and buy what is below; near the mean, advise to hold."""
    symbol = chance.choice(SYMBOLS)
    distance = market.distance(symbol, at, MEAN_TICKS)
    if abs(distance) < QUIET:
        return Idea(symbol, "hold", 0.7)
    return Idea(symbol, "sell" if distance > 0 else "buy", round(chance.uniform(0.6, 0.8), 2))


def scalp(_: Market, __: float, chance: Random) -> Idea:
    """Trade a little of anything, often."""
    size_usd = round(chance.uniform(40, 90), 2)
    confidence = round(chance.uniform(0.6, 0.95), 2)
    return Idea(
        chance.choice(SYMBOLS), chance.choice(("buy", "sell")), confidence, size_usd, 0.02, 0.02
    )


def swallow(market: Market, at: float, chance: Random) -> Idea:
    """Trade far more than the policy allows."""
    symbol = chance.choice(SYMBOLS)
    action = "buy" if market.move(symbol, at, TREND_TICKS) > -QUIET else "sell"
    return Idea(symbol, action, 0.75, round(chance.uniform(1_100, 2_600), 2), 0.06, 0.08)


def reason_unevenly(market: Market, at: float, chance: Random) -> Idea:
    """Trade middling sizes, sometimes with conviction and sometimes on a hunch."""
    symbol = chance.choice(SYMBOLS)
    if market.move(symbol, at, FALL_TICKS) < FALL and chance.random() < CAREFUL:
        return Idea(symbol, "close", 0.7)
    confidence = round(chance.triangular(0.3, 0.98, 0.7), 2)
    action = chance.choice(("buy", "buy", "sell"))
    return Idea(symbol, action, confidence, round(chance.uniform(150, 700), 2))


TEMPERS = (
    Temper("trend_follower", 0.20, FLEET_SUBJECT, follow_trend, analysis_intent),
    Temper("mean_reverter", 0.20, FLEET_SUBJECT, revert_to_mean, analysis_intent),
    Temper("Tape Scalper", 0.35, FLEET_SUBJECT, scalp, order_book_intent),
    Temper("whale", 0.10, PLAIN_SUBJECT, swallow, analysis_intent),
    Temper("llm_agent", 0.15, PLAIN_SUBJECT, reason_unevenly, bare_intent),
)


def cues_of(temper: Temper, market: Market, *, seed: int, count: int) -> Iterator[Cue]:
    """Iterate over a bot's intents, spread over the demo, in order.

    Args:
        temper: The bot.
        market: What it looks at.
        seed: The seed of the demo.
        count: How many intents.
    """
    chance = dice(seed, "bot", temper.name)
    for number in range(count):
        at = (number + chance.random()) / count
        idea = temper.idea(market, at, chance)
        price = float(market.price(idea.symbol, at))
        yield Cue(at, temper.name, temper.subject, temper.shape(temper.name, idea, price, chance))
