"""Whatever the seed, the length and the rate: a demo's script repeats itself, and can be played."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from petrosa_cio.demo.bots import TEMPERS
from petrosa_cio.demo.chance import dice
from petrosa_cio.demo.intents import Cue
from petrosa_cio.demo.market import SYMBOLS, TICKS, make_market
from petrosa_cio.demo.rogue import ROGUE
from petrosa_cio.demo.script import BOTS, Script, write_script
from petrosa_cio.demo.story import CHAPTERS, chapter_at
from petrosa_cio.risk.intent import Action, Intent
from petrosa_cio.risk.parse import Malformed, parse_intent
from tests.gates import House

FEW = settings(max_examples=15)
SEEDS = st.integers(0, 2**63)
NOW = House().now()
LATEST = 1.05
"""What follows up on a message near the end may come a little after it."""


def of(script: Script, bot: str) -> list[Cue]:
    return [cue for cue in script.cues if cue.bot == bot]


@FEW
@given(SEEDS, st.floats(5, 40), st.floats(1, 40))
def test_the_same_seed_gives_the_same_script(seed: int, seconds: float, rate: float) -> None:
    scripts = [write_script(seed=seed, seconds=seconds, rate=rate) for _ in range(2)]
    assert scripts[0] == scripts[1]


@FEW
@given(SEEDS, SEEDS)
def test_another_seed_gives_another_one(one: int, other: int) -> None:
    markets = [make_market(seed) for seed in (one, other)]
    scripts = [write_script(seed=seed, seconds=10, rate=8) for seed in (one, other)]
    assert (markets[0] == markets[1]) is (one == other)
    for bot in BOTS:
        assert (of(scripts[0], bot) == of(scripts[1], bot)) is (one == other)


@FEW
@given(SEEDS, st.floats(5, 40), st.floats(5, 40))
def test_a_market_does_not_depend_on_the_length(seed: int, one: float, other: float) -> None:
    scripts = [write_script(seed=seed, seconds=seconds, rate=5) for seconds in (one, other)]
    assert scripts[0].market == scripts[1].market


@FEW
@given(SEEDS, st.floats(5, 40), st.floats(1, 40))
def test_everybody_speaks_in_order_and_in_time(seed: int, seconds: float, rate: float) -> None:
    script = write_script(seed=seed, seconds=seconds, rate=rate)
    moments = [cue.at for cue in script.cues]
    assert moments == sorted(moments)
    assert moments[0] >= 0
    assert moments[-1] <= LATEST
    assert {cue.bot for cue in script.cues} == set(BOTS)


@FEW
@given(SEEDS)
def test_what_the_bots_say_is_understood(seed: int) -> None:
    for cue in write_script(seed=seed, seconds=20, rate=10).cues:
        found = parse_intent(cue.body(NOW))
        if cue.raw:
            assert cue.bot == ROGUE
            assert isinstance(found, Malformed)
            continue
        assert isinstance(found, Intent)
        assert (found.strategy, found.symbol, found.action) == (cue.bot, cue.symbol, cue.action)
        assert cue.subject.rpartition(".")[2] == found.token


@FEW
@given(SEEDS)
def test_well_meant_openings_are_protected_on_the_losing_side(seed: int) -> None:
    for cue in write_script(seed=seed, seconds=20, rate=10).cues:
        found = parse_intent(cue.body(NOW))
        if cue.bot == ROGUE or not isinstance(found, Intent) or found.direction is None:
            continue
        assert found.current_price is not None
        assert found.stop_loss is not None
        is_below = found.stop_loss < found.current_price
        assert is_below is (found.action is Action.BUY)


@FEW
@given(SEEDS)
def test_prices_are_prices_and_the_crash_is_one(seed: int) -> None:
    market = make_market(seed)
    crash = next(number for number, one in enumerate(CHAPTERS) if one.title == "The crash")
    begins, ends = CHAPTERS[crash].begins, CHAPTERS[crash + 1].begins
    for symbol in SYMBOLS:
        path = market.paths[symbol]
        assert len(path) == TICKS
        assert all(price > 0 for price in path)
        assert market.price(symbol, ends) < market.price(symbol, begins)


@given(st.floats(-1, 2))
def test_every_moment_has_one_chapter(share: float) -> None:
    chapter = chapter_at(share)
    assert chapter is CHAPTERS[0] or chapter.begins <= share
    assert all(one.begins > share for one in CHAPTERS[CHAPTERS.index(chapter) + 1 :])


@given(SEEDS, st.text(max_size=8), st.text(max_size=8))
def test_chance_is_apart_for_every_purpose(seed: int, one: str, other: str) -> None:
    drawn = [dice(seed, "bot", purpose).getrandbits(128) for purpose in (one, other)]
    assert (drawn[0] == drawn[1]) is (one == other)


def test_the_bots_share_the_rate_among_them() -> None:
    assert round(sum(temper.part for temper in TEMPERS), 9) == 1


def test_a_message_says_when_it_was_made() -> None:
    cue = Cue(0, "bot", "intent.bot", {"strategy_id": "bot"}, age_s=30)
    made = orjson.loads(cue.body(NOW))["timestamp"]
    assert (NOW - type(NOW).fromisoformat(made)).total_seconds() == 30
