"""``cio policy key``, ``show`` and ``history``: what people see of the policy's revisions."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_revisions import MongoRevisions
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.ports import ChangedField
from tests.commands import cio
from tests.policies import SIGNER, THOUGHT, revision, with_key

pytestmark = pytest.mark.integration

WORDS = "[bold]not markup[/bold]"


@pytest.fixture
async def environ(mongo_url: str, tmp_path: Path) -> dict[str, str]:
    """Return an environment in which a fund has three revisions."""
    client, database = connect_mongo(mongo_url), uuid4().hex
    kept = MongoRevisions(client, database, "main")
    moved = (ChangedField("fund.max_position_usd", "looser", "9", ""),)
    third = replace(revision(3), author=WORDS, change="looser", diff=moved, content_of=1)
    for one in (revision(1, '{"policy":{"name":"first"}}'), revision(2), third):
        await kept.add(one)
    await client.close()
    return {
        "CIO_MONGO_URL": mongo_url,
        "CIO_MONGO_DATABASE": database,
        "CIO_DATA_DIR": str(tmp_path),
        "COLUMNS": "200",
    }


async def said(*arguments: str, environ: dict[str, str]) -> tuple[int, str]:
    return await asyncio.to_thread(cio, "policy", *arguments, environ=environ)


async def test_history_lists_the_newest_first(environ: dict[str, str]) -> None:
    code, text = await said("history", environ=environ)
    lines = [line for line in text.splitlines() if "2026-11-23 12:00:00" in line]
    assert code == 0
    assert [line.split()[0] for line in lines] == ["3", "2", "1"]
    assert WORDS in lines[0]
    assert "looser, as 1" in lines[0]
    assert THOUGHT[:50] in lines[1]


async def test_history_as_json_in_portions(environ: dict[str, str]) -> None:
    code, text = await said("history", "--before", "3", "--limit", "1", "--json", environ=environ)
    (one,) = json.loads(text)
    assert (code, one["revision"], one["thought"]) == (0, 2, THOUGHT)
    assert "document" not in one
    _, text = await said("history", "--before", "1", environ=environ)
    assert "no such revision" in text


async def test_a_revision_is_shown_with_what_it_says_and_why(environ: dict[str, str]) -> None:
    code, text = await said("show", environ=environ)
    shown = " ".join(text.split())
    assert code == 0
    assert "Revision 3 of the fund main" in shown
    for part in (WORDS, THOUGHT, "looser: 9 → not stated", SIGNER.key_id, "made of revision 2"):
        assert part in shown
    code, text = await said("show", "--revision", "1", "--json", environ=environ)
    one = json.loads(text)
    assert (code, one["revision"], one["document"]) == (0, 1, {"policy": {"name": "first"}})


async def test_what_is_not_there_is_said_to_be_missing(environ: dict[str, str]) -> None:
    code, text = await said("show", "--revision", "9", environ=environ)
    assert (code, "revision 9" in text) == (1, True)
    away = {"CIO_MONGO_URL": "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100"}
    with pytest.raises(Unavailable, match="mongo"):
        await said("show", environ=environ | away)


async def test_a_key_is_made_and_shown_but_never_itself(
    environ: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured, match="CIO_POLICY_KEY_FILE"):
        await said("key", environ=environ)
    file = tmp_path / "new.key"
    code, text = await said("key", "--new", str(file), "--json", environ=environ)
    made = json.loads(text)
    assert (code, file.stat().st_mode & 0o777) == (0, 0o600)
    assert file.read_text().strip() not in text
    named = environ | {"CIO_POLICY_KEY_FILE": str(file)}
    code, text = await said("key", environ=named)
    assert (code, made["public_key"] in text, made["key_id"] in text) == (0, True, True)
    other = {"CIO_POLICY_PUBLIC_KEYS": SIGNER.public_key.hex()}
    with pytest.raises(Misconfigured, match="no gate would trust what it signs"):
        await said("key", environ=named | other)
    code, text = await said("key", environ=environ | with_key(tmp_path) | other)
    assert (code, SIGNER.public_key.hex() in text) == (0, True)
