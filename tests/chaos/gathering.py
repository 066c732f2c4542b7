"""Gathers what a run left behind, once it is settled."""

from contextlib import suppress

from petrosa_cio.adapters.key_file import read_key
from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.nats_streams import INTENTS
from petrosa_cio.audit.checkpoint import Signer, key_id_of
from petrosa_cio.audit.verify import Asked, prove
from petrosa_cio.errors import Unavailable
from tests.chaos.compared import open_findings
from tests.chaos.judging import Evidence, Reading, Signal
from tests.chaos.ordeal import DATABASE, KEY, Ordeal
from tests.integration.gate_house import FUND
from tests.neighbours import decisions_of
from tests.waiting import eventually

SIGNED_TIMEOUT_S = 60.0
OPENINGS = ("buy", "sell")


async def gather(ordeal: Ordeal) -> Evidence:
    """Read the intake, the record and the ledger of a settled run."""
    house = ordeal.house
    await house.quiet()
    captured = await decisions_of(house.client, INTENTS, FUND)
    held = await house.ledger.reservations()
    mongo = connect_mongo(ordeal.mongo.url)
    try:
        await _until_signed(Reading(mongo, DATABASE))
        public = Signer(read_key(house.folder / KEY)).public_key
        reading = Reading(mongo, DATABASE)
        found = await open_findings(mongo, DATABASE)
        proof = await prove(reading, Asked(FUND, {key_id_of(public): public}))
    finally:
        await mongo.close()
    return Evidence(
        acknowledged=[one for publisher in ordeal.publishers for one in publisher.acknowledged],
        captured=captured,
        recorded=reading.recorded,
        proof=proof,
        signals=[
            Signal(one.decision_id, one.at, opens=one.body["action"] in OPENINGS)
            for one in house.signals
        ],
        held=frozenset(held),
        open=found,
    )


async def _until_signed(source: Reading) -> None:
    """Wait until the end of the chain is signed."""

    async def is_signed() -> bool:
        with suppress(Unavailable):
            signed = await source.signed_until()
            return 0 < signed == await source.last(signed)
        return False

    await eventually(is_signed, timeout_s=SIGNED_TIMEOUT_S)
