"""One performance: chapters turn, bots speak, the engine fills, and the stage shows it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic

import orjson

from petrosa_cio.adapters.nats_messages import listen
from petrosa_cio.adapters.nats_streams import JOURNAL_SUBJECT
from petrosa_cio.demo.book import Book
from petrosa_cio.demo.engine import Engine
from petrosa_cio.demo.house import House, policy_file
from petrosa_cio.demo.intents import Cue
from petrosa_cio.demo.market import SYMBOLS, ticker_of
from petrosa_cio.demo.script import Script
from petrosa_cio.demo.story import CHAPTERS, Chapter, chapter_at
from petrosa_cio.demo.summary import rows_of
from petrosa_cio.demo.view import Stage, View
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.files import load_governing
from petrosa_cio.risk.claims import from_units
from petrosa_cio.risk.policy import ANY
from petrosa_cio.risk.snapshot import ANY_SYMBOL, Regime
from petrosa_cio.risk.trading_state import FUND, TradingState
from petrosa_cio.servers import clock

SIGNALS = "signals.trading.*"
VERDICTS = "cio.verdict.>"
ARCHITECT = "the architect"
OBSERVER = "the demo's market"
REGIME_CONFIDENCE = Decimal("0.9")
REFRESH_S = 0.15
TICK_S = 0.15
OPENING_TICKS = 4
CAPTURE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that the screen shows exposure against, USD."""

    position: Decimal
    gross: Decimal


def shown_limits() -> Limits:
    """Return the limits of the demo's policy on exposure."""
    policy = load_governing(policy_file(), None).first_policy
    position, gross = policy.symbols[ANY].max_position_usd, policy.fund.max_gross_exposure_usd
    return Limits(position or Decimal("Infinity"), gross or Decimal("Infinity"))


def join_command(house: House) -> str:
    """Return the command with which somebody halts this demo from another terminal."""
    return f"CIO_DATA_DIR={house.settings.data_dir} cio halt"


class Show:
    """Plays a script to the gate of a house.

    Args:
        script: What will happen.
        house: Where the gate runs.
        stage: Where it is shown.
        seed: Seed of the engine's chance.
        seconds: Length of the performance.
        stop: Ends it early when set.
    """

    def __init__(
        self,
        script: Script,
        house: House,
        stage: Stage,
        *,
        seed: int,
        seconds: float,
        stop: asyncio.Event,
    ) -> None:
        self.book = Book(stage.verdict)
        self.halts = 0
        self.engine = Engine(
            seed,
            price=lambda symbol: script.market.price(symbol, self.share),
            share=lambda: self.share,
            publish=house.fleet.publish,
            clock=clock,
        )
        self._script = script
        self._house = house
        self._stage = stage
        self._seconds = seconds
        self._stop = stop
        self._limits = shown_limits()
        self._state = "unknown"
        self._exposure: dict[str, Decimal] = {}
        self._started_at = monotonic()

    @property
    def share(self) -> float:
        """How much of the performance is over, 0 to 1."""
        return min((monotonic() - self._started_at) / self._seconds, 1.0)

    async def play(self) -> None:
        """Play until the end, or until told to stop. Raises Unavailable."""
        await self._listen()
        await self._open_market()
        self._started_at = monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._turn_pages())
            tasks.create_task(self._let_bots_speak())
            tasks.create_task(self._let_market_speak())
            tasks.create_task(self._keep_showing())
        await self.engine.stop()

    async def _listen(self) -> None:
        nats = self._house.servers.nats
        await listen(nats, JOURNAL_SUBJECT, self.book.journaled)
        await listen(nats, VERDICTS, self.book.answered)
        await listen(nats, SIGNALS, self.engine.heard)
        await nats.flush()

    async def _comes(self, share: float) -> bool:
        """Wait for a moment of the story; return False if the story is broken off before."""
        left_s = self._started_at + share * self._seconds - monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(left_s, 0)):
                await self._stop.wait()
        return not self._stop.is_set()

    # --- the story ------------------------------------------------------------------------------

    async def _turn_pages(self) -> None:
        for chapter in CHAPTERS:
            if await self._comes(chapter.begins):
                self._stage.begin(chapter)
                await self._set_scene(chapter)

    async def _set_scene(self, chapter: Chapter) -> None:
        desk = self._house.desk
        regime = Regime(chapter.regime, REGIME_CONFIDENCE, clock(), OBSERVER)
        await desk.set_regime(ANY_SYMBOL, regime, author=OBSERVER)
        if chapter.switch is not None:
            await desk.switch(FUND, chapter.switch, reason=chapter.title, author=ARCHITECT)
            self.halts += chapter.switch is TradingState.HALTED

    # --- the market -----------------------------------------------------------------------------

    async def _open_market(self) -> None:
        """Say the first prices several times, so that the gate believes them when bots begin."""
        for _ in range(OPENING_TICKS):
            await self._tell_prices(0.0)
            await asyncio.sleep(TICK_S)

    async def _let_market_speak(self) -> None:
        while not self._stop.is_set() and self.share < 1:
            await self._tell_prices(self.share)
            await self._comes(self.share + TICK_S / self._seconds)

    async def _tell_prices(self, share: float) -> None:
        """Publish the prices of a moment; what cannot be sent is said anew soon."""
        subject = self._house.settings.market_data_subject
        with suppress(Unavailable):
            for symbol in SYMBOLS:
                price = self._script.market.price(symbol, share)
                await self._house.fleet.publish(subject, ticker_of(symbol, price, clock()))

    # --- the bots -------------------------------------------------------------------------------

    async def _let_bots_speak(self) -> None:
        async with asyncio.TaskGroup() as speaking:
            for cue in self._script.cues:
                if not await self._comes(cue.at):
                    return
                speaking.create_task(self._send(cue))

    async def _send(self, cue: Cue) -> None:
        """Publish one message, and keep the number under which the stream has captured it."""
        self.book.sent[cue.bot] += 1
        published_at, body = monotonic(), cue.body(clock())
        try:
            reply = await self._house.fleet.ask(cue.subject, body, timeout_s=CAPTURE_TIMEOUT_S)
        except Unavailable:
            self.book.lost += 1
            return
        self.book.capture(cue, int(orjson.loads(reply)["seq"]), published_at)

    # --- what is shown --------------------------------------------------------------------------

    async def _keep_showing(self) -> None:
        while not self._stop.is_set() and self.share < 1:
            self._house.raise_if_fallen()
            await self.engine.close_due()
            await self._look()
            self._stage.refresh(self.view())
            await self._comes(self.share + REFRESH_S / self._seconds)

    async def _look(self) -> None:
        """Ask the stores how things are; what cannot be told stays as it was."""
        servers = self._house.servers
        with suppress(Unavailable):
            units = await servers.ledger.exposure()
            self._exposure = {name: from_units(used) for name, used in units.items()}
            self._state = (await servers.store.trading_states()).fund or "unknown"

    def view(self) -> View:
        """Return how things are."""
        share, market = self.share, self._script.market
        first = {symbol: market.price(symbol, 0) for symbol in SYMBOLS}
        prices = {symbol: market.price(symbol, share) for symbol in SYMBOLS}
        return View(
            chapter=chapter_at(share),
            share=share,
            seconds_left=self._seconds * (1 - share),
            state=self._state,
            prices=prices,
            moves={symbol: float(prices[symbol] / first[symbol]) - 1 for symbol in SYMBOLS},
            exposure=self._exposure,
            position_limit=self._limits.position,
            gross_limit=self._limits.gross,
            rows=rows_of(self.book),
            positions=len(self.engine.positions),
            join=join_command(self._house),
        )
