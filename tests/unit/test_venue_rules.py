"""The venue's rules on their way: packed, recorded, asked for anew, taken over by a gate."""

import zlib
from base64 import b64encode
from pathlib import Path

import orjson
import pytest

from petrosa_cio.adapters.memory_venue_rules import MemoryVenueRules
from petrosa_cio.errors import Misconfigured, Unavailable, VenueRulesRejected
from petrosa_cio.governance import venue_rules as venue_rules_module
from petrosa_cio.governance.desk import STATE_UPDATED
from petrosa_cio.governance.venue_refresh import (
    Asking,
    Refreshed,
    VenueRefresher,
    public_part,
)
from petrosa_cio.governance.venue_rules import (
    VenueRecorder,
    completed,
    load_venue_rules,
    pack,
    unpack,
)
from petrosa_cio.nurse.venue_feed import VenueFeed
from petrosa_cio.ports import VenueRulesMark
from petrosa_cio.risk.venue import VenueRules
from tests.fakes import FakeAnnouncer, FakeJournal
from tests.loading import ROOT
from tests.venues import NOON, Watch, exchange_info, rules_for, symbol_entry

EXAMPLES = ROOT / "examples" / "venue"
FILES = [EXAMPLES / "futures.json", EXAMPLES / "brackets.json"]
NAMES = [f"COIN{number}USDT" for number in range(10)]


class House:
    """A venue that answers what it is told to, and everything that keeps what it said."""

    def __init__(self, files: VenueRules | None = None) -> None:
        self.clock = Watch()
        self.store = MemoryVenueRules()
        self.journal = FakeJournal([])
        self.announcer = FakeAnnouncer([])
        self.answer: bytes | Exception = exchange_info(*map(symbol_entry, NAMES))
        self.asked = 0
        self.files = files
        self.refresher = self.refresher_of("venue one")
        self.recorder = VenueRecorder(self.journal, fund="main", clock=self.clock)
        self.feed = VenueFeed(files, self.store, self.recorder, clock=self.clock)

    def refresher_of(self, source: str) -> VenueRefresher:
        return VenueRefresher(
            Asking(self.fetch, source, 3600, self.files),
            self.store,
            VenueRecorder(self.journal, fund="main", clock=self.clock),
            self.announcer,
            clock=self.clock,
        )

    async def fetch(self) -> bytes:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def look(self, after_s: float = 0) -> Refreshed:
        self.clock.advance(after_s)
        return await self.refresher.look()

    @property
    def changes(self) -> list[dict[str, str]]:
        return [orjson.loads(record)["change"] for record in self.journal.records]

    async def held(self) -> set[str]:
        document = await self.store.venue_rules_document()
        return set(unpack(document).symbols) if document else set()


def entries(*names: str) -> bytes:
    return exchange_info(*map(symbol_entry, names))


# --- files ----------------------------------------------------------------------------------------


def test_without_files_there_are_no_rules() -> None:
    assert load_venue_rules([]) is None


def test_files_are_read_together() -> None:
    found = load_venue_rules(FILES)
    assert found is not None
    assert len(found.symbols["BTCUSDT"].brackets) == 3


def test_every_problem_of_every_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[]")
    (tmp_path / "b.json").write_bytes(exchange_info({"symbol": "BTCUSDT"}))
    with pytest.raises(Misconfigured) as caught:
        load_venue_rules([tmp_path / name for name in ("a.json", "none.json", "b.json")])
    assert {one.field for one in caught.value.problems} == {"CIO_VENUE_RULES_FILES"}
    assert [one.message.split(":")[0] for one in caught.value.problems] == [
        "none.json cannot be read", "a.json", "b.json", "b.json"
    ]  # fmt: skip


# --- packed ---------------------------------------------------------------------------------------


def test_packed_rules_come_back_whole() -> None:
    rules = load_venue_rules(FILES)
    assert rules is not None
    assert unpack(pack(rules)) == rules


