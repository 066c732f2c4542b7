"""The watch over losses beside real servers: a gate decides, equity falls, Redis is emptied."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from nats.errors import NoRespondersError

from petrosa_cio import losing
from petrosa_cio.adapters.embedded import ServerProcess
from petrosa_cio.adapters.mongo_connection import open_mongo
from petrosa_cio.adapters.mongo_schema import ALERTS
from petrosa_cio.adapters.nats_connection import Client, NatsAccess, connect_nats
from petrosa_cio.adapters.redis_held import RedisHeld
from petrosa_cio.app import run_control, run_gate
from petrosa_cio.governance.losses.keeping import BOOK
from petrosa_cio.losing import BOOKS
from petrosa_cio.risk.loss_text import read_losses
from petrosa_cio.risk.losses import LossBook
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.trading_state import FUND, TradingState
from petrosa_cio.servers import Servers, open_servers
from petrosa_cio.settings import Settings, load_settings
from tests.integration.test_whole_way import role
from tests.policies import TRUSTING, govern, with_key
from tests.waiting import eventually

pytestmark = pytest.mark.integration

POLICY = """\
schema_version: 1
name: ladder
fund:
  max_order_notional_usd: 1000
  max_gross_exposure_usd: 900000
  drawdown_reducing_bps: 1500
  drawdown_halted_bps: 2000
  max_daily_loss_bps: 9000
  max_strategy_drawdown_usd: 100
  max_losses_in_a_row: 3
