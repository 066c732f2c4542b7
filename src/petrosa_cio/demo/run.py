"""Runs a demo from its first to its last word, and leaves nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from petrosa_cio.app import stopping_on_signals
from petrosa_cio.demo.book import Book
from petrosa_cio.demo.house import House, open_house, until_ready
from petrosa_cio.demo.script import write_script
from petrosa_cio.demo.show import Show, join_command
from petrosa_cio.demo.summary import (
    Summary,
    after_of,
    latency_of,
    proof_of,
    rows_of,
    total_of,
)
from petrosa_cio.demo.view import Stage
from petrosa_cio.errors import Unavailable
from petrosa_cio.servers import open_record

LAST_VERDICTS_S = 15.0
LAST_RECORDS_S = 20.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How a demo is played.

    Attributes:
        seconds: How long.
        seed: The same seed plays the same market and the same intents.
        rate: Intents per second of all bots but the rogue.
    """

    seconds: float
    seed: int
    rate: float


async def run_demo(options: DemoOptions, stage: Stage) -> Summary | None:
    """Play a demo and return what it came to; None if it was ended before it began.

    The first SIGINT or SIGTERM ends it early, with a summary of what was seen so far.

    Raises:
        Unavailable: A server or a role did not come up, or fell.
    """
    begun = asyncio.Event()
    async with stopping_on_signals() as stop:
        performing = asyncio.create_task(_perform(options, stage, stop, begun))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({performing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set() and not begun.is_set():
                performing.cancel()
            await asyncio.wait({performing})
        finally:
            stopping.cancel()
            performing.cancel()
            stage.close()
        return None if performing.cancelled() else performing.result()


async def _perform(
    options: DemoOptions, stage: Stage, stop: asyncio.Event, begun: asyncio.Event
) -> Summary:
    with TemporaryDirectory(prefix="cio-demo-") as folder:
        async with open_house(Path(folder)) as house:
            await until_ready(house)
            stage.say(f"Ready. To join in from another terminal: {join_command(house)}")
            begun.set()
            show, seconds = await _play(options, stage, house, stop)
            stage.close()
            stage.say("Waiting for the last verdicts and for their records ...")
            return await _sum_up(options, show, house, seconds=seconds, complete=not stop.is_set())


async def _play(
    options: DemoOptions, stage: Stage, house: House, stop: asyncio.Event
) -> tuple[Show, float]:
    script = write_script(seed=options.seed, seconds=options.seconds, rate=options.rate)
    show = Show(script, house, stage, seed=options.seed, seconds=options.seconds, stop=stop)
    started_at = monotonic()
    await show.play()
    return show, monotonic() - started_at


async def _sum_up(
    options: DemoOptions, show: Show, house: House, *, seconds: float, complete: bool
) -> Summary:
    book = show.book
    await _until(lambda: _all_decided(book), LAST_VERDICTS_S)
    return Summary(
        seed=options.seed,
        seconds=round(seconds, 1),
        complete=complete,
        rows=rows_of(book),
        total=total_of(book),
        latency=latency_of(book),
        after=after_of(book),
        engine=dict(show.engine.events),
        proof=proof_of(book, await _stored_verdicts(book, house)),
        halts=show.halts,
    )


async def _all_decided(book: Book) -> bool:
    return not book.undecided


async def _stored_verdicts(book: Book, house: House) -> Mapping[str, str]:
    """Return what MongoDB has of the demo's decisions, once it has them all or time is up."""
    decisions = [one.decision_id for one in book.verdicts.values()]
    stored: dict[str, str] = {}
    async with open_record(house.settings) as record:

        async def all_stored() -> bool:
            stored.update(await record.archive.verdicts_of(decisions))
            return len(stored) == len(decisions)

        await _until(all_stored, LAST_RECORDS_S)
    return stored


async def _until(condition: Callable[[], Awaitable[bool]], patience_s: float) -> None:
    """Wait until a condition holds, but not longer than patience lasts."""
    deadline = monotonic() + patience_s
    while monotonic() < deadline:
        try:
            if await condition():
                return
        except Unavailable:
            pass  # slow, perhaps; there is still time
        await asyncio.sleep(POLL_S)