def test_all_symbols_of_a_venue_fit_into_one_record() -> None:
    packed = pack(rules_for(*(f"COIN{number}USDT" for number in range(3_000))))
    assert len(packed) < venue_rules_module.MAX_PACKED_BYTES / 4


def test_too_many_symbols_to_be_recorded_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_rules_module, "MAX_PACKED_BYTES", 100)
    with pytest.raises(VenueRulesRejected, match="2 symbols are too many"):
        pack(rules_for("BTCUSDT", "ETHUSDT"))


@pytest.mark.parametrize(
    "packed",
    [
        b"", b"\xff", b"!", b64encode(b"plain"), b64encode(zlib.compress(b"{}")),
        b64encode(zlib.compress(b"x" * 100)[:-4]),
    ],
)  # fmt: skip
def test_what_is_not_packed_rules_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(packed)


def test_more_than_any_rules_are_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(rules_for("BTCUSDT"))
    monkeypatch.setattr(venue_rules_module, "MAX_FORM_BYTES", 100)
    with pytest.raises(ValueError, match="cut off, or larger than any are"):
        unpack(packed)


def test_files_complete_an_answer_and_never_replace_it() -> None:
    files = load_venue_rules(FILES)
    found = completed(rules_for("BTCUSDT", "SOLUSDT"), files)
    assert set(found.symbols) == {"BTCUSDT", "SOLUSDT", "ETHUSDT", "OLDUSDT"}
    assert found.symbols["BTCUSDT"].min_notional_usd is None
    assert len(found.symbols["BTCUSDT"].brackets) == 3
    assert completed(found, None) is found


# --- recorded -------------------------------------------------------------------------------------


async def test_a_version_is_recorded_once_and_can_be_read_back() -> None:
    house, rules = House(), rules_for("BTCUSDT")
    await house.recorder.record(rules, author="ann")
    await house.recorder.record(rules, author="ann")
    (record,) = map(orjson.loads, house.journal.records)
    assert (record["kind"], record["fund"]) == ("change", "main")
    assert record["decision_id"] == f"venue-main-{rules.content_hash}"
    change = record["change"]
    assert (change["subject"], change["scope"]) == ("venue_rules", rules.content_hash)
    assert unpack(change["value"]) == rules


# --- asked for ------------------------------------------------------------------------------------


async def test_the_first_answer_is_recorded_stored_and_announced() -> None:
    house = House()
    assert await house.look() is Refreshed.CHANGED
    assert await house.held() == set(NAMES)
    mark = await house.store.venue_rules_mark()
    assert mark == VenueRulesMark(house.changes[0]["scope"], "venue one", NOON, 10, 10)
    ((subject, body),) = house.announcer.heard
    assert subject == STATE_UPDATED
    assert orjson.loads(body)["hash"] == mark.content_hash


async def test_it_is_asked_again_when_it_is_time_and_the_same_answer_only_confirms() -> None:
    house = House()
    await house.look()
    assert await house.look(3599) is Refreshed.NOT_DUE
    assert house.asked == 1
    assert await house.look(1) is Refreshed.CONFIRMED
    mark = await house.store.venue_rules_mark()
    assert mark is not None
    assert mark.confirmed_at == house.clock()
    assert (len(house.journal.records), len(house.announcer.heard)) == (1, 1)


async def test_a_change_is_taken_over() -> None:
    house = House()
    await house.look()
    house.answer = entries(*NAMES, "NEWUSDT")
    assert await house.look(3600) is Refreshed.CHANGED
    assert await house.held() == {*NAMES, "NEWUSDT"}
    assert len({change["scope"] for change in house.changes}) == 2


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Unavailable("venue", "away"), Refreshed.UNAVAILABLE),
        (b"<html>", Refreshed.UNREADABLE),
        (b'{"symbols": []}', Refreshed.UNREADABLE),
        (entries(*NAMES[:-1]) + b"]", Refreshed.UNREADABLE),
        (exchange_info(*map(symbol_entry, NAMES), {"symbol": "BADUSDT"}), Refreshed.UNREADABLE),
        (entries(*NAMES[:7]), Refreshed.SHRUNKEN),
        (entries(*NAMES[:8]), Refreshed.CHANGED),
    ],
)
async def test_a_bad_answer_never_replaces_the_good_one(
    answer: bytes | Exception, outcome: Refreshed
) -> None:
    house = House()
    await house.look()
    before = await house.store.venue_rules_mark()
    house.answer = answer
    assert await house.look(3600) is outcome
    assert (await house.store.venue_rules_mark() == before) is (outcome is not Refreshed.CHANGED)
    assert len(house.changes) == (2 if outcome is Refreshed.CHANGED else 1)


