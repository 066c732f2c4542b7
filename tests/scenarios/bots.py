"""The simulated bots: each looks at the prices so far and has one idea of what to do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from petrosa_cio.demo.chance import dice, identifier
from petrosa_cio.fleet.recordings import RecordedIntent
from petrosa_cio.risk.parse import subject_token
from tests.scenarios.market import Scenario

Prices = Sequence[Decimal]
"""Prices of a symbol up to now, the newest last."""

TREND_MINUTES, MEAN_MINUTES, DIP_MINUTES = 60, 120, 30
TREND, STRETCH, DIP = 0.006, 0.008, -0.012
ROGUE = "eager_averager"


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot.

    Attributes:
        name: Its strategy name.
        often: How likely it looks at a symbol in a minute.
        size_usd: What its orders are worth.
        stop: Distance of its stops, as a share.
        target: Distance of its targets, as a share.
        idea: Returns ``buy``, ``sell`` or nothing.
    """

    name: str
    often: float
    size_usd: int
    stop: float
    target: float
    idea: Callable[[Prices, Random], str | None]


def _move(prices: Prices, minutes: int) -> float:
    return float(prices[-1] / prices[max(len(prices) - 1 - minutes, 0)]) - 1


def _follow(prices: Prices, _: Random) -> str | None:
    move = _move(prices, TREND_MINUTES)
    return None if abs(move) < TREND else "buy" if move > 0 else "sell"


def _revert(prices: Prices, _: Random) -> str | None:
    recent = prices[-MEAN_MINUTES:]
    stretch = float(prices[-1] * len(recent) / sum(recent)) - 1
    return None if abs(stretch) < STRETCH else "sell" if stretch > 0 else "buy"


def _buy_dips(prices: Prices, _: Random) -> str | None:
    return "buy" if _move(prices, DIP_MINUTES) < DIP else None


def _scalp(_: Prices, chance: Random) -> str | None:
    return chance.choice(("buy", "sell"))


def _invest(_: Prices, __: Random) -> str | None:
    return "buy"


BOTS = (
    Bot("trend_follower", 0.05, 2_500, 0.02, 0.04, _follow),
    Bot("mean_reverter", 0.05, 2_000, 0.03, 0.02, _revert),
    Bot("dip_buyer", 0.06, 2_500, 0.06, 0.05, _buy_dips),
    Bot("tape_scalper", 0.04, 1_000, 0.01, 0.01, _scalp),
    Bot("slow_investor", 0.03, 2_000, 0.08, 0.10, _invest),
)
_ROGUE_BOT = Bot(ROGUE, 0.5, 2_900, 0.12, 0.10, _invest)


class Fleet:
    """All bots of a day. The same seed and prices give the same intents.

    Args:
        scenario: The day.
        seed: Its seed.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._rogue_from = scenario.rogue_from
        self._chance = {one.name: dice(seed, "bot", one.name) for one in (*BOTS, _ROGUE_BOT)}

    def intents(self, minute: int, paths: Mapping[str, Prices]) -> Iterator[RecordedIntent]:
        """Iterate over what bots want in a minute, given all prices so far."""
        is_wrong = self._rogue_from is not None and minute >= self._rogue_from
        for bot in (*BOTS, _ROGUE_BOT) if is_wrong else BOTS:
            chance = self._chance[bot.name]
            for symbol, prices in paths.items():
                if chance.random() < bot.often and (action := bot.idea(prices, chance)):
                    yield _intent(bot, symbol, action, prices[-1], chance)


def _intent(bot: Bot, symbol: str, action: str, price: Decimal, chance: Random) -> RecordedIntent:
    side = 1 if action == "buy" else -1
    stop, target = (float(price) * (1 + side * part) for part in (-bot.stop, bot.target))
    payload: dict[str, object] = {
        "intent_id": identifier(chance),
        "strategy_id": bot.name,
        "symbol": symbol,
        "action": action,
        "order_type": "market",
        "confidence": round(chance.uniform(0.5, 0.95), 2),
        "price": float(price),
        "current_price": float(price),
        "quantity": round(bot.size_usd / float(price), 6),
        "stop_loss": round(stop, 6),
        "take_profit": round(target, 6),
    }
    return RecordedIntent(f"intent.{subject_token(bot.name)}", payload)
