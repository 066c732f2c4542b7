"""The commands that change the policy, beside real servers: who may, and what attempts leave."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from petrosa_cio.adapters.mongo_connection import connect_mongo, open_mongo
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.errors import CioError, Misconfigured, NotAllowed, RevisionConflict
from petrosa_cio.risk.policy import PolicyDocument
from petrosa_cio.risk.trading_state import TradingState
from petrosa_cio.settings import load_settings
from tests.commands import cio
from tests.gates import POLICY, House
from tests.governing import THOUGHT
from tests.integration.governing_office import LIMIT, Office, office, records
from tests.policies import TRUSTING, govern
from tests.records import keep
from tests.replaying import charter_change, policy_change

pytestmark = pytest.mark.integration
__all__ = ["office"]


async def test_a_loosening_takes_two_people_and_a_tightening_none(office: Office) -> None:
    assert (await office.propose("bot", 900))["in_force"] == 2
    assert await office.limit_in_force() == 900
    waiting = await office.propose("ann", 1500)
    assert (waiting["in_force"], waiting["change"]) == (None, "looser")
    assert [one["path"] for one in waiting["fields"]] == [LIMIT]
    called = waiting["proposal"]
    reason = ("--reason", "volume is back")
    for who in ("ann", "bot"):
        with pytest.raises(NotAllowed):
            await office.cio("policy", "approve", called, *reason, "--yes", who=who)
    with pytest.raises(NotAllowed):
        await office.cio("policy", "activate", called, who="ann")
    approved = await office.said("policy", "approve", called, *reason, who="bob")
    assert (approved["stage"], approved["behind"]) == ("approved", ["ann", "bob"])
    assert await office.limit_in_force() == 900
    assert (await office.said("policy", "activate", called, who="ann"))["in_force"] == 3
    assert await office.limit_in_force() == 1500
    with pytest.raises(NotAllowed):
        await office.cio("policy", "activate", called, who="ann")
    _, listed = await office.cio("policy", "proposals")
    assert "activated" in listed


async def test_what_one_sees_is_what_one_approves(office: Office) -> None:
    called = (await office.propose("ann", 1500))["proposal"]
    reason = ("--reason", "volume is back")
    no = await asyncio.to_thread(
        cio, "policy", "approve", called[:8], *reason, stdin=b"n\n",
        environ=office.environ | {"CIO_TOKEN": office.tokens["bob"]},
    )  # fmt: skip
    assert (no[0], "Nothing was approved" in no[1]) == (1, True)
    for seen in (LIMIT, "1500", "looser", THOUGHT[:40], "ann"):
        assert seen in no[1]
    yes = await asyncio.to_thread(
        cio, "policy", "approve", called[:8], *reason, stdin=b"y\n",
        environ=office.environ | {"CIO_TOKEN": office.tokens["bob"]},
    )  # fmt: skip
    assert (yes[0], "is approved" in yes[1]) == (0, True)
    code, shown = await office.cio("policy", "proposals", called[:8])
    assert (code, "approve by bob: volume is back" in shown) == (0, True)
    rejected = await office.said("policy", "reject", called, "--reason", "not now", who="ann")
    assert rejected["stage"] == "rejected"


async def test_a_difference_is_shown_and_changes_nothing(office: Office) -> None:
    file = office.folder / "policy.yaml"
    file.write_text("fund: {max_order_notional_usd: 500}\n")
    found = await office.said("policy", "diff", str(file))
    assert (found["parent"], found["change"]) == (1, "mixed")
    moved = {one["path"]: (one["change"], one["old"], one["new"]) for one in found["fields"]}
    assert moved[LIMIT] == ("tighter", "1000", "500")
    code, shown = await office.cio("policy", "diff", "--set", f"{LIMIT}=1000")
    assert (code, "No limit is moved" in shown) == (0, True)
    for arguments in ((), (str(file), "--set", f"{LIMIT}=1")):
        code, _ = await office.cio("policy", "diff", *arguments)
        assert code == 2
    assert await office.limit_in_force() == 1000


async def test_every_refusal_leaves_a_record(office: Office) -> None:
    called = (await office.propose("bot", 1500))["proposal"]
    change = ("--set", f"{LIMIT}=999999", "--thought", THOUGHT)
    wrong = office.tokens["ann"][:-1] + ("a" if office.tokens["ann"][-1] != "a" else "b")
    office.tokens["thief"] = wrong
    for arguments, who in (
        (("policy", "propose", *change), "ann"),
        (("policy", "propose", "--set", f"{LIMIT}=1", "--thought", "because"), "ann"),
        (("policy", "propose", *change, "--parent", "7"), "ann"),
        (("policy", "activate", called), "bot"),
        (("policy", "activate", called), "thief"),
        (("policy", "activate", called), ""),
        (("token", "create", "bot2", "--role", "admin"), "bot"),
        (("resume", "--reason", "I am sure"), "bot"),
        (("resume", "--reason", "I am sure"), ""),
    ):
        with pytest.raises(CioError):
            await office.cio(*arguments, who=who)
    refused = [
        record["change"]["author"]
        for record in await records(office.environ["CIO_NATS_URL"])
        if record["kind"] == "change" and record["change"]["subject"] == "refused"
    ]
    assert refused[:5] == ["ann", "ann", "ann", "bot", "unknown"]
    assert len(refused) == 9
    assert await office.limit_in_force() == 1000


async def test_a_change_for_a_time_is_an_overlay_that_ends_by_itself(office: Office) -> None:
    assert (await office.propose("bot", 100, "--for", "2h"))["in_force"] == 2
    mongo = connect_mongo(office.environ["CIO_MONGO_URL"])
    found = await mongo[office.environ["CIO_MONGO_DATABASE"]].policies.find_one({"revision": 2})
    await mongo.close()
    assert found is not None
    (overlay,) = json.loads(found["document"])["overlays"]
    assert overlay["fund"] == {"max_order_notional_usd": "100"}
    assert overlay["overlay_id"].endswith("-bot")
    waits = await office.said(
        "policy", "propose", "--set", f"overlays.{overlay['overlay_id']}=", "--thought", THOUGHT,
        who="bot",
    )  # fmt: skip
    assert (waits["in_force"], waits["change"]) == (None, "looser")


async def test_a_rollback_that_loosens_waits(office: Office) -> None:
    await office.propose("bot", 900)
    back = await office.said("policy", "rollback", "--to", "1", "--thought", THOUGHT, who="ann")
    assert back["in_force"] is None
    code, _ = await office.cio("policy", "rollback", "--to", "1", "--thought", THOUGHT, who="ann")
    assert code == 0


async def test_without_the_key_nothing_is_activated_and_nothing_lost(office: Office) -> None:
    del office.environ["CIO_POLICY_KEY_FILE"]
    office.environ |= TRUSTING
    with pytest.raises(Misconfigured, match="no key here"):
        await office.propose("ann", 900)
    called = (await office.propose("ann", 1500))["proposal"]
    reason = ("--reason", "volume is back")
    assert (await office.said("policy", "approve", called, *reason, who="bob"))["stage"] == (
        "approved"
    )
    with pytest.raises(Misconfigured, match="no key here"):
        await office.cio("policy", "activate", called, who="ann")
    assert await office.limit_in_force() == 1000


async def test_where_no_token_was_ever_made_anybody_resumes_and_nobody_changes_the_policy(
    office: Office,
) -> None:
    office.environ["CIO_FUND"] = uuid4().hex
    await govern(load_settings(office.environ))
    assert (await office.said("resume", "--reason", "morning"))["state"] == "active"
    with pytest.raises(NotAllowed, match="nobody knows who you are"):
        await office.propose("", 900)
    with pytest.raises(NotAllowed, match="not known"):
        await office.propose("ada", 900)


EDITOR = """#!{python}
import pathlib, sys
file = pathlib.Path(sys.argv[1])
text = file.read_text()
if "thought" in file.name:
    file.write_text({thought!r})