async def test_after_a_bad_answer_it_is_asked_again_at_the_next_look() -> None:
    house = House()
    house.answer = b""
    assert await house.look() is Refreshed.UNREADABLE
    house.answer = entries(*NAMES)
    assert await house.look(60) is Refreshed.CHANGED


async def test_what_files_add_does_not_hide_that_an_answer_shrank() -> None:
    house = House(load_venue_rules(FILES))
    await house.look()
    house.answer = entries(*NAMES[:7])
    assert await house.look(3600) is Refreshed.SHRUNKEN


async def test_another_source_begins_anew() -> None:
    house = House()
    await house.look()
    house.refresher, house.answer = house.refresher_of("venue two"), entries("BTCUSDT")
    assert await house.look() is Refreshed.CHANGED
    assert await house.held() == {"BTCUSDT"}


async def test_what_cannot_be_recorded_is_not_stored() -> None:
    house = House()
    house.journal.away = True
    with pytest.raises(Unavailable):
        await house.look()
    assert await house.store.venue_rules_mark() is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://fapi.binance.com/fapi/v1/exchangeInfo", None),
        ("https://u:secret@h:8443/x", "https://h:8443/x"),  # pragma: allowlist secret
    ],
)
def test_of_an_address_no_secret_is_kept(url: str, shown: str | None) -> None:
    assert public_part(url) == (shown or url)
    one, other = (public_part(f"{url}?key={key}") for key in ("secret", "other"))
    assert one != other
    assert "secret" not in one


# --- in a gate ------------------------------------------------------------------------------------


async def test_files_decide_once_they_are_recorded() -> None:
    house = House(rules_for("BTCUSDT"))
    house.journal.away = True
    assert house.feed.rules is None
    with pytest.raises(Unavailable):
        await house.feed.refresh()
    assert house.feed.rules is None
    house.journal.away = False
    await house.feed.refresh()
    await house.feed.refresh()
    assert house.feed.rules is house.files
    assert [change["author"] for change in house.changes] == ["files"]


async def test_what_the_store_holds_goes_before_files() -> None:
    house = House(rules_for("BTCUSDT"))
    await house.feed.refresh()
    await house.look()
    await house.feed.refresh()
    assert house.feed.rules is not None
    assert set(house.feed.rules.symbols) == {*NAMES, "BTCUSDT"}
    mark = await house.store.venue_rules_mark()
    assert mark is not None
    assert house.feed.rules.content_hash == mark.content_hash


async def test_without_a_store_only_files_count() -> None:
    house = House(rules_for("BTCUSDT"))
    await house.look()
    feed = VenueFeed(house.files, None, house.recorder, clock=house.clock)
    await feed.refresh()
    assert feed.rules is house.files


@pytest.mark.parametrize("document", [b"", b"garbage", pack(rules_for("OTHERUSDT")).encode()])
async def test_what_does_not_read_or_is_not_what_it_says_is_never_taken_over(
    document: bytes,
) -> None:
    house = House()
    await house.look()
    await house.feed.refresh()
    good = house.feed.rules
    mark = VenueRulesMark("0" * 64, "venue one", NOON, 1, 1)
    await house.store.set_venue_rules(mark, document)
    await house.feed.refresh()
    assert house.feed.rules is good


async def test_nobody_states_anything() -> None:
    house = House()
    await house.feed.refresh()
    assert house.feed.rules is None
    assert house.changes == []
