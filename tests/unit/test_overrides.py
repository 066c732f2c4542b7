"""How limits are lifted for one order, and how they are not."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from msgspec.structs import replace as changed

from petrosa_cio.audit.recorded import read_recorded
from petrosa_cio.errors import (
    CioError,
    Misconfigured,
    NotAllowed,
    OverrideRejected,
    Problem,
    ThoughtRejected,
    Unavailable,
)
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.authority import Stage
from petrosa_cio.governance.overrides import Overrides
from petrosa_cio.governance.proposals import proposal_id_of
from petrosa_cio.governance.signed_overrides import Untrusted, signed_override, trusted_override
from petrosa_cio.governance.signing import statement_of
from petrosa_cio.nurse.recollection import Recollection
from petrosa_cio.risk.explain import explain
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.overrides import (
    LIFTS,
    WHY_NOT,
    Override,
    order_fingerprint,
    override_problem,
)
from petrosa_cio.risk.parse import parse_intent
from petrosa_cio.risk.policy import PolicyDocument
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.trading_state import TradingState
from tests.gates import intent
from tests.governing import ANN, BOB, BOT, EVE, NOON, OLE, THOUGHT
from tests.overriding import LARGE, POLICY, TOO_LARGE, Desk
from tests.past import what_if
from tests.policies import SIGNER, STRANGER, revision, trusting
from tests.unit.test_replay import are_equal, changes_of

OVERRIDE = Override(
    "f" * 64, "e" * 32, TOO_LARGE, NOON, NOON + timedelta(minutes=10), "ann", ("bob",)
)


@pytest.fixture
async def desk() -> Desk:
    return await Desk().open()


# --- which reasons, which order -------------------------------------------------------------------


def test_of_every_reason_it_is_said_whether_it_can_be_lifted() -> None:
    assert {*LIFTS} | {*WHY_NOT} == {*ReasonCode}
    assert not {*LIFTS} & {*WHY_NOT}


def read(**fields: object) -> Intent:
    found = parse_intent(intent(**fields))
    assert isinstance(found, Intent)
    return found


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": 0.011}, {"quantity": 0.009}, {"price": 50_001}, {"current_price": 50_001},
        {"action": "sell"}, {"symbol": "ETHUSDT"}, {"strategy_id": "momentum_2"},
        {"stop_loss": 48_999}, {"take_profit": 52_000}, {"order_type": "limit"},
        {"leverage": 5}, {"confidence": 0.81}, {"time_in_force": "IOC"}, {"stop_loss": None},
        {"quote_quantity": 500}, {"position_size_pct": 0.01}, {"timeframe": "5m"},
    ],
    ids=str,
)  # fmt: skip
def test_what_differs_in_anything_is_another_order(fields: dict[str, object]) -> None:
    assert order_fingerprint(read(**fields)) != order_fingerprint(read())


@pytest.mark.parametrize(
    "fields",
    [{"intent_id": "other"}, {"timestamp": "2026-11-23T12:00:00Z"},
     {"metadata": {"note": "again"}}],
    ids=str,
)  # fmt: skip
def test_the_same_order_may_have_another_id_and_time(fields: dict[str, object]) -> None:
    assert order_fingerprint(read(**fields)) == order_fingerprint(read())


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (OVERRIDE, None),
        (changed(OVERRIDE, lifts=()), "it lifts nothing"),
        (changed(OVERRIDE, lifts=(ReasonCode.FUND_HALTED,)), "nobody may lift FUND_HALTED"),
        (changed(OVERRIDE, expires_at=NOON + timedelta(minutes=61)), "longer than an hour"),
    ],
)
def test_what_no_signature_makes_an_override(override: Override, problem: str | None) -> None:
    found = override_problem(override)
    assert found is None if problem is None else problem in str(found)


def test_a_number_is_the_same_however_it_is_written() -> None:
    written = intent().replace(b'"quantity":0.01,', b'"quantity":1.000e-2,')
    found = parse_intent(written)
    assert isinstance(found, Intent)
    assert written != intent()
    assert order_fingerprint(found) == order_fingerprint(read())


# --- the way of an override -----------------------------------------------------------------------


async def test_an_order_that_was_denied_passes_whole_and_once(desk: Desk) -> None:
    found = await desk.approved()
    assert (found.stage, found.standing.behind) == (Stage.APPROVED, ("ann", "bob"))
    first = await desk.sends(quantity=LARGE)
    assert (desk.last["kind"], desk.last["quantity"]) == ("approve", "0.1")
    assert desk.last["override_id"] == found.proposal.proposal_id
    assert [reason[0] for reason in desk.last["lifted"]] == [*TOO_LARGE]
    await desk.sends(quantity=LARGE)
    assert desk.house.codes() == ["NOTIONAL_ABOVE_MAX", "OVERRIDE_USED"]
    await desk.house.feeds.refresh()
    await desk.sends(quantity=LARGE)
    assert desk.house.codes() == ["NOTIONAL_ABOVE_MAX"]
    assert [one.decision_id for one in desk.house.signals.sent] == [first]
    again = await desk.overrides.look_up(found.proposal.proposal_id)
    assert again.used_by == first
    subjects = [one.subject for one in desk.recorded]
    assert subjects == ["override_proposal", "override_step", "override"]
    signed = trusted_override(desk.recorded[-1].signed.encode(), trusting())
    assert signed.override_id == found.proposal.proposal_id


async def test_the_signal_says_what_was_lifted(desk: Desk) -> None:
    found = await desk.approved()
    await desk.sends(quantity=LARGE)
    (signal,) = desk.house.signals_sent
    justification = signal["metadata"]["cio_justification"]
    assert found.proposal.proposal_id in justification
    assert "NOTIONAL_ABOVE_MAX" in justification


@pytest.mark.parametrize("quantity", [0.05, 0.0999, 0.1001, 0.2])
async def test_neither_a_slice_nor_more_passes(desk: Desk, quantity: float) -> None:
    await desk.approved()
    await desk.sends(quantity=quantity)
    assert desk.house.codes() == ["NOTIONAL_ABOVE_MAX"]
    assert len(await desk.house.states.overrides()) == 1


async def test_what_is_over_does_not_count(desk: Desk) -> None:
    await desk.approved()
    await desk.house.pass_time(600)
    await desk.sends(quantity=LARGE)
    assert desk.house.codes() == ["NOTIONAL_ABOVE_MAX"]


async def test_an_order_that_is_denied_for_more_uses_nothing(desk: Desk) -> None:
    await desk.approved()
    await desk.house.switch(TradingState.HALTED)
    await desk.house.feeds.refresh()
    await desk.sends(quantity=LARGE)
    assert desk.house.codes() == ["FUND_HALTED"]
    await desk.house.switch(TradingState.ACTIVE)
    await desk.house.feeds.refresh()
    await desk.sends(quantity=LARGE)
    assert desk.last["kind"] == "approve"


async def test_an_approval_that_is_withdrawn_has_used_it_all_the_same(desk: Desk) -> None:
    await desk.approved()

    async def halt() -> None:
        desk.house.journal.before = desk.house.feeds.refresh
        await desk.house.switch(TradingState.HALTED)

    desk.house.journal.before = halt
    await desk.sends(quantity=LARGE)
    assert ("withdrawal", "FUND_HALTED") in desk.house.kinds()
    await desk.house.switch(TradingState.ACTIVE)
    await desk.house.feeds.refresh()
    await desk.sends(quantity=LARGE)
    assert desk.house.codes() == ["NOTIONAL_ABOVE_MAX"]


async def test_in_observe_mode_nothing_is_used(desk: Desk) -> None:
    await desk.approved()
    await desk.house.gate(enforces=False).process([desk.house.arrive(quantity=LARGE)])
    assert desk.last["kind"] == "approve"
    assert len(await desk.house.states.overrides()) == 1


async def test_a_lifted_rate_does_not_make_an_order_part_of_a_flood(desk: Desk) -> None:
    limited = POLICY | {"fund": POLICY["fund"] | {"max_intents_per_minute": 1}}
    await desk.house.activate(limited)
    for number in range(4):
        await desk.sends(quantity=0.01 + number / 1000)
    found = await desk.proposed(lifts=(ReasonCode.RATE_ABOVE_MAX,), quantity=0.005)
    await desk.overrides.approve(BOB, found.proposal.proposal_id, reason="I looked")
    await desk.house.feeds.refresh()
    await desk.sends(quantity=0.006)
    assert desk.house.codes() == ["RATE_ABOVE_MAX"]
    await desk.sends(quantity=0.005)
    assert desk.last["kind"] == "approve"
    assert [reason[0] for reason in desk.last["lifted"]] == ["RATE_ABOVE_MAX"]


# --- what is recorded -----------------------------------------------------------------------------


async def test_every_verdict_is_decided_again_to_the_same_bytes(desk: Desk) -> None:
    await desk.approved()
    for _ in range(2):
        await desk.sends(quantity=LARGE)
    await desk.house.feeds.refresh()
    await desk.sends(quantity=LARGE)
    assert await are_equal(desk.house) == 4
    overrides = [
        one["decision"]["override"] for one in desk.house.records if one["kind"] == "verdict"
    ]
    assert [one and one["author"] for one in overrides] == [None, "ann", "ann", None]


async def test_a_redelivery_repeats_the_same_bytes(desk: Desk) -> None:
    await desk.approved()
    arrival = desk.house.arrive(quantity=LARGE)

    async def fail_once() -> None:
        desk.house.journal.before = desk.house.feeds.refresh
        await desk.house.feeds.refresh()
        await desk.house.gate("gate-2").process([arrival])

    desk.house.journal.before = fail_once
    await desk.house.gate().process([arrival])
    verdicts = [one for one in desk.house.records if one["decision_id"] == arrival.decision_id]
    for one in verdicts:
        del one["replica"]
    assert len(verdicts) > 1
    assert all(one == verdicts[0] for one in verdicts)
    assert len(desk.house.signals.sent) == 1
    assert await are_equal(desk.house) >= 3


@pytest.mark.parametrize("limit", ["1000", "10"])
async def test_under_another_policy_an_override_counts_as_it_did(desk: Desk, limit: str) -> None:
    await desk.approved()
    for _ in range(2):
        await desk.sends(quantity=LARGE)
    house, again = desk.house, {}  # type: ignore[var-annotated]
    tightened = POLICY | {"fund": POLICY["fund"] | {"max_order_notional_usd": limit}}
    candidate = PolicyDocument.model_validate({"policy": tightened})
    lines = [*changes_of(house), *house.journal.records]
    found = await what_if(lines, candidate, each=again)
    assert (found.decided, [*found.flips]) == (3, [])
    kinds = [kind for kind, _, _ in again.values()]
    assert kinds == ["deny", "approve", "deny"]


async def test_what_an_override_lifted_is_explained(desk: Desk) -> None:
    found = await desk.approved()
    await desk.sends(quantity=LARGE)
    recorded = read_recorded(desk.house.records[-1])
    told = explain(recorded.intent, recorded.verdict, recorded.override)
    short = found.proposal.proposal_id[:12]
    (lifted,) = told.lifted
    assert lifted.startswith(
        f"NOTIONAL_ABOVE_MAX, lifted by override {short} of ann, approved by bob: "
    )
    assert "it is within every limit that was not lifted" in told.decided


async def test_an_override_that_lifted_nothing_says_so(desk: Desk) -> None:
    await desk.approved()
    await desk.house.activate(POLICY | {"fund": {"max_intent_age_s": 60}})
    await desk.sends(quantity=LARGE)
    recorded = read_recorded(desk.house.records[-1])
    (lifted,) = explain(recorded.intent, recorded.verdict, recorded.override).lifted
    assert lifted.endswith("counted for it; it lifted nothing.")


async def test_a_rebuilt_ledger_knows_what_was_used(desk: Desk) -> None:
    found = await desk.approved()
    used_by = await desk.sends(quantity=LARGE)
    await desk.sends(quantity=LARGE)
    recollection = Recollection(fund="main", now_ms=desk.house.clock())
    for one in desk.house.records:
        recollection.take(one)
    used = {
        one.decision_id: one.override_id for one in recollection.remembered() if one.override_id
    }
    assert used == {used_by: found.proposal.proposal_id}


# --- who ------------------------------------------------------------------------------------------


async def test_nobody_approves_an_override_of_their_own(desk: Desk) -> None:
    found = await desk.proposed()
    name = found.proposal.proposal_id
    for own in (ANN, Actor("ANN", Role.ADMIN), Actor("ann ", Role.RISK_OFFICER)):
        with pytest.raises(NotAllowed, match="of their own"):
            await desk.overrides.approve(own, name, reason="mine")
    assert [who for who, _ in desk.refused] == ["ann", "ANN", "ann "]
    assert await desk.house.states.overrides() == {}


@pytest.mark.parametrize("who", [BOT, EVE, OLE])
async def test_agents_viewers_and_operators_approve_nothing(desk: Desk, who: Actor) -> None:
    found = await desk.proposed()
    with pytest.raises(NotAllowed, match="may not approve"):
        await desk.overrides.approve(who, found.proposal.proposal_id, reason="fine")
    assert len(desk.refused) == 1
    assert await desk.house.states.overrides() == {}


async def test_what_an_agent_wants_takes_two_people(desk: Desk) -> None:
    name = (await desk.proposed(BOT)).proposal.proposal_id
    first = await desk.overrides.approve(ANN, name, reason="looks well")
    assert (first.stage, await desk.house.states.overrides()) == (Stage.OPEN, {})
    with pytest.raises(NotAllowed, match="approved it before"):
        await desk.overrides.approve(ANN, name, reason="once more")
    second = await desk.overrides.approve(BOB, name, reason="to me too")
    assert (second.stage, second.standing.behind) == (Stage.APPROVED, ("ann", "bob"))
    assert [*await desk.house.states.overrides()] == [name]


async def test_a_viewer_proposes_nothing(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        await desk.proposed(EVE)
    assert len(desk.refused) == 1


async def test_what_is_rejected_or_over_is_not_approved(desk: Desk) -> None:
    rejected = (await desk.proposed()).proposal.proposal_id
    assert (await desk.overrides.reject(BOB, rejected, reason="no")).stage is Stage.REJECTED
    with pytest.raises(NotAllowed, match="rejected"):
        await desk.overrides.approve(BOB, rejected, reason="yes")
    over = (await desk.proposed(quantity=0.15)).proposal.proposal_id
    await desk.house.pass_time(600)
    with pytest.raises(NotAllowed, match="expired"):
        await desk.overrides.approve(BOB, over, reason="yes")
    assert {one.stage for one in await desk.overrides.listed()} == {Stage.REJECTED, Stage.EXPIRED}
    assert await desk.house.states.overrides() == {}


async def test_its_author_withdraws_it_but_not_once_it_counts(desk: Desk) -> None:
    name = (await desk.proposed()).proposal.proposal_id
    with pytest.raises(NotAllowed, match="may not approve or reject"):
        await desk.overrides.reject(OLE, name, reason="no")
    assert (await desk.overrides.reject(ANN, name, reason="never mind")).stage is Stage.REJECTED
    counts = (await desk.approved(quantity=0.15)).proposal.proposal_id
    with pytest.raises(NotAllowed, match="approved, and cannot be rejected"):
        await desk.overrides.reject(ANN, counts, reason="too late")


async def test_an_approval_is_not_replayed_once_it_was_used(desk: Desk) -> None:
    name = (await desk.approved()).proposal.proposal_id
    used_by = await desk.sends(quantity=LARGE)
    with pytest.raises(NotAllowed, match=f"used by decision {used_by}"):
        await desk.overrides.approve(BOB, name, reason="again")
    assert await desk.house.states.overrides() == {}
    assert [one.subject for one in desk.recorded][-2:] == ["override", "refused"]


async def test_what_was_changed_after_it_was_made_is_nobodys(desk: Desk) -> None:
    found = await desk.proposed()
    name = found.proposal.proposal_id
    larger = found.wanted.document.replace('"0.1"', '"0.2"')
    desk.proposals._proposals[name] = replace(found.proposal, document=larger)
    with pytest.raises(NotAllowed, match="changed after it was made"):
        await desk.overrides.approve(BOB, name, reason="fine")
    assert len(desk.refused) == 1


async def test_what_shows_another_order_than_it_names_is_not_approved(desk: Desk) -> None:
    found = await desk.proposed()
    other = order_fingerprint(read(quantity=5))
    document = replace(found.wanted, order=other).document
    unnamed = replace(found.proposal, document=document)
    forged = replace(unnamed, proposal_id=proposal_id_of(unnamed))
    await desk.proposals.propose(forged)
    with pytest.raises(OverrideRejected, match="another order"):
        await desk.overrides.approve(BOB, forged.proposal_id, reason="fine")


# --- what for -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "lifts", "problem"),
    [
        ({"quantity": LARGE}, (ReasonCode.FUND_HALTED,), "nobody may lift FUND_HALTED"),
        ({"quantity": LARGE}, (ReasonCode.RATE_ABOVE_MAX,), "not denied for RATE_ABOVE_MAX"),
        ({"quantity": LARGE}, (), "names no reason"),
        ({"quantity": 0.001}, TOO_LARGE, "its verdict is approve"),
        ({"action": "close", "quantity": -1}, TOO_LARGE, "only an opening"),
        ({"symbol": None}, TOO_LARGE, "not denied for"),
    ],
    ids=str,
)
async def test_what_cannot_be_asked_for(
    desk: Desk, fields: dict[str, object], lifts: tuple[ReasonCode, ...], problem: str
) -> None:
    denied = await desk.sends(**fields)
    with pytest.raises(OverrideRejected, match=problem):
        await desk.overrides.propose(ANN, denied, lifts=lifts, thought=THOUGHT)
    assert len(desk.refused) == 1
    assert await desk.overrides.listed() == []


async def test_whoever_asks_names_one_denial_says_why_and_for_minutes(desk: Desk) -> None:
    denied = await desk.sends(quantity=LARGE, intent_id="i-1")
    await desk.sends(quantity=LARGE, intent_id="i-1")

    async def refused(called: str, thought: str = THOUGHT, minutes: float = 10) -> CioError:
        with pytest.raises(CioError) as raised:
            await desk.overrides.propose(
                ANN, called, lifts=TOO_LARGE, thought=thought, lasts=timedelta(minutes=minutes)
            )
        return raised.value

    assert "more than one" in str(await refused("i-1"))
    assert "no verdict" in str(await refused("nothing"))
    assert isinstance(await refused(denied, thought="because"), ThoughtRejected)
    for minutes in (0.5, 61):
        assert "from a minute to an hour" in str(await refused(denied, minutes=minutes))
    assert len(desk.refused) == 5


async def test_an_override_is_called_by_its_name(desk: Desk) -> None:
    name = (await desk.proposed()).proposal.proposal_id
    assert (await desk.overrides.look_up(name[:8])).wanted.lifts == TOO_LARGE
    for called, problem in ((name[:7], "at least 8"), ("0" * 9 + "x", "no override")):
        with pytest.raises(NotAllowed, match=problem):
            await desk.overrides.look_up(called)


# --- what fails on the way ------------------------------------------------------------------------


async def test_what_is_not_recorded_does_not_count_until_it_is(desk: Desk) -> None:
    name = (await desk.proposed()).proposal.proposal_id
    desk.trouble = "NATS is away"
    with pytest.raises(Unavailable, match="does not count yet"):
        await desk.overrides.approve(BOB, name, reason="I looked")
    assert await desk.house.states.overrides() == {}
    desk.trouble = None
    assert (await desk.overrides.approve(BOB, name, reason="I looked")).stage is Stage.APPROVED
    assert [*await desk.house.states.overrides()] == [name]


async def test_without_a_key_no_step_is_taken(desk: Desk) -> None:
    def no_key(override: Override) -> bytes:
        raise Misconfigured([Problem("CIO_POLICY_KEY_FILE", "there is none", "Name it.")])

    keyless = Overrides(
        desk.proposals, desk.house.states, desk, desk.tell, sign=no_key, fund="main",
        clock=desk.house.now,
    )  # fmt: skip
    name = (await desk.proposed()).proposal.proposal_id
    with pytest.raises(Misconfigured):
        await keyless.approve(BOB, name, reason="I looked")
    assert (await desk.overrides.look_up(name)).steps == ()


# --- signatures -----------------------------------------------------------------------------------


def test_what_a_trusted_key_signed_is_read_back() -> None:
    assert trusted_override(signed_override(OVERRIDE, "main", SIGNER), trusting()) == OVERRIDE


def forgeries() -> dict[str, bytes]:
    signed = signed_override(OVERRIDE, "main", SIGNER)
    said = orjson.loads(signed)
    policy = statement_of(revision(1))
    return {
        "is signed with the key": signed_override(OVERRIDE, "main", STRANGER),
        "its signature is wrong": orjson.dumps(said | {"order": "0" * 32}),
        "for the fund other": signed_override(OVERRIDE, "other", SIGNER),
        "nobody may lift": signed_override(
            changed(OVERRIDE, lifts=(ReasonCode.FUND_HALTED,)), "main", SIGNER
        ),
        "longer than an hour": signed_override(
            changed(OVERRIDE, expires_at=NOON + timedelta(hours=2)), "main", SIGNER
        ),
        "does not read": b"{}",
        "does not read as": b"\xff",
        "signature is wrong": orjson.dumps(said | {"signature": SIGNER.sign(policy)}),
        "not read": orjson.dumps(said | {"lifts": "NOTIONAL_ABOVE_MAX"}),
        "not read as": orjson.dumps(said | {"lifts": ["EVERYTHING"]}),
        "not read as a": orjson.dumps(said | {"expires_at": "2026-11-23T12:10:00"}),
    }


@pytest.mark.parametrize("problem", forgeries())
async def test_a_forgery_lifts_nothing_and_is_counted(desk: Desk, problem: str) -> None:
    document = forgeries()[problem]
    with pytest.raises(Untrusted, match=problem):
        trusted_override(document, trusting())
    await desk.house.states.put_override(OVERRIDE.override_id, document)
    await desk.house.feeds.refresh()
    await desk.house.feeds.refresh()
    assert desk.house.feeds.snapshot().overrides == {}
    assert desk.house.overrides_refused == 1


async def test_a_signed_override_under_anothers_name_lifts_nothing(desk: Desk) -> None:
    await desk.house.states.put_override("0" * 64, signed_override(OVERRIDE, "main", SIGNER))
    await desk.house.feeds.refresh()
    assert desk.house.feeds.snapshot().overrides == {}
    assert desk.house.overrides_refused == 1


async def test_of_two_for_one_order_the_one_that_ends_first_counts(desk: Desk) -> None:
    later = changed(OVERRIDE, override_id="a" * 64, expires_at=NOON + timedelta(minutes=11))
    for one in (later, OVERRIDE):
        await desk.house.states.put_override(one.override_id, signed_override(one, "main", SIGNER))
    await desk.house.feeds.refresh()
    assert desk.house.feeds.snapshot().overrides == {OVERRIDE.order: OVERRIDE}
