"""What each limit did in a span of time, counted from what gates really write."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from petrosa_cio.audit.chain import GENESIS, chained
from petrosa_cio.audit.record import Change, RecordKind, change_record
from petrosa_cio.audit.trace import read_entries
from petrosa_cio.governance.desk import REMEMBERED, charter_change_id, policy_change_id
from petrosa_cio.governance.effectiveness import MOST_NAMES, OTHERS, Bites, Effectiveness
from petrosa_cio.governance.effectiveness_report import (
    COLUMNS,
    fields_of,
    never_bit,
    read_effectiveness,
    report_object,
    row_of,
)
from petrosa_cio.governance.policy_history import PolicyHistory
from petrosa_cio.ports import StoredRecord
from petrosa_cio.risk.policy import Charter, PolicyDocument, canonical_json, document_hash
from petrosa_cio.risk.trading_state import TradingState
from tests.fakes import FakeSearch
from tests.gates import POLICY, House
from tests.records import entries, later_line

YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
FIRST = POLICY | {
    "strategies": {"golden": {"max_order_notional_usd": "100"}, "*": {"max_leverage": 5}},
    "symbols": {"ETHUSDT": {"min_confidence": "0.9"}},
}
CHARTER = Charter.model_validate({"bounds": {"max_leverage": 10, "max_order_notional_usd": 2000}})


@dataclass
class Committee:
    """A house whose changes are recorded too, and what is asked about it."""

    house: House = field(default_factory=lambda: House(charter=CHARTER))
    lines: list[bytes] = field(default_factory=list)

    def note(self, change_id: str, change: Change) -> None:
        at = self.house.now()
        self.house.journal.records.append(change_record(change_id, change, at=at, fund="main"))

    async def open(self) -> "Committee":
        await self.house.open()
        value = canonical_json(CHARTER).decode()
        name = document_hash(CHARTER)
        charter = Change("charter", name, value, "start", "in force at start")
        self.note(charter_change_id("main", name), charter)
        return self

    async def activate(self, policy: dict[str, Any], author: str, reason: str) -> None:
        await self.house.activate(policy)
        active = await self.house.states.active_policy()
        assert active is not None
        change = Change("policy", str(active.revision), active.document.decode(), author, reason)
        self.note(policy_change_id("main", active.revision), change)

    async def decide(self, **fields: object) -> None:
        await self.house.gate().process([self.house.arrive(**fields)])
        await self.house.pass_time(100)

    async def counted(self, since: datetime = YEAR[0], until: datetime = YEAR[1]) -> Effectiveness:
        record = FakeSearch()
        found = read_entries(entries(*([line] for line in self.house.journal.records)))
        await record.append(chained(GENESIS, found.traces))
        counting, last = await read_effectiveness(record, "main", since, until)
        assert last == len(found.traces)
        return counting

    async def rows(self) -> dict[str, dict[str, Any]]:
        """Return the rows by entry, limit and value."""
        rows = [fields_of(one) for one in (await self.counted()).rows()]
        return {f"{one['entry']}.{one['limit']} {one['value']}": one for one in rows}


async def house_of(policy: dict[str, Any] = FIRST) -> Committee:
    committee = await Committee().open()
    await committee.activate(policy, "olga", "a careful beginning")
    return committee


async def test_a_limit_is_told_with_who_set_it_and_why() -> None:
    committee = await house_of()
    row = (await committee.rows())["fund.min_confidence 0.6"]
    assert (row["unit"], row["versions"]) == ("fraction", ["2"])
    assert (row["set_by"], row["reason"]) == ("olga", "a careful beginning")
    assert row["thought"] == "policy-main-2"
    assert row["from_utc"] == committee.house.now()
    assert row["until_utc"] is None


async def test_what_it_was_asked_and_what_it_stopped() -> None:
    committee = await house_of()
    begin = committee.house.now()
    await committee.decide()
    await committee.decide(confidence=0.1)
    await committee.decide(confidence=0.1, strategy_id="other")
    await committee.decide(confidence=0.1, quantity=0.03, strategy_id="other")
    await committee.decide(action="close", confidence=0.1)
    await committee.decide(action="hold")
    rows = await committee.rows()
    row = rows["fund.min_confidence 0.6"]
    assert (row["judged_openings"], row["judged_exits"]) == (4, 0)
    assert (row["denied_openings"], row["denied_exits"], row["denied_alone"]) == (3, 0, 3)
    assert row["strategies_most_hit"] == {"other": 2, "momentum": 1}
    assert row["first_utc"] == begin + timedelta(seconds=100)
    assert row["last_utc"] == begin + timedelta(seconds=300)
    assert not row["never_bit"]
    age = rows["fund.max_intent_age_s 60"]
    assert (age["judged_openings"], age["judged_exits"], age["never_bit"]) == (4, 1, True)


async def test_what_was_cut_down_counts_only_where_it_was_approved() -> None:
    committee = await house_of()
    await committee.decide(quantity=0.03)
    await committee.decide(quantity=0.03, confidence=0.1)
    row = (await committee.rows())["fund.max_order_notional_usd 1000"]
    assert (row["reduced_openings"], row["denied_openings"]) == (1, 0)


async def test_an_entry_is_asked_about_whom_it_is_about() -> None:
    committee = await house_of()
    await committee.decide()
    await committee.decide(strategy_id="golden", quantity=0.001)
    await committee.decide(strategy_id="golden", quantity=0.01)
    await committee.decide(symbol="ETHUSDT", price=2_000, current_price=2_000, stop_loss=1_900)
    rows = await committee.rows()
    judged = {name: row["judged_openings"] for name, row in rows.items()}
    assert judged["fund.max_order_notional_usd 1000"] == 4
    assert judged["strategies.golden.max_order_notional_usd 100"] == 2
    assert judged["strategies.*.max_leverage 5"] == 4
    assert judged["symbols.ETHUSDT.min_confidence 0.9"] == 1
    assert judged["charter.max_order_notional_usd 2000"] == 4
    assert rows["strategies.golden.max_order_notional_usd 100"]["reduced_openings"] == 1
    assert rows["symbols.ETHUSDT.min_confidence 0.9"]["denied_openings"] == 1
    assert rows["fund.max_order_notional_usd 1000"]["never_bit"]
    charter = rows["charter.max_leverage 10"]
    assert (charter["versions"], charter["set_by"]) == ([document_hash(CHARTER)], "start")


async def test_a_specific_entry_replaces_the_default() -> None:
    policy = POLICY | {"strategies": {"*": {"max_leverage": 5}, "golden": {"max_leverage": 3}}}
    committee = await house_of(policy)
    await committee.decide(strategy_id="golden")
    await committee.decide()
    rows = await committee.rows()
    assert rows["strategies.*.max_leverage 5"]["judged_openings"] == 1
    assert rows["strategies.golden.max_leverage 3"]["judged_openings"] == 1


async def test_each_value_has_its_own_row_and_time() -> None:
    committee = await house_of()
    begin = committee.house.now()
    await committee.decide(confidence=0.65)
    tighter = FIRST | {"fund": FIRST["fund"] | {"min_confidence": "0.7"}}
    await committee.activate(tighter, "pavel", "too many losses")
    changed = committee.house.now()
    await committee.decide(confidence=0.65)
    rows = await committee.rows()
    old, new = rows["fund.min_confidence 0.6"], rows["fund.min_confidence 0.7"]
    assert (old["from_utc"], old["until_utc"], old["never_bit"]) == (begin, changed, True)
    assert (new["from_utc"], new["set_by"], new["denied_openings"]) == (changed, "pavel", 1)
    assert new["versions"] == ["3"]
    assert rows["fund.max_intent_age_s 60"]["versions"] == ["2", "3"]
    assert rows["fund.max_intent_age_s 60"]["judged_openings"] == 2
    report = report_object(await committee.counted(), 6)
    assert "fund.min_confidence" not in report["never_bit"]  # type: ignore[operator]
    assert "fund.max_intent_age_s" in report["never_bit"]  # type: ignore[operator]


async def test_an_overlay_counts_until_it_is_over() -> None:
    committee = await house_of()
    ends = committee.house.now() + timedelta(seconds=150)
    overlay = {
        "overlay_id": "storm", "reason": "a storm", "expires_at": ends.isoformat(),
        "fund": {"min_confidence": "0.95"},
    }  # fmt: skip
    document = {"policy": FIRST, "overlays": [overlay]}
    active = await committee.house.states.active_policy()
    assert active is not None
    await committee.house.states.activate(
        orjson.dumps(document), parent=active.revision, tightens=True
    )
    await committee.house.feeds.refresh()
    value = canonical_json(PolicyDocument.model_validate(document)).decode()
    committee.note(policy_change_id("main", 3), Change("policy", "3", value, "ann", "a storm"))
    for _ in range(3):
        await committee.decide()
    row = (await committee.rows())["overlays.storm.fund.min_confidence 0.95"]
    assert (row["judged_openings"], row["denied_openings"]) == (2, 2)
    assert row["until_utc"] == ends


async def test_reasons_without_a_limit_and_switches_are_told() -> None:
    committee = await house_of()
    await committee.house.switch(TradingState.HALTED)
    committee.note("h1", Change("trading_state", "fund", "halted", "ann", "odd prices"))
    committee.note("h2", Change("trading_state", "fund", "halted", REMEMBERED, REMEMBERED))
    committee.note("r1", Change("regime", "BTCUSDT", "{}", "ta-bot", "observed"))
    await committee.house.pass_time(1)
    await committee.decide()
    committee.house.journal.records.append(later_line("d9", RecordKind.UNDELIVERED))
    found = await committee.counted()
    assert found.by_code["FUND_HALTED"].denied == {"openings": 1}
    assert found.befell == {"undelivered": 1}
    assert [one for one in found.rows() if one.bites.total] == []
    told = [(one.subject, one.author, one.reason) for one in found.history.changes]
    assert told == [
        ("charter", "start", "in force at start"),
        ("policy", "olga", "a careful beginning"),
        ("trading_state", "ann", "odd prices"),
    ]


async def test_a_year_holds_what_was_decided_in_it() -> None:
    committee = await house_of()
    await committee.decide()
    await committee.decide(confidence=0.1)
    second = committee.house.now() - timedelta(seconds=100)
    found = await committee.counted(second, YEAR[1])
    assert found.decisions == {("openings", "deny"): 1}
    assert (await committee.counted(YEAR[0], second)).decisions == {("openings", "approve"): 1}
    before = await committee.counted(YEAR[0] - timedelta(days=365), YEAR[0])
    assert (before.rows(), before.decisions) == ([], {})


async def test_what_was_observed_only_is_said() -> None:
    committee = await house_of()
    gate = committee.house.gate(enforces=False)
    await gate.process([committee.house.arrive()])
    assert (await committee.counted()).observed == 1


async def test_a_policy_that_is_in_no_record_is_named_so() -> None:
    committee = await Committee().open()
    await committee.decide(confidence=0.1)
    rows = await committee.rows()
    row = rows["fund.min_confidence not in the record"]
    assert (row["denied_openings"], row["set_by"], row["versions"]) == (1, None, [])


async def test_what_is_only_remembered_stands_until_its_own_change_is_found() -> None:
    committee = await Committee().open()
    active = await committee.house.states.active_policy()
    assert active is not None
    value = active.document.decode()
    committee.note("u1", Change("policy", "1", value, REMEMBERED, REMEMBERED))
    assert (await committee.rows())["fund.min_confidence 0.6"]["set_by"] == REMEMBERED
    committee.note("policy-main-1", Change("policy", "1", value, "start", "in force at start"))
    committee.note("u2", Change("policy", "1", value, REMEMBERED, REMEMBERED))
    row = (await committee.rows())["fund.min_confidence 0.6"]
    assert (row["set_by"], row["thought"]) == ("start", "policy-main-1")


async def test_a_document_that_does_not_read_is_passed_over() -> None:
    committee = await house_of()
    committee.note("policy-main-3", Change("policy", "3", '{"policy": {"odd": 1}}', "ann", "odd"))
    row = (await committee.rows())["fund.min_confidence 0.6"]
    assert (row["versions"], row["until_utc"]) == (["2"], committee.house.now())


async def test_what_can_stop_nothing_is_not_said_to_have_stopped_nothing() -> None:
    policy = FIRST | {"fund": FIRST["fund"] | {"unsized_order_usd": "100"}}
    committee = await house_of(policy)
    await committee.decide(quantity=None, price=None, current_price=None)
    found = await committee.counted()
    for limit in ("on_order_above_max", "unsized_order_usd"):
        assert f"fund.{limit}" not in never_bit(found.rows())
        (row,) = [one for one in found.rows() if one.limit == limit]
        assert (fields_of(row)["never_bit"], row.bites.total) == (None, 0)
    assert found.by_code["SIZE_UNKNOWN"].denied == {"openings": 1}


async def test_a_default_is_told_by_its_value() -> None:
    committee = await house_of()
    future = committee.house.now() + timedelta(seconds=60)
    await committee.decide(timestamp=future.isoformat())
    row = (await committee.rows())["built in.max_clock_skew_s 5"]
    assert (row["denied_openings"], row["judged_openings"], row["set_by"]) == (1, None, None)


async def test_odd_reasons_are_passed_over() -> None:
    committee = await house_of()
    await committee.decide(confidence=0.1)
    line = orjson.loads(committee.house.journal.records[-1])
    line["verdict"]["reasons"] += [["NEW_CODE", "deny"], []]
    found = StoredRecord(
        1, "", "", "verdict", committee.house.now(), committee.house.now(), verdict="deny",
        action="buy", policy_revision=2, record=orjson.dumps(line).decode(),
    )  # fmt: skip
    counting = Effectiveness(PolicyHistory("main"), *YEAR)
    counting.add(found)
    assert list(counting.by_code) == ["CONFIDENCE_BELOW_MIN"]
    assert counting.by_code["CONFIDENCE_BELOW_MIN"].strategies == {"(not stated)": 1}


def test_very_many_names_are_counted_together() -> None:
    bites = Bites()
    for number in range(MOST_NAMES + 5):
        found = StoredRecord(1, "", "", "verdict", YEAR[0], YEAR[0], strategy=f"bot-{number}")
        bites.add(found, "openings", denies=True, alone=True)
    assert len(bites.strategies) == MOST_NAMES + 1
    assert bites.strategies[OTHERS] == 5


async def test_a_row_is_text_in_every_column() -> None:
    committee = await house_of()
    await committee.decide(confidence=0.1)
    found = await committee.counted()
    (row,) = [one for one in found.rows() if (one.entry, one.limit) == ("fund", "min_confidence")]
    cells = dict(zip(COLUMNS, row_of(row), strict=True))
    assert (cells["value"], cells["versions"], cells["until_utc"]) == ("0.6", "2", "")
    assert (cells["strategies_most_hit"], cells["never_bit"]) == ("momentum 1", "no")
    assert cells["about"] == "Lowest confidence of an opening."
    assert "fund.min_confidence" not in never_bit(found.rows())