elif "# ! " in text:
    file.write_text(text.replace("max_order_notional_usd: many", "max_order_notional_usd: 700"))
else:
    file.write_text(text.replace("max_order_notional_usd: 1000", "max_order_notional_usd: many"))
"""


async def test_what_is_edited_is_checked_and_opened_again(office: Office) -> None:
    editor = office.folder / "editor"
    python = Path(__file__).parents[2] / ".venv/bin/python"
    editor.write_text(EDITOR.format(python=python, thought=THOUGHT))
    editor.chmod(0o700)
    code, shown = await office.cio("policy", "edit", who="ann", EDITOR=str(editor), VISUAL="")
    assert (code, "Revision 2 is in force" in shown) == (0, True), shown
    assert await office.limit_in_force() == 700
    code, shown = await office.cio("policy", "edit", who="ann", EDITOR="true", VISUAL="")
    assert (code, "Nothing was changed" in shown) == (1, True)


async def test_tokens_are_listed_and_revoked(office: Office) -> None:
    code, listed = await office.cio("token", "list", who="bot")
    assert (code, all(name in listed for name in ("ada", "ann", "bob", "bot"))) == (0, True)
    assert not any(token in listed for token in office.tokens.values())
    _, output = await office.cio("token", "list", "--json", who="ada")
    ids = {one["name"]: one["token_id"] for one in json.loads(output)}
    gone = await office.said("token", "revoke", ids["ann"], "--reason", "left", who="ada")
    assert gone["counts"] is False
    with pytest.raises(NotAllowed, match="was revoked"):
        await office.propose("ann", 1)
    file = office.folder / "eve.token"
    code, _ = await office.cio(
        "token", "create", "eve", "--role", "viewer", "--expires", "1d", "--out", str(file),
        who="ada",
    )  # fmt: skip
    assert (code, file.stat().st_mode & 0o777) == (0, 0o600)
    code, shown = await office.cio("token", "list", "--token-file", str(file))
    assert (code, "eve" in shown) == (0, True)


async def test_a_change_of_an_old_revision_is_a_conflict(office: Office) -> None:
    await office.propose("bot", 900)
    with pytest.raises(RevisionConflict, match="revision 2 is the newest"):
        await office.propose("ann", 800, "--parent", "1")


async def test_a_person_resumes_and_sets_a_regime(office: Office) -> None:
    await office.cio("halt", "--reason", "drill")
    resumed = await office.said("resume", "--reason", "over", who="bob")
    assert resumed["state"] == TradingState.ACTIVE
    why = ("--reason", "elections", "--thought", THOUGHT)
    with pytest.raises(NotAllowed):
        await office.cio("regime", "set", "*", "transitional", *why, who="bot")
    stands = await office.said("regime", "set", "*", "transitional", *why, who="bob")
    assert stands["regime"] == "transitional"
    with pytest.raises(CioError):
        await office.cio(
            "regime", "set", "*", "transitional", "--reason", "a", "--thought", "b", who="bob"
        )
    found = await records(office.environ["CIO_NATS_URL"])
    changes = [one["change"] for one in found if one["kind"] == "change"]
    assert [one["author"] for one in changes if one["subject"] == "trading_state"][-1] == "bob"
    (override,) = [one for one in changes if one["subject"] == "regime_override"]
    assert override["reason"] == f"elections: {THOUGHT}"


async def test_what_a_loosening_would_have_made_otherwise_is_shown_to_who_approves(
    office: Office,
) -> None:
    house = await House().open()
    gate = house.gate()
    for confidence in (0.5, 0.9):
        await gate.process([house.arrive(confidence=confidence, quantity=confidence / 100)])
    charter, stated = (
        charter_change(house.charter),
        PolicyDocument.model_validate({"policy": POLICY}),
    )
    lines = [charter, policy_change(stated, 1), *house.journal.records]
    environ = office.environ
    async with open_mongo(environ["CIO_MONGO_URL"]) as mongo:
        await keep(
            MongoTraceStore(mongo, environ["CIO_MONGO_DATABASE"]),
            *lines,
            at=datetime.now(UTC).replace(microsecond=0),
        )
    change = ("policy", "propose", "--set", "fund.min_confidence=", "--thought", THOUGHT)
    made = await office.said(*change, who="ann")
    assert made["what_if"]["intents"] == 2
    _, seen = await office.cio("policy", "proposals", made["proposal"][:8])
    assert "What-if: 2 verdicts decided again" in seen
    for row in ("CONFIDENCE_BELOW_MIN", "momentum", "BTCUSDT", "The highest gross exposure was"):
        assert row in seen
    code, unread = await office.cio(*change, "--what-if", "none", who="bob")
    assert "What-if not made: nobody asked for it." in unread
    for wrong in ("never", "-1h"):
        code, _ = await office.cio(*change, "--what-if", wrong, who="bob")
        assert code == 2
