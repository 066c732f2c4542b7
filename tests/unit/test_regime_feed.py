"""What the feed takes over from answers, and what it leaves as it is."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from petrosa_cio.errors import Unavailable
from petrosa_cio.fleet.regime_answers import NoRegime, ObservedRegime, Trouble
from petrosa_cio.governance.desk import STATE_UPDATED, Desk
from petrosa_cio.governance.regime_feed import (
    AT_ONCE,
    LATE_AFTER,
    MOST_ROUNDS_SKIPPED,
    SOURCE,
    RegimeFeed,
)
from petrosa_cio.governance.regimes import read_regime, write_regime
from petrosa_cio.risk.snapshot import Regime
from tests.gates import House

BTC = "BTCUSDT"
Answer = ObservedRegime | NoRegime
AWAY = NoRegime(Trouble.UNREACHABLE, "refused")


@dataclass
class FakeSource:
    """Answers as it is told; about other symbols, that nothing is known."""

    answers: dict[str, Answer | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def regime(self, symbol: str) -> Answer:
        self.asked.append(symbol)
        answer = self.answers.get(symbol, NoRegime(Trouble.EMPTY))
        if isinstance(answer, Exception):
            raise answer
        return answer


class Watched:
    """A feed, with what is around it."""

    def __init__(self, *symbols: str) -> None:
        self.house = House()
        self.source = FakeSource()
        house = self.house
        desk = Desk(house.states, house.journal, house.announcer, fund="main", clock=house.now)
        self.feed = RegimeFeed(
            self.source, house.states, desk, symbols=symbols or (BTC,), clock=house.now
        )

    async def hears(self, answer: Answer | Exception, symbol: str = BTC) -> None:
        """Let one round bring this answer."""
        self.source.answers[symbol] = answer
        await self.feed.round()

    async def stored(self, symbol: str = BTC) -> Regime | None:
        return read_regime((await self.house.states.regimes()).get(symbol, b""))

    async def name(self) -> str | None:
        found = await self.stored()
        return found.name if found else None

    @property
    def changes(self) -> list[dict[str, Any]]:
        return [record["change"] for record in self.house.records]

    def says(self, name: str, *, s_ago: float = 0, confidence: str = "0.9") -> ObservedRegime:
        return ObservedRegime(name, Decimal(confidence), self.at(s_ago))

    def at(self, s_ago: float) -> datetime:
        return self.house.now() - timedelta(seconds=s_ago)


@pytest.fixture
def one() -> Watched:
    return Watched()


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("cio_regime_answers_total", {"outcome": outcome}) or 0


async def test_a_first_observation_is_stored_recorded_and_announced(one: Watched) -> None:
    before = counted("taken")
    await one.hears(one.says("breakout_phase", s_ago=60))
    assert await one.stored() == Regime("breakout_phase", Decimal("0.9"), one.at(60), SOURCE)
    (change,) = one.changes
    assert (change["subject"], change["scope"], change["author"]) == ("regime", BTC, SOURCE)
    assert [subject for subject, _ in one.house.announcer.heard] == [STATE_UPDATED]
    assert counted("taken") == before + 1
    sample = {"symbol": BTC}
    shown = REGISTRY.get_sample_value("cio_regime_observed_timestamp_seconds", sample)
    assert shown == one.at(60).timestamp()


async def test_an_unchanged_regime_is_refreshed_and_not_recorded(one: Watched) -> None:
    await one.hears(one.says("consolidation", s_ago=60))
    await one.hears(one.says("consolidation", s_ago=30, confidence="0.8"))
    found = await one.stored()
    assert found == Regime("consolidation", Decimal("0.8"), one.at(30), SOURCE)
    assert len(one.changes) == len(one.house.announcer.heard) == 1


async def test_the_same_answer_again_changes_nothing(one: Watched) -> None:
    await one.hears(one.says("consolidation", s_ago=60))
    stored = await one.house.states.regimes()
    before = counted("unchanged")
    await one.hears(one.says("breakout_phase", s_ago=60))
    assert await one.house.states.regimes() == stored
    assert (len(one.changes), counted("unchanged")) == (1, before + 1)


async def test_another_name_is_a_change(one: Watched) -> None:
    await one.hears(one.says("consolidation", s_ago=60))
    await one.hears(one.says("turbulent_illiquidity", s_ago=30))
    assert [change["scope"] for change in one.changes] == [BTC, BTC]
    assert await one.name() == "turbulent_illiquidity"


async def test_an_older_row_never_goes_back_in_time(one: Watched) -> None:
    await one.hears(one.says("consolidation", s_ago=60))
    before = counted("older")
    await one.hears(one.says("breakout_phase", s_ago=60.000001))
    assert (await one.name(), len(one.changes)) == ("consolidation", 1)
    assert (counted("older"), one.feed.ailments()) == (before + 1, [])


@pytest.mark.parametrize(("ahead_s", "name"), [(5, "breakout_phase"), (5.000001, "consolidation")])
async def test_an_observation_of_the_future_is_not_taken(
    one: Watched, ahead_s: float, name: str
) -> None:
    await one.hears(one.says("consolidation", s_ago=60))
    await one.hears(one.says("breakout_phase", s_ago=-ahead_s))
    assert await one.name() == name


async def test_what_is_stored_of_the_future_does_not_stand_in_the_way(one: Watched) -> None:
    absurd = Regime("balanced_market", Decimal(1), one.at(-9_999), "ann")
    await one.house.states.set_regime(BTC, write_regime(absurd))
    await one.hears(one.says("breakout_phase", s_ago=60))
    assert await one.name() == "breakout_phase"


async def test_what_does_not_read_is_replaced(one: Watched) -> None:
    await one.house.states.set_regime(BTC, b"nonsense")
    await one.hears(one.says("breakout_phase"))
    assert await one.name() == "breakout_phase"


NOTHING: list[tuple[str, Callable[[Watched], Answer | Exception]]] = [
    ("empty", lambda _: NoRegime(Trouble.EMPTY)),
    ("refused", lambda _: NoRegime(Trouble.REFUSED, "status 503")),
    ("timed_out", lambda _: NoRegime(Trouble.TIMED_OUT)),
    ("malformed", lambda _: NoRegime(Trouble.MALFORMED)),
    ("too_large", lambda _: NoRegime(Trouble.TOO_LARGE)),
    ("unreachable", lambda _: AWAY),
    ("failed", lambda _: RuntimeError("of itself")),
    ("unknown_name", lambda one: one.says("unknown")),
    ("unknown_name", lambda one: one.says("neutral")),
]


@pytest.mark.parametrize(("outcome", "answer"), NOTHING)
async def test_what_holds_no_regime_changes_and_refreshes_nothing(
    one: Watched, outcome: str, answer: Callable[[Watched], Answer | Exception]
) -> None:
    await one.hears(one.says("turbulent_illiquidity", s_ago=60))
    stored, before = await one.house.states.regimes(), counted(outcome)
    await one.hears(answer(one))
    assert await one.house.states.regimes() == stored
    assert (len(one.changes), counted(outcome)) == (1, before + 1)
    (ailment,) = one.feed.ailments()
    assert ailment.startswith(f"regime feed: {BTC}: {outcome}")
    one.house.clock.advance(600_000)
    for _ in range(2):
        await one.hears(one.says("consolidation"))
    assert (await one.name(), one.feed.ailments()) == ("consolidation", [])


async def test_an_older_spelling_is_stored_under_our_name(one: Watched) -> None:
    await one.hears(one.says("High Volatility"))
    assert await one.name() == "turbulent_illiquidity"


async def test_a_name_that_nobody_knows_is_logged_once(one: Watched) -> None:
    with capture_logs() as logged:
        for name in ("odd", "odd", "odder", "odd"):
            await one.hears(one.says(name))
    names = [line["name"] for line in logged if line["event"] == "regime_name_unknown"]
    assert names == ["odd", "odder"]


async def test_names_without_end_do_not_fill_the_log(one: Watched) -> None:
    with capture_logs() as logged:
        for number in range(150):
            await one.hears(one.says(f"odd {number}"))
    assert sum(line["event"] == "regime_name_unknown" for line in logged) == 100


async def test_a_change_that_could_not_be_recorded_is_recorded_later(one: Watched) -> None:
    one.house.journal.away = True
    answer = one.says("turbulent_illiquidity", s_ago=60)
    await one.hears(answer)
    assert (await one.name(), one.changes) == ("turbulent_illiquidity", [])
    one.house.journal.away = False
    await one.hears(answer)
    await one.hears(answer)
    (change,) = one.changes
    assert "turbulent_illiquidity" in change["value"]


async def test_two_that_feed_at_once_keep_the_newer(one: Watched) -> None:
    newer = write_regime(Regime("breakout_phase", Decimal(1), one.at(10), SOURCE))
    replace = one.house.states.replace_regime

    async def beaten(symbol: str, document: bytes, *, instead_of: bytes | None) -> bool:
        await one.house.states.set_regime(symbol, newer)
        return await replace(symbol, document, instead_of=instead_of)

    one.house.states.replace_regime = beaten  # type: ignore[method-assign]
    await one.hears(one.says("consolidation", s_ago=20))
    assert (await one.name(), one.changes) == ("breakout_phase", [])


async def test_one_symbols_failure_is_not_anothers() -> None:
    watched = Watched(BTC, "ETHUSDT", "SOLUSDT")
    watched.source.answers = {
        BTC: RuntimeError("of itself"),
        "ETHUSDT": AWAY,
        "SOLUSDT": watched.says("consolidation"),
    }
    await watched.feed.round()
    assert set(await watched.house.states.regimes()) == {"SOLUSDT"}
    assert watched.feed.ailments() == [
        f"regime feed: {BTC}: failed (RuntimeError)",
        "regime feed: ETHUSDT: unreachable (refused)",
    ]


async def test_a_symbol_that_fails_is_asked_ever_more_rarely_until_it_answers() -> None:
    watched = Watched(BTC, "ETHUSDT")
    watched.source.answers = {BTC: AWAY, "ETHUSDT": watched.says("consolidation")}
    rounds = []
    for number in range(40):
        before = len(watched.source.asked)
        await watched.feed.round()
        rounds += [number] * watched.source.asked[before:].count(BTC)
    gaps = [later - earlier for earlier, later in pairwise(rounds)]
    assert gaps == [1, 2, 4, *[MOST_ROUNDS_SKIPPED + 1] * 4]
    assert watched.source.asked.count("ETHUSDT") == 40
    watched.source.answers[BTC] = watched.says("consolidation")
    for _ in range(MOST_ROUNDS_SKIPPED + 3):
        await watched.feed.round()
    assert watched.source.asked[-4:].count(BTC) == 2


async def test_nothing_known_and_unknown_names_are_no_fault(one: Watched) -> None:
    for answer in (NoRegime(Trouble.EMPTY), one.says("unknown")) * 5:
        await one.hears(answer)
    assert len(one.source.asked) == 10


async def test_not_all_are_asked_at_once() -> None:
    symbols = [f"S{number}USDT" for number in range(20)]
    watched, in_hand, most = Watched(*symbols), 0, 0
    ask = watched.source.regime

    async def slow(symbol: str) -> Answer:
        nonlocal in_hand, most
        in_hand += 1
        most = max(most, in_hand)
        found = await ask(symbol)
        await asyncio.sleep(0)
        in_hand -= 1
        return found

    watched.source.regime = slow  # type: ignore[method-assign]
    await watched.feed.round()
    assert (most, len(watched.source.asked)) == (AT_ONCE, 20)


async def test_a_store_that_is_away_is_said_to_be_and_asks_nobody_less(one: Watched) -> None:
    async def away(*_: object, **__: object) -> bool:
        raise Unavailable("redis", "silent")

    replace = one.house.states.replace_regime
    one.house.states.replace_regime = away  # type: ignore[method-assign]
    for _ in range(3):
        await one.hears(one.says("consolidation"))
    assert one.feed.ailments() == [f"regime feed: {BTC}: not_stored (redis: silent)"]
    one.house.states.replace_regime = replace  # type: ignore[method-assign]
    await one.hears(one.says("consolidation"))
    assert await one.name() == "consolidation"
    assert len(one.source.asked) == 4


async def test_a_neighbour_that_computes_nothing_anew_is_late(one: Watched) -> None:
    answer = one.says("consolidation")
    await one.hears(answer)
    one.house.clock.advance(int(LATE_AFTER.total_seconds() * 1000))
    await one.hears(answer)
    assert one.feed.ailments() == []
    one.house.clock.advance(1)
    assert one.feed.ailments() == [f"regime feed: {BTC}: not observed anew for 0:45:00"]


async def test_who_hands_it_on_forgets_what_ailed(one: Watched) -> None:
    await one.hears(AWAY)
    one.feed.forget()
    assert one.feed.ailments() == []


async def test_an_override_is_none_of_its_business(one: Watched) -> None:
    ends = one.house.now() + timedelta(hours=1)
    said = write_regime(Regime("calm", Decimal(1), one.house.now(), "ann", ends, "drill"))
    await one.house.states.set_regime_override(BTC, said)
    await one.hears(one.says("turbulent_illiquidity"))
    assert await one.house.states.regime_overrides() == {BTC: said}
    assert await one.name() == "turbulent_illiquidity"
