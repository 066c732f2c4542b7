"""Decides again all that the gates of a house decided, from nothing but its journal."""

from datetime import UTC, datetime

import orjson

from petrosa_cio import __version__
from petrosa_cio.adapters.nats_journal import read_journal
from petrosa_cio.audit.replay import Outcome, Replayed
from tests.integration.gate_house import GateHouse
from tests.replaying import replay_with

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def decided_again(house: GateHouse) -> list[Replayed]:
    """Return every verdict in the journal of a house, decided again."""
    records = [
        line async for entry in read_journal(house.client, since=_EPOCH) for line in entry.records
    ]
    kinds = [orjson.loads(line)["kind"] for line in records]
    changes = [line for line, kind in zip(records, kinds, strict=True) if kind == "change"]
    verdicts = [line for line, kind in zip(records, kinds, strict=True) if kind == "verdict"]
    replay = replay_with(*changes, code_version=__version__)
    return [await replay.replay(line) for line in verdicts]


async def equal_again(house: GateHouse) -> int:
    """Return how many verdicts came out the same; fail where one did not."""
    found = await decided_again(house)
    assert [one for one in found if one.outcome is not Outcome.EQUAL] == []
    return len(found)
