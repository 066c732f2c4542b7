"""The story as the gate takes it: every chapter shows what it promises, under the demo's policy.

The whole script goes through a gate in memory, message by message, with time and regime as in the
demo. No order engine reports, so what is approved stays reserved.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
import yaml

from petrosa_cio.demo.book import Book
from petrosa_cio.demo.chance import dice
from petrosa_cio.demo.house import policy_file
from petrosa_cio.demo.intents import Cue
from petrosa_cio.demo.market import make_market
from petrosa_cio.demo.rogue import MISDEEDS, rogue_cues
from petrosa_cio.demo.script import BOTS, usual_rate, write_script
from petrosa_cio.demo.show import shown_limits
from petrosa_cio.demo.story import CHAPTERS, Chapter, chapter_at
from petrosa_cio.demo.summary import rows_of
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.regimes import write_regime
from petrosa_cio.risk.policy import canonical_json
from petrosa_cio.risk.snapshot import ANY_SYMBOL, Regime
from petrosa_cio.risk.trading_state import TradingState
from tests.gates import House
from tests.policies import put_next

SECONDS = 60.0


@dataclass
class Told:
    """What was said in each chapter: reason codes by chapter and bot, and actions that passed."""

    codes: defaultdict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    passed: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    book: Book = field(default_factory=lambda: Book(lambda _: None))

    def of_chapter(self, title: str) -> Counter[str]:
        return sum((found for (one, _), found in self.codes.items() if one == title), Counter())

    def of_bot(self, bot: str) -> Counter[str]:
        return sum((found for (_, one), found in self.codes.items() if one == bot), Counter())


class Player:
    """Plays cues to a gate in memory."""

    def __init__(self, house: House) -> None:
        self.house, self.gate, self.told = house, house.gate(), Told()
        self.chapter: Chapter | None = None

    async def play(self, cue: Cue) -> list[str]:
        """Let a message arrive when its time has come; return the reason codes of its verdict."""
        now_s = self.house.clock() / 1000
        await self.house.pass_time(max(cue.at * SECONDS - (now_s - self.began_s), 0))
        await self._turn(chapter_at(cue.at))
        await self.gate.process([self.house.arrive_bytes(cue.body(self.house.now()))])
        assert self.chapter is not None
        title, verdict = self.chapter.title, self._note(cue)
        self.told.codes[title, cue.bot].update(self.house.codes())
        if verdict["kind"] != "deny":
            self.told.passed[title][cue.action] += 1
        return self.house.codes()

    def _note(self, cue: Cue) -> dict[str, object]:
        verdicts = [one for one in self.house.journal.records if b'"kind":"verdict"' in one]
        self.told.book.capture(cue, self.house.sequence, 0.0)
        self.told.book.sent[cue.bot] += 1
        self.told.book.journaled(verdicts[-1])
        found: dict[str, object] = orjson.loads(verdicts[-1])["verdict"]
        self.house.journal.records.clear()
        self.house.journal.records.append(verdicts[-1])
        return found

    async def _turn(self, chapter: Chapter) -> None:
        if chapter is self.chapter:
            return
        self.chapter = chapter
        regime = Regime(chapter.regime, Decimal(1), self.house.now(), "test")
        await self.house.states.set_regime(ANY_SYMBOL, write_regime(regime))
        if chapter.switch:
            await self.house.switch(chapter.switch)
        await self.house.feeds.refresh()

    async def open(self) -> "Player":
        policy = load_governing(policy_file(), None).first_policy
        document = b'{"policy":' + canonical_json(policy) + b"}"
        await put_next(self.house.states, document)
        await self.house.feeds.refresh()
        self.began_s = self.house.clock() / 1000
        return self


async def player() -> Player:
    return await Player(await House().open()).open()


@pytest.fixture(scope="module")
async def told(anyio_backend: str) -> Told:
    playing = await player()
    script = write_script(seed=7, seconds=SECONDS, rate=usual_rate(SECONDS))
    for cue in script.cues:
        await playing.play(cue)
    return playing.told


@pytest.mark.parametrize(
    ("title", "codes"),
    [
        ("A calm trend", ["NOTIONAL_ABOVE_MAX"]),
        ("Limits fill up", ["GROSS_EXPOSURE_ABOVE_MAX", "POSITION_ABOVE_MAX"]),
        ("Wild prices", ["REGIME_SCALED"]),
        ("The crash", ["REGIME_VETO"]),
        ("The operator halts the fund", ["FUND_HALTED", "REGIME_VETO"]),
        ("Trading again", ["REGIME_VETO"]),
    ],
)
def test_a_chapter_shows_what_it_promises(told: Told, title: str, codes: list[str]) -> None:
    for code in codes:
        assert told.of_chapter(title)[code], code


def test_only_a_halt_says_halted(told: Told) -> None:
    halts = [one.title for one in CHAPTERS if told.of_chapter(one.title)["FUND_HALTED"]]
    assert halts == [one.title for one in CHAPTERS if one.switch is TradingState.HALTED]


@pytest.mark.parametrize("title", ["The crash", "The operator halts the fund"])
def test_while_nothing_opens_a_request_to_close_passes(told: Told, title: str) -> None:
    assert set(told.passed[title]) == {"close"}


def test_every_temper_shows(told: Told) -> None:
    rows = {row.bot: row for row in rows_of(told.book)}
    assert all(row.sent == row.approved + row.reduced + row.denied for row in rows.values())
    assert rows["whale"].reduced
    assert not rows["whale"].approved
    assert rows["Tape Scalper"].approved
    assert told.of_bot("llm_agent")["CONFIDENCE_BELOW_MIN"]
    assert told.of_bot("mean_reverter")["NOT_AN_ORDER"]
    assert set(rows) == set(BOTS)


WRONG = {
    "fat_finger": "NOTIONAL_ABOVE_MAX",
    "repeat": "INTENT_REPEATED",
    "garbage": "INTENT_MALFORMED",
    "stop_on_the_wrong_side": "STOP_LOSS_WRONG_SIDE",
    "reuse_id": "INTENT_ID_REUSED",
    "flood": "RATE_ABOVE_MAX",
    "unknown_coin": "SYMBOL_NOT_ALLOWED",
    "price_of_another_coin": "NOTIONAL_ABOVE_MAX",
    "old_news": "INTENT_STALE",
}


def test_every_misdeed_is_known_here() -> None:
    assert set(WRONG) == {misdeed.__name__ for misdeed in MISDEEDS}


@pytest.mark.parametrize("number", range(len(MISDEEDS)))
async def test_a_misdeed_is_denied_for_what_it_is(number: int) -> None:
    playing, misdeed = await player(), MISDEEDS[number]
    cues = list(misdeed(make_market(7), 0.01, dice(7, "test")))
    codes = [await playing.play(cue) for cue in cues]
    assert WRONG[misdeed.__name__] in codes[-1]
    assert all(found == [] for found in codes[:1] if len(codes) > 1)


@pytest.mark.parametrize("seconds", [5, 20, 60, 200])
def test_the_rogue_does_everything_however_long_the_demo_is(seconds: float) -> None:
    cues = list(rogue_cues(make_market(7), seed=7, seconds=seconds))
    rounds = max(1, round(seconds / 20))
    assert sum(bool(cue.raw) for cue in cues) == rounds
    assert sum(cue.age_s > 0 for cue in cues) == rounds


def test_the_policy_of_the_demo_explains_every_limit() -> None:
    lines = policy_file().read_text().splitlines()
    limits = load_governing(policy_file(), None).first_policy
    stated = {name for _, _, entry in limits.entries() for name in entry.model_fields_set}
    for name in stated:
        places = [i for i, line in enumerate(lines) if line.strip().startswith(f"{name}:")]
        assert places
        assert all(lines[place - 1].strip().startswith("#") for place in places), name
    assert yaml.safe_load(policy_file().read_text())["name"] == "demo"


def test_the_screen_shows_the_limits_of_the_policy() -> None:
    limits = shown_limits()
    assert (limits.position, limits.gross) == (Decimal(4_000), Decimal(16_000))


def test_the_page_about_the_demo_knows_all_of_it() -> None:
    text = (Path(__file__).parents[2] / "docs" / "DEMO.md").read_text("utf-8")
    page = " ".join(text.split())
    wanted = [*BOTS, *(one.title for one in CHAPTERS), *(one.regime for one in CHAPTERS)]
    wanted += [misdeed.__name__.replace("_", " ") for misdeed in MISDEEDS]
    assert [one for one in wanted if one not in page] == []