"""


@dataclass
class Losing:
    """A fund with a gate and a watch over losses, whose equity is stated by the test."""

    settings: Settings
    servers: Servers
    bot: Client
    asked: int = 0

    async def codes(self) -> list[str]:
        """Ask for a small order, and return why it is denied; nothing where it is approved."""
        self.asked += 1
        intent = {
            "intent_id": uuid4().hex, "strategy_id": "momentum", "symbol": "BTCUSDT",
            "action": "buy", "confidence": 0.8, "stop_loss": 49_000, "price": 50_000,
            "quantity": 0.001 + self.asked / 1e6, "current_price": 50_000,
            "timestamp": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        reply = await self.bot.request("cio.nurse.audit", orjson.dumps(intent), timeout=10)
        answer = orjson.loads(reply.data)
        assert answer["verdict"] in ("approve", "deny"), answer
        return [one.partition(":")[0] for one in answer["reasons"]]

    async def answers(self) -> bool:
        """Return whether the gate is at its door."""
        with suppress(NoRespondersError):
            return bool(await self.codes())
        return False

    async def worth(self, equity: int, until: Callable[[LossBook], bool]) -> None:
        """Let a portfolio be read anew, again and again, until the book is so."""

        async def is_so() -> bool:
            now = datetime.now(UTC) + timedelta(milliseconds=1)
            await self.servers.portfolio.set_portfolio(
                PortfolioReading(now, "test", Decimal(equity))
            )
            book = await self.book()
            return book is not None and until(book)

        await eventually(is_so)

    async def book(self) -> LossBook | None:
        """Return the book as the gates read it."""
        held = RedisHeld(self.servers.redis, self.settings.fund, name=BOOKS, timeout_s=5)
        found = await held.entry(BOOK)
        return None if found is None else read_losses(found)

    async def empty_redis(self) -> None:
        """Let Redis lose all that it has of the fund."""
        keys = await self.servers.redis.keys(f"cio:{{{self.settings.fund}}}:*")
        await self.servers.redis.delete(*keys)

    async def state(self) -> TradingState | None:
        return (await self.servers.store.trading_states()).fund

    async def alerts(self) -> list[str]:
        async with open_mongo(str(self.settings.mongo_url)) as mongo:
            found = mongo[self.settings.mongo_database][ALERTS].find({"kind": "loss_limit"})
            return [one["detail"]["limit"] async for one in found]


@pytest.fixture
async def fund(
    tmp_path: Path,
    own_nats: ServerProcess,
    redis_url: str,
    mongo_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Losing]:
    monkeypatch.setattr(losing, "LOOK_S", 0.05)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "charter.yaml").write_text("schema_version: 1\nname: open\n")
    environ = {
        "CIO_DATA_DIR": str(tmp_path / "data"), "CIO_FUND": uuid4().hex, "CIO_HTTP_PORT": "0",
        "CIO_MONGO_DATABASE": uuid4().hex, "CIO_NATS_URL": own_nats.url,
        "CIO_REDIS_URL": redis_url, "CIO_MONGO_URL": mongo_url,
        "CIO_POLICY_FILE": str(tmp_path / "policy.yaml"),
        "CIO_CHARTER_FILE": str(tmp_path / "charter.yaml"),
        **TRUSTING, **with_key(tmp_path),
    }  # fmt: skip
    settings = load_settings(environ)
    await govern(settings)
    async with AsyncExitStack() as closing:
        servers = await closing.enter_async_context(open_servers(settings, name="test"))
        bot = await connect_nats(NatsAccess(own_nats.url), name="bot")
        closing.push_async_callback(bot.close)
        await closing.enter_async_context(role(run_gate, settings))
        fund = Losing(settings, servers, bot)
        await eventually(fund.answers)
        yield fund


LIMITED = {"DAILY_LOSS_REACHED", "DRAWDOWN_REACHED", "STRATEGY_DRAWDOWN_REACHED", "LOSING_STREAK"}


async def test_nothing_is_opened_before_anybody_counts(fund: Losing) -> None:
    async def is_denied() -> bool:
        return set(await fund.codes()) == LIMITED

    await eventually(is_denied)
    async with role(run_control, fund.settings):
        await fund.worth(100, lambda book: book.equity.peak == 100)
        await eventually(lambda: _approved(fund))


async def test_the_ladder_survives_an_emptied_redis(fund: Losing) -> None:
    async with role(run_control, fund.settings):
        await fund.worth(100, lambda book: book.equity.peak == 100)
        await fund.worth(85, lambda book: bool(book.latches))
        assert await fund.state() is TradingState.REDUCING
        await eventually(lambda: _denied_for(fund, "DRAWDOWN_REACHED"))
        await fund.worth(80, lambda book: len(book.latches) == 2)
        assert await fund.state() is TradingState.HALTED
        await eventually(lambda: _told(fund, 2))
        before = await fund.book()
        assert before is not None
        await fund.empty_redis()
        await eventually(lambda: _rebuilt(fund))
        after = await fund.book()
        assert after is not None
        assert _of_a_moment(after) == _of_a_moment(before)
        assert await fund.state() is None
        await fund.servers.desk.switch(
            FUND, TradingState.ACTIVE, reason="looked at it", author="ann"
        )
        await fund.worth(80, lambda book: not book.latches)
        await eventually(lambda: _approved(fund))
        book = await fund.book()
        assert book is not None
        assert book.equity.peak == 80


async def test_the_ladder_survives_a_restart(fund: Losing) -> None:
    async with role(run_control, fund.settings):
        await fund.worth(100, lambda book: book.equity.peak == 100)
        await fund.worth(85, lambda book: bool(book.latches))
    before = await fund.book()
    assert before is not None
    async with role(run_control, fund.settings):
        await fund.worth(100, lambda book: book.measured_at != before.measured_at)
        book = await fund.book()
        assert book is not None
        assert book.latches == before.latches
        assert await fund.state() is TradingState.REDUCING


def _of_a_moment(book: LossBook) -> LossBook:
    return replace(book, measured_at=None)


async def _approved(fund: Losing) -> bool:
    return await fund.codes() == []


async def _denied_for(fund: Losing, code: str) -> bool:
    return code in await fund.codes()


async def _told(fund: Losing, number: int) -> bool:
    return len(await fund.alerts()) == number


async def _rebuilt(fund: Losing) -> bool:
    return await fund.book() is not None
