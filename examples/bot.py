"""A bot to begin with: it trades a toy idea, asks the gate, and says what it was told and why.

Start the gate with `make run`, then, in another terminal:

    .venv/bin/python examples/bot.py

The idea is a crossing of two averages on an invented price: buy where the short average rises above
the long one, close where it falls below. Do not trade it.
"""

import argparse
import asyncio
import json
import random
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from petrosa_cio.client import Action, Answer, Client, ClientError, Intent, Reports, connect

STRATEGY = "crossing_example"
SYMBOL = "BTCUSDT"
ORDER_USD = Decimal(100)
SHORT, LONG = 3, 8
CENT, STEP = Decimal("0.01"), Decimal("0.00001")


def prices(seed: int) -> Iterator[Decimal]:
    """Invent a market: each price is a little above or below the one before."""
    chance, price = random.Random(seed), Decimal(50_000)  # noqa: S311 - it decides no secret
    while True:
        yield price.quantize(CENT)
        price *= 1 + Decimal(chance.randint(-40, 40)) / 10_000


def ideas(seed: int) -> Iterator[Intent | None]:
    """Look at one price after another, and say what to do; None is nothing."""
    seen: deque[Decimal] = deque(maxlen=LONG)
    was_above = False
    for price in prices(seed):
        seen.append(price)
        is_above = sum(list(seen)[-SHORT:]) / SHORT > sum(seen) / len(seen)
        has_crossed = len(seen) == LONG and is_above != was_above
        was_above = is_above
        yield intent(Action.BUY if is_above else Action.CLOSE, price) if has_crossed else None


def intent(action: Action, price: Decimal) -> Intent:
    """Return a proposal worth 100 USD; what opens a position says where it would give up."""
    opens = action is Action.BUY
    return Intent(
        strategy_id=STRATEGY,
        symbol=SYMBOL,
        action=action,
        confidence=Decimal("0.8"),
        quantity=(ORDER_USD / price).quantize(STEP),
        price=price,
        current_price=price,
        stop_loss=(price * Decimal("0.98")).quantize(CENT) if opens else None,
        take_profit=(price * Decimal("1.04")).quantize(CENT) if opens else None,
    )


async def propose(cio: Client, wanted: Intent) -> None:
    """Ask the gate, once more where it was too busy to decide, and show the answer."""
    answer = await cio.ask(wanted)
    if answer.may_ask_again:
        answer = await cio.ask(wanted)  # the same intent: it is decided once, whatever happens
    show(wanted, answer)


def show(wanted: Intent, answer: Answer) -> None:
    """Print what was asked and what came of it; only what is approved may be counted on."""
    size = f" {answer.quantity}" if answer.approved else ""
    print(f"{wanted.action} {wanted.quantity} at {wanted.price}: {answer.kind}{size}", flush=True)
    for reason in answer.reasons:
        print(f"  {reason}", flush=True)


async def show_reports(reports: Reports) -> None:
    """Print what the order engine says of our orders, as it comes."""
    async for report in reports:
        print(f"  the engine: {report.kind} {report.quantity} at {report.price}", flush=True)


async def trade(url: str, *, prices_seen: int, pause_s: float, seed: int) -> None:
    """Look at so many prices and propose what comes of them."""
    async with connect(url, name=STRATEGY) as cio, cio.following(STRATEGY) as reports:
        shown = asyncio.create_task(show_reports(reports))
        for wanted, _ in zip(ideas(seed), range(prices_seen), strict=False):
            if wanted is not None:
                await propose(cio, wanted)
            await asyncio.sleep(pause_s)
        shown.cancel()


def main() -> None:
    """Read the options and trade."""
    parser = argparse.ArgumentParser(description="Trade a toy idea through the gate.")
    parser.add_argument("--url", help="NATS; unset, that of `make run` in this folder")
    parser.add_argument("--prices", type=int, default=120, help="prices to look at")
    parser.add_argument("--pause-s", type=float, default=0.5, help="seconds between two")
    parser.add_argument("--seed", type=int, default=7, help="another market for another number")
    chosen = parser.parse_args()
    try:
        url = chosen.url or json.loads(Path(".cio/running.json").read_text())["nats_url"]
        asyncio.run(trade(url, prices_seen=chosen.prices, pause_s=chosen.pause_s, seed=chosen.seed))
    except FileNotFoundError:
        parser.exit(1, "No gate runs in this folder: start one with `make run`, or state --url.\n")
    except ClientError as error:
        parser.exit(1, f"{error}\n")
    except KeyboardInterrupt:
        parser.exit(0)


if __name__ == "__main__":
    main()
