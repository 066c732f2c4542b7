"""The neighbours' settings over real HTTP: looked at, changed, and what a change achieved."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from petrosa_cio.adapters.memory_pace import MemoryPace
from petrosa_cio.adapters.memory_proposals import MemoryProposals
from petrosa_cio.audit.record import Change as Told
from petrosa_cio.errors import (
    Misconfigured,
    NeighbourRefused,
    NeighbourSilent,
    NotAllowed,
    SettingRejected,
    ThoughtRejected,
    TooSoon,
    Unavailable,
)
from petrosa_cio.fleet.analysis import DataManagerAnalysis, Subject
from petrosa_cio.fleet.bot_settings import BotSettings
from petrosa_cio.fleet.circuit import FAILURES
from petrosa_cio.fleet.engine_settings import EngineSettings
from petrosa_cio.fleet.neighbour import Neighbour, SettingsOf, parse_target
from petrosa_cio.fleet.neighbour_http import MAX_ANSWER_BYTES, NeighbourHttp, open_neighbour
from petrosa_cio.fleet.ta_settings import TaSettings
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.authority import Terms
from petrosa_cio.governance.fleet_configuration import Asked, FleetConfiguration
from petrosa_cio.governance.fleet_outcome import Effect, Report
from petrosa_cio.governance.fleet_proposals import FleetProposals
from petrosa_cio.governance.fleet_sender import FleetSender
from petrosa_cio.governance.refusals import Refusals
from tests.fleet import Analyst, Engine, Realtime, TaBot, limited, served
from tests.governing import ANN, BOB, BOT, EVE, NOON, OLE, THOUGHT

pytestmark = pytest.mark.integration

TIMEOUT_S = 5.0


@dataclass
class Fleet:
    """Three neighbours, the service, and what it recorded."""

    engine: Engine = field(default_factory=Engine)
    realtime: Realtime = field(default_factory=Realtime)
    ta: TaBot = field(default_factory=TaBot)
    analyst: Analyst = field(default_factory=Analyst)
    told: list[Told] = field(default_factory=list)
    unrecorded: str | None = None
    now_ms: int = 0

    def __post_init__(self) -> None:
        self.now = NOON
        self.neighbours: dict[Neighbour, SettingsOf] = {}
        self.analysis: DataManagerAnalysis | None = None
        pace = MemoryPace(lambda: self.now_ms)
        terms = Terms(is_one_person=False, cooling_off=timedelta(0))
        self.configuration = FleetConfiguration(
            self.neighbours,
            None,
            FleetSender(self.neighbours, pace, self.tell),
            FleetProposals(
                MemoryProposals(), self.tell, fund="main", terms=terms, clock=lambda: self.now
            ),
            Refusals(self.tell),
        )

    async def tell(self, change: Told) -> str | None:
        if self.unrecorded is None:
            self.told.append(change)
        return self.unrecorded

    def subjects(self) -> list[str]:
        return [one.subject for one in self.told]

    def pass_time(self) -> None:
        self.now_ms += 3_600_000

    async def set(self, target: str, who: Actor = OLE, **wanted: object) -> Asked:
        return await self.configuration.change(who, parse_target(target), wanted, THOUGHT)

    async def sent(self, target: str, who: Actor = OLE, **wanted: object) -> Report:
        asked = await self.set(target, who, **wanted)
        assert asked.report is not None, asked.proposal
        return asked.report


@asynccontextmanager
async def running(timeout_s: float = TIMEOUT_S) -> AsyncIterator[Fleet]:
    fleet = Fleet()
    async with AsyncExitStack() as closing:

        async def way_to(neighbour: Engine | Realtime | TaBot, name: str) -> NeighbourHttp:
            url = await closing.enter_async_context(served(neighbour))
            opening = open_neighbour(name, url, "CIO_X_URL", timeout_s=timeout_s)
            return await closing.enter_async_context(opening)

        engine = await way_to(fleet.engine, "tradeengine")
        fleet.neighbours[Neighbour.TRADEENGINE] = EngineSettings(engine)
        realtime = await way_to(fleet.realtime, "realtime-strategies")
        fleet.neighbours[Neighbour.REALTIME] = BotSettings(realtime, Neighbour.REALTIME)
        fleet.neighbours[Neighbour.TA_BOT] = TaSettings(await way_to(fleet.ta, "ta-bot"))
        yield fleet


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with running() as fleet:
        yield fleet


@pytest.fixture
async def hasty() -> AsyncIterator[Fleet]:
    """A fleet whose answers are not waited for."""
    async with running(timeout_s=0.5) as fleet:
        yield fleet


# --- looking --------------------------------------------------------------------------------------


async def test_everything_that_can_be_set_is_found(fleet: Fleet) -> None:
    engine, ta, realtime = await fleet.configuration.discover()
    assert [len(one.offers) for one in (engine, ta, realtime)] == [1, 29, 8]
    assert "leverage" in engine.offers[0].settings
    assert ta.offers[0].settings[0] == "enabled_strategies"
    assert "min_data_points" in ta.offers[1].unknown
    assert not any(one.unknown for one in realtime.offers)


async def test_one_neighbour_that_is_away_hides_no_other(fleet: Fleet) -> None:
    del fleet.neighbours[Neighbour.TRADEENGINE]
    engine, _, realtime = await fleet.configuration.discover()
    assert "CIO_TRADEENGINE_URL" in str(engine.problem)
    assert realtime.problem is None
    with pytest.raises(Misconfigured, match="CIO_TRADEENGINE_URL"):
        await fleet.configuration.read(parse_target("tradeengine"))


async def test_numbers_are_read_exactly(fleet: Fleet) -> None:
    reading = await fleet.configuration.read(parse_target("tradeengine/BTCUSDT"))
    assert reading.settings["slippage_tolerance_pct"] == Decimal("0.1")
    assert reading.settings["leverage"] == 10
    assert reading.version is None
    assert any("minute old" in note for note in reading.notes)


async def test_a_strategy_is_found_by_the_name_in_its_signals(fleet: Fleet) -> None:
    await fleet.configuration.read(parse_target("realtime-strategies/Iceberg Order Detector"))
    assert fleet.realtime.asked == ["GET /api/v1/strategies/iceberg_detector/config"]


@pytest.mark.parametrize("target", ["realtime-strategies/Spread", "ta-bot/iceberg_detector"])
async def test_a_strategy_that_nobody_has_is_not_even_asked_for(fleet: Fleet, target: str) -> None:
    with pytest.raises(SettingRejected, match="has no strategy"):
        await fleet.set(target, spread_threshold_bps=20)
    assert fleet.realtime.asked == fleet.ta.asked == []
    assert fleet.subjects() == ["refused"]


async def test_what_ta_bot_cannot_do_it_says_with_status_200(fleet: Fleet) -> None:
    with pytest.raises(NeighbourRefused, match="503: Strategy configuration manager"):
        await fleet.configuration.read(parse_target("ta-bot/momentum_pulse"))


# --- what a change achieves -----------------------------------------------------------------------


async def test_what_ta_bot_runs_is_applied_at_once(fleet: Fleet) -> None:
    report = await fleet.sent("ta-bot", enabled_strategies=["momentum_pulse"])
    assert (report.effect, report.why) == (Effect.APPLIED, ())
    assert fleet.ta.settings["enabled_strategies"] == ["momentum_pulse"]
    assert fleet.ta.told == [
        {
            "enabled_strategies": ["momentum_pulse"],
            "changed_by": "petrosa-cio:ole",
            "reason": THOUGHT,
        }
    ]


async def test_what_nothing_reads_is_said_to_be_stored_alone(fleet: Fleet) -> None:
    report = await fleet.sent("tradeengine/BTCUSDT", leverage=5, max_daily_loss_pct=Decimal("0.02"))
    assert report.effect is Effect.STORED_UNREAD
    assert report.seen == {"leverage": 5, "max_daily_loss_pct": Decimal("0.02")}
    assert any("`max_leverage` of the policy holds" in one for one in report.why)
    assert any("environment variable" in one for one in report.why)
    bot = await fleet.sent("realtime-strategies/iceberg_detector", min_refill_count=5)
    assert bot.effect is Effect.STORED_UNREAD


async def test_a_write_repeats_what_it_would_else_take_away(fleet: Fleet) -> None:
    fleet.engine.remember(("BTCUSDT", None), {"leverage": 4, "max_retries": 2}, "somebody")
    fleet.engine.remember((None, None), {"leverage": 8}, "somebody")
    await fleet.sent("tradeengine/BTCUSDT", leverage=3)
    assert fleet.engine.stored["BTCUSDT", None] == {"leverage": 3, "max_retries": 2}
    assert fleet.engine.stored[None, None] == {"leverage": 8}


async def test_without_its_history_the_engine_is_not_written_to(fleet: Fleet) -> None:
    fleet.engine.remember(("BTCUSDT", None), {"leverage": 4}, "somebody")
    fleet.engine.rows[-1]["parameters_after"] = None
    with pytest.raises(NeighbourSilent, match="a write would replace it"):
        await fleet.set("tradeengine/BTCUSDT", leverage=3)
    assert fleet.engine.told == []


async def test_what_is_taken_and_not_shown_is_said_so(fleet: Fleet) -> None:
    fleet.ta.shows_old = True
    report = await fleet.sent("ta-bot", max_positions=5)
    assert report.effect is Effect.NOT_SEEN
    assert report.why == ("max_positions shows 10 instead of 5",)


async def test_a_refusal_is_told_in_the_neighbours_own_words(fleet: Fleet) -> None:
    report = await fleet.sent("ta-bot", min_confidence=Decimal("0.96"))
    assert report.effect is Effect.REFUSED
    assert "min_confidence must be less than max_confidence" in report.why[0]
    fleet.realtime.has_mongo = False
    report = await fleet.sent("realtime-strategies/iceberg_detector", min_refill_count=5)
    assert "MongoDB is not there" in report.why[0]


@pytest.mark.parametrize("reason", ["cooldown_period", "agent_quota_exceeded"])
async def test_a_cooldown_is_a_refusal_that_says_when(fleet: Fleet, reason: str) -> None:
    fleet.ta.instead = limited(reason, 212)
    report = await fleet.sent("ta-bot", max_positions=5)
    assert (report.effect, report.retry_after_s) == (Effect.REFUSED, 212)
    assert reason in report.why[0]


@pytest.mark.parametrize(
    ("answer", "effect", "word"),
    [
        (PlainTextResponse("<html>"), Effect.UNKNOWN, "not JSON"),
        (JSONResponse({"data": {}}), Effect.UNKNOWN, "without saying"),
        (JSONResponse({"success": "true"}), Effect.UNKNOWN, "without saying"),
        (PlainTextResponse("", status_code=500), Effect.UNKNOWN, "status 500"),
        (JSONResponse({"a": "b" * MAX_ANSWER_BYTES}), Effect.UNKNOWN, "more than"),
        (Response('{"success": NaN}'), Effect.UNKNOWN, "NaN"),
        (RedirectResponse("http://127.0.0.1:9/"), Effect.REFUSED, "status 307"),
        (JSONResponse({"detail": [{"msg": "Field\nrequired"}]}, 422), Effect.REFUSED, "422"),
        (JSONResponse({"success": False, "error": "no\x1b[0m"}), Effect.REFUSED, "no [0m"),
    ],
)
async def test_strange_answers_are_not_taken_for_success(
    fleet: Fleet, answer: Response, effect: Effect, word: str
) -> None:
    fleet.ta.instead = answer
    report = await fleet.sent("ta-bot", max_positions=5)
    assert report.effect is effect
    assert word in " ".join(report.why)


async def test_a_lost_answer_is_read_back(hasty: Fleet) -> None:
    hasty.ta.loses_answers = True
    report = await hasty.sent("ta-bot", max_positions=5)
    assert report.effect is Effect.APPLIED
    assert "its answer is missing" in report.why[0]


async def test_a_lost_answer_that_cannot_be_read_back_is_not_known(hasty: Fleet) -> None:
    hasty.ta.loses_answers = True
    hasty.ta.shows_old = True
    report = await hasty.sent("ta-bot", max_positions=5)
    assert report.effect is Effect.UNKNOWN
    assert len(hasty.ta.told) == 1, "nothing is sent twice"


async def test_who_does_not_answer_is_left_alone_after_a_while(hasty: Fleet) -> None:
    hasty.ta.is_silent = True
    for _ in range(FAILURES):
        with pytest.raises(NeighbourSilent, match="no whole answer"):
            await hasty.configuration.read(parse_target("ta-bot"))
    asked = len(hasty.ta.asked)
    with pytest.raises(NeighbourSilent, match="left alone"):
        await hasty.configuration.read(parse_target("ta-bot"))
    assert len(hasty.ta.asked) == asked
    assert (await hasty.configuration.read(parse_target("tradeengine"))).settings


async def test_where_nobody_is_nothing_was_sent() -> None:
    async with open_neighbour("ta-bot", "http://127.0.0.1:9", "CIO_X_URL") as http:
        with pytest.raises(NeighbourSilent) as away:
            await http.post("/", {})
    assert not away.value.may_have_acted


@pytest.mark.parametrize("url", ["http://h:port", "http://[::1"])
async def test_a_url_that_cannot_be_meant_is_said_to_be(url: str) -> None:
    with pytest.raises(Misconfigured, match="CIO_X_URL"):
        async with open_neighbour("ta-bot", url, "CIO_X_URL"):
            pass


# --- who may, and what is recorded ----------------------------------------------------------------


async def test_it_is_recorded_before_it_is_sent_and_after(fleet: Fleet) -> None:
    report = await fleet.sent("ta-bot", max_positions=5)
    before, after = fleet.told
    assert (before.subject, before.scope, before.author) == ("fleet_setting", "ta-bot", "ole")
    stated = json.loads(before.value)
    assert stated["settings"] == {"max_positions": 5}
    assert stated["before"] == {"max_positions": 10}
    assert before.reason == THOUGHT
    assert after.subject == "fleet_outcome"
    ended: dict[str, Any] = json.loads(after.value)
    assert (ended["effect"], ended["change_id"]) == ("applied", report.change_id)


async def test_what_cannot_be_recorded_is_not_sent(fleet: Fleet) -> None:
    fleet.unrecorded = "NATS is away"
    with pytest.raises(Unavailable, match="NATS is away; so nothing was sent"):
        await fleet.set("ta-bot", max_positions=5)
    assert fleet.ta.told == []


async def test_an_agent_may_tighten_and_a_viewer_nothing(fleet: Fleet) -> None:
    assert (await fleet.sent("ta-bot", BOT, max_positions=5)).effect is Effect.APPLIED
    with pytest.raises(NotAllowed):
        await fleet.set("ta-bot", EVE, max_positions=4)
    with pytest.raises(ThoughtRejected):
        await fleet.configuration.change(OLE, parse_target("ta-bot"), {"max_positions": 4}, "so")


@pytest.mark.parametrize(
    "wanted", [{"max_positions": 11}, {"max_positions": 5, "position_sizes": [1]}, {"leverage": 5}]
)
async def test_what_may_loosen_waits_and_nothing_is_sent(
    fleet: Fleet, wanted: dict[str, object]
) -> None:
    asked = await fleet.configuration.change(OLE, parse_target("ta-bot"), wanted, THOUGHT)
    assert asked.report is None
    assert asked.proposal is not None
    assert fleet.ta.told == []
    assert fleet.subjects() == ["fleet_proposal"]


async def test_two_people_loosen_once(fleet: Fleet) -> None:
    asked = await fleet.set("ta-bot", ANN, max_positions=20)
    assert asked.proposal is not None
    name = asked.proposal.proposal_id[:12]
    service = fleet.configuration
    with pytest.raises(NotAllowed, match="not approved"):
        await service.apply(ANN, name)
    with pytest.raises(NotAllowed, match="of their own"):
        await service.proposals.approve(ANN, name, reason="mine")
    with pytest.raises(NotAllowed):
        await service.proposals.approve(BOT, name, reason="an agent's")
    await service.proposals.approve(BOB, name, reason="agreed")
    report = await service.apply(OLE, name)
    assert report.effect is Effect.APPLIED
    assert fleet.ta.told[-1]["changed_by"] == "petrosa-cio:ann"
    fleet.pass_time()
    await fleet.sent("ta-bot", max_positions=10)
    fleet.pass_time()
    with pytest.raises(NotAllowed, match="used before"):
        await service.apply(OLE, name)
    (waiting,) = await service.proposals.listed()
    assert waiting.is_used


async def test_an_agents_proposal_takes_two_people(fleet: Fleet) -> None:
    asked = await fleet.set("ta-bot", BOT, max_positions=20)
    assert asked.proposal is not None
    name, service = asked.proposal.proposal_id, fleet.configuration
    await service.proposals.approve(ANN, name, reason="agreed")
    with pytest.raises(NotAllowed, match="not approved"):
        await service.apply(OLE, name)
    await service.proposals.approve(BOB, name, reason="agreed too")
    with pytest.raises(NotAllowed):
        await service.apply(BOT, name)
    assert (await service.apply(OLE, name)).effect is Effect.APPLIED


async def test_what_changed_meanwhile_is_not_overwritten(fleet: Fleet) -> None:
    asked = await fleet.set("ta-bot", ANN, max_positions=20)
    assert asked.proposal is not None
    name = asked.proposal.proposal_id
    await fleet.configuration.proposals.approve(BOB, name, reason="agreed")
    fleet.ta.settings["max_positions"] = 2
    with pytest.raises(NotAllowed, match="shows other values"):
        await fleet.configuration.apply(ANN, name)
    assert fleet.ta.told == []


async def test_a_rejected_proposal_stays_rejected(fleet: Fleet) -> None:
    asked = await fleet.set("ta-bot", ANN, max_positions=20)
    assert asked.proposal is not None
    name, proposals = asked.proposal.proposal_id, fleet.configuration.proposals
    await proposals.reject(ANN, name, reason="withdrawn")
    with pytest.raises(NotAllowed, match="rejected"):
        await proposals.approve(BOB, name, reason="too late")
    with pytest.raises(NotAllowed, match="at least 8"):
        await proposals.look_up("abc")
    with pytest.raises(NotAllowed, match="no proposal"):
        await proposals.look_up("0" * 12)


async def test_the_neighbours_pace_is_kept_before_they_say_so(fleet: Fleet) -> None:
    await fleet.sent("ta-bot", max_positions=9)
    with pytest.raises(TooSoon) as soon:
        await fleet.set("ta-bot", max_positions=8)
    assert soon.value.retry_after_s == 300
    assert len(fleet.ta.told) == 1
    fleet.pass_time()
    await fleet.sent("ta-bot", max_positions=8)


async def test_no_name_switches_the_neighbours_limits_off(fleet: Fleet) -> None:
    for name in ("emergency-bot", "Rollback"):
        with pytest.raises(NotAllowed, match="switch off the rate limits"):
            await fleet.set("ta-bot", Actor(name, Role.OPERATOR), max_positions=8)
    assert fleet.ta.told == []


# --- history and going back -----------------------------------------------------------------------


async def test_a_history_is_the_scopes_own(fleet: Fleet) -> None:
    fleet.engine.remember(("BTCUSDT", None), {"leverage": 4}, "ann")
    fleet.engine.remember((None, None), {"leverage": 8}, "bob")
    fleet.engine.remember(("BTCUSDT", None), {"leverage": 3}, "ann")
    found = await fleet.configuration.history(parse_target("tradeengine/BTCUSDT"))
    assert [(one.version, one.after) for one in found] == [
        (2, {"leverage": 3}),
        (1, {"leverage": 4}),
    ]


async def test_to_go_back_is_judged_and_sent_like_any_change(fleet: Fleet) -> None:
    fleet.engine.remember(("BTCUSDT", None), {"leverage": 3}, "ann")
    fleet.engine.remember(("BTCUSDT", None), {"leverage": 6}, "ann")
    back = await fleet.configuration.roll_back(
        OLE, parse_target("tradeengine/BTCUSDT"), "1", THOUGHT
    )
    assert back.report is not None
    assert back.report.effect is Effect.STORED_UNREAD
    assert fleet.engine.stored["BTCUSDT", None] == {"leverage": 3}
    undone = await fleet.configuration.roll_back(
        ANN, parse_target("tradeengine/BTCUSDT"), None, THOUGHT
    )
    assert undone.report is None, "6 is looser than 3"


async def test_what_would_be_stored_no_more_may_loosen(fleet: Fleet) -> None:
    fleet.engine.remember(("BTCUSDT", None), {"leverage": 3}, "ann")
    fleet.engine.remember(("BTCUSDT", None), {"leverage": 6, "max_retries": 1}, "ann")
    target = parse_target("tradeengine/BTCUSDT")
    back = await fleet.configuration.roll_back(ANN, target, "row-0", THOUGHT)
    assert back.proposal is not None
    await fleet.configuration.proposals.approve(BOB, back.proposal.proposal_id, reason="agreed")
    await fleet.configuration.apply(ANN, back.proposal.proposal_id)
    assert fleet.engine.stored["BTCUSDT", None] == {"leverage": 3}


@pytest.mark.parametrize("to", ["7", None])
async def test_what_no_history_tells_cannot_be_gone_back_to(fleet: Fleet, to: str | None) -> None:
    if to is not None:
        fleet.engine.remember((None, None), {"leverage": 3}, "ann")
    with pytest.raises(SettingRejected, match="history"):
        await fleet.configuration.roll_back(OLE, parse_target("tradeengine"), to, THOUGHT)


async def test_ta_bots_last_change_is_undone(fleet: Fleet) -> None:
    await fleet.sent("ta-bot", max_confidence=Decimal("0.9"))
    fleet.pass_time()
    undone = await fleet.configuration.roll_back(ANN, parse_target("ta-bot"), None, THOUGHT)
    assert undone.proposal is not None, "0.95 is looser than 0.9"


# --- analysis -------------------------------------------------------------------------------------

AT = "2026-11-23T03:00:00+00:00"


@pytest.mark.parametrize(
    ("subject", "about", "path", "answer", "values"),
    [
        ("regime", "BTCUSDT", "regime", (200, {"data": {"a": "1"}}), {"a": "1"}),
        ("regime", "BTCUSDT", "regime", (200, {"data": None, "metadata": {"timestamp": AT}}), None),
        ("trend", "BTCUSDT", "trend", (200, {"values": []}), None),
        ("trend", "BTCUSDT", "trend", (200, {"values": [{"sma": "1"}]}), [{"sma": "1"}]),
        ("seasonality", "BTCUSDT", "seasonality", (404, {"detail": "No data"}), None),
        ("correlation", "A,B", "correlation", (200, {"correlation_matrix": {}}), None),
        ("performance", "a b", "performance/a b", (200, {"stats": {"win_rate": None}}), None),
        ("performance", "a", "performance/a", (200, {"stats": {"win_rate": 1}}), {"win_rate": 1}),
    ],
)
async def test_analysis_says_what_is_known(
    subject: str, about: str, path: str, answer: tuple[int, Any], values: object
) -> None:
    analyst = Analyst(answers={path: answer})
    async with served(analyst) as url, open_neighbour("data-manager", url, "CIO_X_URL") as http:
        found = await DataManagerAnalysis(http).of(Subject(subject), about)
    assert found.values == values
    assert found.at is None
    assert (found.notes == ()) == (values is None)


async def test_analysis_that_is_refused_or_no_object_is_none() -> None:
    analyst = Analyst(
        answers={"regime": (503, {}), "trend": (400, {"detail": "no"}), "volume": (200, [])}
    )
    async with served(analyst) as url, open_neighbour("data-manager", url, "CIO_X_URL") as http:
        source = DataManagerAnalysis(http)
        with pytest.raises(NeighbourSilent, match="status 503"):
            await source.of(Subject.REGIME, "BTCUSDT")
        with pytest.raises(NeighbourRefused, match="no"):
            await source.of(Subject.TREND, "BTCUSDT")
        with pytest.raises(NeighbourSilent, match="no object"):
            await source.of(Subject.VOLUME, "BTCUSDT")


async def test_an_overview_is_said_to_invent(fleet: Fleet) -> None:
    overview = {"overview": {"BTCUSDT": {"regime": "unknown"}}, "metadata": {"timestamp": AT}}
    analyst = Analyst(answers={"market-overview": (200, overview)})
    async with served(analyst) as url, open_neighbour("data-manager", url, "CIO_X_URL") as http:
        found = await DataManagerAnalysis(http).of(Subject.OVERVIEW, "BTCUSDT")
    assert found.at == datetime.fromisoformat(AT)
    assert any("invents" in note for note in found.notes)
    with pytest.raises(Misconfigured, match="CIO_DATA_MANAGER_URL"):
        await fleet.configuration.analysis(Subject.REGIME, "BTCUSDT")
