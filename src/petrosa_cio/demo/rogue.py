"""The rogue: a bot that does everything wrong, one misdeed after the other.

It floods, repeats itself, reuses its ids, slips with zeros, mixes up coins, puts stops on the wrong
side, sends garbage and old news, and names coins that nobody trades.
"""

from collections.abc import Iterator
from random import Random

import orjson

from petrosa_cio.demo.chance import dice
from petrosa_cio.demo.intents import PLAIN_SUBJECT, Cue, Idea, Payload, analysis_intent
from petrosa_cio.demo.market import SYMBOLS, Market

ROGUE = "rogue"
SUBJECT = f"{PLAIN_SUBJECT}.{ROGUE}"

FLOOD = 24
"""Intents of one flood: more than the demo's policy allows a strategy in a second."""

FLOOD_USD = 15.0
SIZE_USD = 200.0
FAT_FINGER = 1_000
STALE_S = 120.0

ROUND_S = 20.0
"""Seconds in which the rogue does each of its misdeeds once."""

SOON = 0.01
"""Share of the demo between a message and what follows up on it."""


def rogue_cues(market: Market, *, seed: int, seconds: float) -> Iterator[Cue]:
    """Iterate over the rogue's messages, spread over the demo, in order."""
    chance = dice(seed, "bot", ROGUE)
    rounds = max(1, round(seconds / ROUND_S))
    total = rounds * len(MISDEEDS)
    for number in range(total):
        at = (number + 0.2 + 0.6 * chance.random()) / total
        yield from MISDEEDS[number % len(MISDEEDS)](market, at, chance)


def _cue(at: float, payload: Payload, *, age_s: float = 0.0) -> Cue:
    return Cue(at, ROGUE, SUBJECT, payload, age_s=age_s)


def _intent(market: Market, at: float, chance: Random, *, size_usd: float = SIZE_USD) -> Payload:
    """Return an intent with nothing wrong about it, yet."""
    idea = Idea(chance.choice(SYMBOLS), "buy", 0.9, size_usd)
    return analysis_intent(ROGUE, idea, float(market.price(idea.symbol, at)), chance)


def flood(market: Market, at: float, chance: Random) -> Iterator[Cue]:
    """Send many intents at once."""
    for _ in range(FLOOD):
        yield _cue(at, _intent(market, at, chance, size_usd=FLOOD_USD))


def repeat(market: Market, at: float, chance: Random) -> Iterator[Cue]:
    """Send the same intent three times."""
    payload = _intent(market, at, chance)
    for times in range(3):
        yield _cue(at + times * SOON, payload)


def reuse_id(market: Market, at: float, chance: Random) -> Iterator[Cue]:
    """Send something else under an id that was used before."""
    first, second = _intent(market, at, chance), _intent(market, at, chance, size_usd=SIZE_USD * 2)
    yield _cue(at, first)
    yield _cue(at + SOON, second | {"intent_id": first["intent_id"]})


def fat_finger(market: Market, at: float, chance: Random) -> Iterator[Cue]:
    """Ask for a thousand times the size."""
    yield _cue(at, _intent(market, at, chance, size_usd=SIZE_USD * FAT_FINGER))


def price_of_another_coin(market: Market, at: float, chance: Random) -> Iterator[Cue]:
    """Ask for a cheap coin at the price of the dearest."""
    payload = _intent(market, at, chance) | {"symbol": SYMBOLS[-1], "quantity": 300.0}
    dearest = float(market.price(SYMBOLS[0], at))
    yield _cue(at, payload | {"price": dearest, "current_price": dearest})


def stop_on_the_wrong_side(market: Market, at: float, chance: Random) -> Iterator[Cue]:
    """Protect a long position above its price."""
    payload = _intent(market, at, chance)
    price = float(str(payload["current_price"]))
    yield _cue(at, payload | {"stop_loss": round(price * 1.02, 6)})


def garbage(market: Market, at: float, chance: Random) -> Iterator[Cue]:
    """Send half a message."""
    whole = orjson.dumps(_intent(market, at, chance))
    yield Cue(at, ROGUE, SUBJECT, raw=whole[: len(whole) // 2])


def old_news(market: Market, at: float, chance: Random) -> Iterator[Cue]:
    """Send an intent that was made minutes ago."""
    yield _cue(at, _intent(market, at, chance), age_s=STALE_S)


def unknown_coin(market: Market, at: float, chance: Random) -> Iterator[Cue]:
    """Ask for a coin that is not on the list."""
    yield _cue(at, _intent(market, at, chance) | {"symbol": "MOONUSDT"})


MISDEEDS = (
    fat_finger, repeat, flood, stop_on_the_wrong_side, reuse_id, garbage, unknown_coin,
    price_of_another_coin, old_news,
)  # fmt: skip
"""What it does, in this order."""
