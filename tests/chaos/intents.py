"""What the four publishers publish: shaped as the fleet's, drawn from a seed, some of it amiss."""

from collections.abc import Callable, Iterator
from dataclasses import replace
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

PRICES = {"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0, "SOLUSDT": 150.0, "ADAUSDT": 0.5}
OFTEN, SELDOM = ("BTCUSDT", "ETHUSDT", "SOLUSDT"), "ADAUSDT"
STRATEGIES = ("breakout", "reversal", "momentum", "spread", "iceberg", "cutter")
SHAPES: tuple[Callable[[str, Idea, float, Random], Payload], ...] = (
    analysis_intent,
    order_book_intent,
    bare_intent,
    analysis_intent,
)
USUAL_USD = (20, 200)
HUGE_USD = 2_500
AGAIN, OTHERWISE = 0.01, 0.005
HASTE, RARE, EXIT, AMISS = 0.04, 0.03, 0.02, 0.01
NO_PROTECTION: Payload = {"stop_loss": None, "stop_loss_pct": None}


def cues(seed: int, publisher: int, count: int) -> Iterator[Cue]:
    """Make the messages of one publisher, in the order in which they are published.

    One in a hundred is an earlier one once more, and half as many are an earlier id with another
    content, as bots do that lost count.
    """
    chance = dice(seed, "publisher", publisher)
    subjects = (FLEET_SUBJECT, PLAIN_SUBJECT)
    sent: list[Cue] = []
    for number in range(count):
        drawn = chance.random()
        if sent and drawn < AGAIN:
            cue = chance.choice(sent)
        elif sent and drawn < AGAIN + OTHERWISE:
            cue = _otherwise(chance.choice(sent))
        else:
            strategy, payload = _proposal(publisher, chance)
            subject = f"{subjects[publisher % 2]}.{strategy}"
            cue = Cue(at=number / count, bot=strategy, subject=subject, payload=payload)
            sent.append(cue)
        yield cue


def stated_id(cue: Cue) -> str:
    """Return how a bot calls its intent."""
    return str(cue.payload.get("intent_id") or cue.payload["id"])


def _otherwise(cue: Cue) -> Cue:
    """Return a message with the id of another one, and another symbol in it."""
    symbol = "ETHUSDT" if cue.symbol == "BTCUSDT" else "BTCUSDT"
    return replace(cue, payload={**cue.payload, "symbol": symbol})


def _proposal(publisher: int, chance: Random) -> tuple[str, Payload]:
    name = "hasty" if chance.random() < HASTE else chance.choice(STRATEGIES)
    strategy = name if name in {"hasty", "cutter"} else f"{name}_{publisher}"
    symbol = SELDOM if chance.random() < RARE else chance.choice(OFTEN)
    idea = Idea(
        symbol=symbol,
        action="close" if chance.random() < EXIT else chance.choice(("buy", "sell")),
        confidence=0.5 if chance.random() < AMISS else 0.9,
        size_usd=HUGE_USD if chance.random() < AMISS else chance.uniform(*USUAL_USD),
    )
    payload = SHAPES[publisher](strategy, idea, PRICES[symbol], chance)
    if chance.random() < AMISS:
        payload |= NO_PROTECTION
    if chance.random() < AMISS:
        payload |= {"symbol": "DOGEUSDT"}
    return strategy, payload
