"""``cio doctor`` beside real servers and a real gate, and each thing that may be wrong there."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio import __version__
from petrosa_cio.adapters.embedded import ServerProcess
from petrosa_cio.adapters.embedded.nats import monitoring_url
from petrosa_cio.adapters.nats_connection import Client, NatsAccess, connect_nats
from petrosa_cio.adapters.nats_messages import NatsResponders
from petrosa_cio.adapters.nats_streams import JOURNAL
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.doctor import gate_checks, market_checks, nats_checks, rule_checks, store_checks
from petrosa_cio.doctor.findings import Finding
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.files import load_governing
from petrosa_cio.policies import open_revisions
from petrosa_cio.ports import VenueRulesMark
from petrosa_cio.risk.trading_state import FUND as WHOLE_FUND
from petrosa_cio.risk.trading_state import Scope, ScopeKind, TradingState
from petrosa_cio.settings import load_settings
from tests.commands import cio
from tests.integration.gate_house import FUND, GateHouse, gate_house
from tests.market import SUBJECT, ticker
from tests.policies import TRUSTING, put_next, revision, signed
from tests.venues import exchange_info

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

Found = dict[str, dict[str, str]]


@dataclass
class Ward:
    """A gate with everything around it, and the doctor's ways to it."""

    house: GateHouse
    environ: dict[str, str]

    async def cio(self, *arguments: str, **changes: str) -> tuple[int, str]:
        environ = self.environ | changes
        return await asyncio.to_thread(cio, "doctor", *arguments, environ=environ)

    async def examined(self, *arguments: str, **changes: str) -> tuple[int, Found]:
        code, said = await self.cio("--json", *arguments, **changes)
        return code, {one["check"]: one for one in json.loads(said)["checks"]}


@pytest.fixture(scope="module")
async def ward(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, mongo_url: str
) -> AsyncIterator[Ward]:
    """One house for all tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("ward")
    database = uuid4().hex
    async with gate_house(folder, mongo_url=mongo_url, mongo_database=database) as house:
        await house.start("gate-1")
        stated = {
            "nats_url": house.nats.url,
            "nats_monitoring_url": monitoring_url(house.nats),
            "redis_url": house.redis.url,
            "mongo_url": mongo_url,
            "mongo_database": database,
            "fund": FUND,
            "policy_file": str(folder / "policy.yaml"),
            "charter_file": str(folder / "charter.yaml"),
        }
        environ = {f"CIO_{name.upper()}": value for name, value in stated.items()}
        yield Ward(house, environ | TRUSTING | {"COLUMNS": "160"})


async def test_a_healthy_house_has_no_problem(ward: Ward) -> None:
    code, found = await ward.examined()
    levels = {check: one["level"] for check, one in found.items()}
    assert code == 0
    assert {check for check, level in levels.items() if level != "ok"} == {
        "backlog",  # the record role does not run here
        "MongoDB",  # the stand-in
        "market data",  # nobody speaks here
        "venue rules",
        "exits",
        "regime feed",  # nobody observes it here
        "portfolio",  # alike
        "neighbours",  # nobody said where they are
    }, found
    assert found["NATS"]["seen"].startswith("version 2.")
    assert "3 streams" in found["NATS"]["seen"]
    assert "records to store: nobody has started" in found["backlog"]["seen"]
    assert found["signal listeners"]["seen"] == "1 on signals.trading.*: signals.trading.*"
    assert found["policy"]["seen"] == "wide, revision 1, as in the file"
    seen = found["policy signature"]["seen"]
    assert seen == "revision 1 is signed with a trusted key, and the newest"
    assert found["gate"]["seen"].startswith("gate-1, version ")
    assert "cannot execute `close`" in found["exits"]["seen"]


async def test_a_person_reads_a_table_and_what_to_do(ward: Ward) -> None:
    code, said = await ward.cio()
    assert code == 0
    assert "Close positions at the exchange" in said
    assert said.rstrip().endswith("no problems, 1 warning.")


async def test_warnings_count_where_one_is_strict(ward: Ward) -> None:
    assert (await ward.examined("--strict"))[0] == 1


async def test_a_redis_that_forgets_is_a_problem(ward: Ward) -> None:
    redis = ward.house.redis_client
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    await redis.config_set("appendfsync", "everysec")
    try:
        code, found = await ward.examined()
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("appendfsync", "always")
    assert (code, found["Redis memory"]["level"]) == (1, "problem")
    assert "allkeys-lru" in found["Redis memory"]["seen"]
    assert "noeviction" in found["Redis memory"]["mend"]
    assert found["Redis file"]["level"] == "warning"


async def test_a_redis_that_keeps_no_file_is_a_problem(ward: Ward) -> None:
    redis = ward.house.redis_client
    await redis.config_set("appendonly", "no")
    try:
        found = (await ward.examined())[1]
    finally:
        await redis.config_set("appendonly", "yes")
    assert found["Redis file"]["seen"].startswith("appendonly no")


async def test_a_redis_that_does_not_tell_is_not_guessed_at(ward: Ward) -> None:
    redis = ward.house.redis_client
    await redis.acl_setuser(
        "guest", enabled=True, passwords=["+guest"], keys=["*"], commands=["+@all", "-config"]
    )
    url = ward.house.redis.url.replace("redis://", "redis://guest:guest@")
    found = (await ward.examined(CIO_REDIS_URL=url))[1]
    assert (found["Redis file"]["level"], found["Redis memory"]["level"]) == ("note", "ok")
    assert "appendfsync not known" in found["Redis file"]["seen"]


async def test_no_gate_is_a_problem(ward: Ward) -> None:
    code, found = await ward.examined(CIO_HEARTBEAT_SUBJECT="cio.nobody")
    assert (code, found["gate"]["level"]) == (1, "problem")
    assert "no gate answers on cio.nobody" in found["gate"]["seen"]
    assert found["policy freshness"]["level"] == "note"


async def test_nobody_who_listens_for_signals_is_a_warning(ward: Ward) -> None:
    await ward.house.stop_listening()
    try:
        code, found = await ward.examined()
        assert (code, found["signal listeners"]["level"]) == (0, "warning")
        observing = (await ward.examined(CIO_MODE="observe"))[1]
        assert observing["signal listeners"]["level"] == "ok"
        assert observing["settings"]["level"] == "note"
    finally:
        await ward.house.listen_for_signals()


async def test_to_look_for_listeners_sends_them_nothing(ward: Ward) -> None:
    before = len(ward.house.signals)
    await ward.examined()
    await ward.house.quiet()
    assert len(ward.house.signals) == before


async def test_what_is_not_monitored_is_not_known(ward: Ward) -> None:
    found = (await ward.examined(CIO_NATS_MONITORING_URL=""))[1]
    for check in ("synced writes", "signal listeners"):
        assert found[check]["level"] == "note"
        assert "CIO_NATS_MONITORING_URL" in found[check]["mend"]


async def test_a_monitoring_endpoint_that_is_none_is_not_known(ward: Ward) -> None:
    found = (await ward.examined(CIO_NATS_MONITORING_URL="http://127.0.0.1:1"))[1]
    assert found["synced writes"]["level"] == "note"
    assert "not known: nats monitoring" in found["synced writes"]["seen"]


async def test_nats_away_is_one_problem_and_the_rest_is_looked_at(ward: Ward) -> None:
    code, found = await ward.examined(CIO_NATS_URL="nats://127.0.0.1:1")
    assert (code, found["NATS"]["level"], found["gate"]["level"]) == (1, "problem", "problem")
    for check in ("streams", "room in the journal", "backlog", "message size", "clock of NATS"):
        assert found[check]["level"] == "note", check
    for check in ("Redis", "ledger", "policy", "trading state"):
        assert found[check]["level"] == "ok", check


async def test_mongodb_away_is_a_problem(ward: Ward) -> None:
    away = "mongodb://%2Fnobody.sock"  # a refused connection leaves the driver's socket open
    code, found = await ward.examined(CIO_MONGO_URL=away)
    assert (code, found["MongoDB"]["level"]) == (1, "problem")
    assert (await ward.examined(CIO_MONGO_URL=""))[1]["MongoDB"]["level"] == "note"


async def test_another_fund_is_new_to_it(ward: Ward) -> None:
    code, found = await ward.examined(CIO_FUND="another")
    assert code == 1
    assert found["ledger"]["level"] == found["policy"]["level"] == "problem"
    assert found["trading state"]["level"] == "problem"


async def test_streams_that_an_operator_changed_are_told(ward: Ward) -> None:
    js = ward.house.client.jetstream()
    config = (await js.stream_info(JOURNAL)).config
    found = await ward.examined(CIO_JOURNAL_MAX_BYTES="20000000")
    assert found[1]["streams"]["level"] == "warning"
    assert (
        f"CIO_JOURNAL: max_bytes is {config.max_bytes}, expected 20000000"
        in (found[1]["streams"]["seen"])
    )


async def test_settings_that_do_not_load_are_2(tmp_path: Path) -> None:
    code, said = cio("doctor", environ={"CIO_MODE": "dry", "COLUMNS": "160"})
    assert (code, "CIO_MODE" in said) == (2, True)
    code, said = cio("doctor", environ={"CIO_DATA_DIR": str(tmp_path), "COLUMNS": "160"})
    assert (code, "CIO_NATS_URL" in said, "CIO_REDIS_URL" in said) == (2, True, True)


# --- one server at a time -------------------------------------------------------------------------


@asynccontextmanager
async def new_patient(
    redis_url: str, nats: Client | None = None, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Patient]:
    """Yield what there is to see of a fund of its own."""
    redis = connect_redis(redis_url)
    stated = {"CIO_REDIS_URL": redis_url, "CIO_FUND": uuid4().hex, **(environ or {})}
    if nats is not None:
        stated["CIO_NATS_URL"] = "nats://as-given"
    settings = load_settings(stated)
    governing = load_governing(settings.policy_file, settings.charter_file)
    yield Patient(settings, governing, nats or Unavailable("nats", "away for a test"), redis)
    await redis.aclose()


async def test_a_nats_that_was_set_up_for_something_else(
    own_nats: ServerProcess, redis_url: str
) -> None:
    configuration = own_nats.folder / "nats.conf"
    changed = configuration.read_text().replace("sync_interval: always", "")
    configuration.write_text(changed.replace("max_payload: 16MB", "max_payload: 64KB"))
    await own_nats.restart()
    client = await connect_nats(NatsAccess(own_nats.url), name="test")
    url = monitoring_url(own_nats)
    async with new_patient(redis_url, client, {"CIO_NATS_MONITORING_URL": url}) as one:
        assert (await nats_checks.nats_server(one)).seen.endswith("JetStream with 0 streams")
        assert (await nats_checks.synced_writes(one)).level == "warning"
        assert (await nats_checks.message_size(one)).level == "problem"
        assert (await nats_checks.journal_room(one)).level == "note"
        assert (await nats_checks.signal_listeners(one)).level == "warning"
        streams = await nats_checks.streams(one)
    assert streams.level == "problem"
    assert streams.seen == "not there: CIO_INTENTS, CIO_JOURNAL, CIO_EXECUTIONS"
    await client.close()


async def test_a_user_who_may_not_use_jetstream(own_nats: ServerProcess, redis_url: str) -> None:
    forbidden = 'permissions: {publish: {deny: ["$JS.>"]}}'
    with (own_nats.folder / "nats.conf").open("a") as configuration:
        configuration.write(f"authorization {{users: [{{user: a, password: a, {forbidden}}}]}}\n")
        configuration.write("no_auth_user: a\n")
    await own_nats.restart()
    client = await connect_nats(NatsAccess(own_nats.url), name="test")
    async with new_patient(redis_url, client) as one:
        found = await nats_checks.nats_server(one)
    assert (found.level, "JetStream gives no answer" in found.seen) == ("problem", True)
    await client.close()


async def policy_found(redis_url: str, document: bytes, **environ: str) -> Finding:
    """Return what is found of a policy document in force."""
    async with new_patient(redis_url, environ=environ) as one:
        redis = connect_redis(redis_url)
        store = RedisStateStore(redis, one.settings.fund)
        await put_next(store, document, fund=one.settings.fund)
        await redis.aclose()
        return await rule_checks.policy(one)


async def test_who_signed_the_policy_and_whether_it_is_the_newest(
    redis_url: str, mongo_url: str
) -> None:
    stated = {"CIO_MONGO_URL": mongo_url, "CIO_MONGO_DATABASE": uuid4().hex, **TRUSTING}
    async with new_patient(redis_url, environ=stated) as one, open_revisions(one.settings) as kept:
        redis, fund = connect_redis(redis_url), one.settings.fund
        store = RedisStateStore(redis, fund)

        async def found() -> tuple[str, str]:
            finding = await rule_checks.policy_signature(one)
            return finding.level, finding.seen

        assert await found() == ("note", "no policy is in force")
        await store.put_policy(signed(1, fund="another"))
        assert await found() == ("problem", "revision 1: it is signed for the fund another")
        await put_next(store, fund=fund)
        level, seen = await found()
        assert (level, "while MongoDB ends with revision 0" in seen) == ("problem", True)
        for number in (1, 2):
            await kept.add(revision(number, fund=fund))
        assert (await found())[0] == "ok"
        await kept.add(revision(3, fund=fund))
        assert (await found())[1].endswith("but revision 3 is the newest")
        await redis.aclose()


async def test_a_signature_is_not_known_where_nobody_says_whom_to_trust(redis_url: str) -> None:
    async with new_patient(redis_url) as one:
        redis = connect_redis(redis_url)
        await put_next(RedisStateStore(redis, one.settings.fund))
        await redis.aclose()
        found = await rule_checks.policy_signature(one)
    assert (found.level, "no key is trusted" in found.seen) == ("note", True)


async def test_a_policy_that_does_not_read(redis_url: str) -> None:
    found = await policy_found(redis_url, b'{"policy": {"fund": {"nonsense": 1}}}')
    assert (found.level, "nonsense" in found.seen) == ("problem", True)


async def test_a_policy_that_misses_what_the_charter_requires(redis_url: str) -> None:
    found = await policy_found(redis_url, b'{"policy": {"fund": {"min_confidence": "0.7"}}}')
    assert (found.level, "max_intents_per_minute" in found.seen) == ("warning", True)


async def test_a_policy_looser_than_the_charter(redis_url: str) -> None:
    fund = b'{"max_intents_per_minute": 1, "min_confidence": "0.1"}'
    found = await policy_found(redis_url, b'{"policy": {"fund": ' + fund + b"}}")
    assert found.level == "warning"
    assert "fund.min_confidence is 0.1, looser than the charter's 0.5" in found.seen


async def test_a_policy_that_is_not_the_one_in_the_file(redis_url: str, tmp_path: Path) -> None:
    document = b'{"policy": {"fund": {"max_intents_per_minute": 1}}}'
    found = await policy_found(redis_url, document)
    assert (found.level, "not what the file says" in found.seen) == ("note", True)
    file = tmp_path / "policy.yaml"
    file.write_text("fund: {max_intents_per_minute: 2}\n")
    stated = await policy_found(redis_url, document, CIO_POLICY_FILE=str(file))
    assert stated.level == "warning"


@pytest.mark.parametrize(
    ("scope", "state", "level", "seen"),
    [
        (WHOLE_FUND, "active", "ok", "the fund is active"),
        (WHOLE_FUND, "halted", "warning", "the fund is halted, by ann: drill"),
        (WHOLE_FUND, "reducing", "warning", "the fund is reducing, by ann: drill"),
        (Scope(ScopeKind.STRATEGY, "grid"), "halted", "note", "the fund is active; grid is halted"),
        (Scope(ScopeKind.SYMBOL, "BTCUSDT"), "active", "ok", "the fund is active"),
    ],
)
async def test_trading_states(
    redis_url: str, scope: Scope, state: str, level: str, seen: str
) -> None:
    async with new_patient(redis_url) as one:
        redis = connect_redis(redis_url)
        fund = one.settings.fund
        await RedisLedger(redis, fund, timeout_s=10).initialise(fresh=True)
        store = RedisStateStore(redis, fund, timeout_s=10)
        await store.set_trading_state(scope, TradingState(state), reason="drill", author="ann")
        await redis.aclose()
        found = await rule_checks.trading_state(one)
    assert (found.level, found.seen) == (level, seen)


async def test_a_ledger_that_was_lost(redis_url: str) -> None:
    async with new_patient(redis_url) as one:
        assert (await store_checks.ledger(one)).level == "problem"
        assert (await rule_checks.trading_state(one)).level == "problem"
        assert (await rule_checks.policy(one)).seen.startswith("none in force")


async def test_a_gate_that_is_not_well_says_why(own_nats: ServerProcess, redis_url: str) -> None:
    beat: dict[str, Any] = {"service": "petrosa-cio", "replica": "g", "version": __version__}

    async def answer(_subject: str, _headers: dict[str, str], _body: bytes) -> bytes:
        return json.dumps(beat).encode()

    client = await connect_nats(NatsAccess(own_nats.url), name="test")
    await NatsResponders(client).respond("cio.heartbeat", answer, group="test")
    for change, level, seen in (
        ({"status": "DEGRADED", "dependencies": {"policy": "none in force", "nats": "ok"}},
         "problem", "DEGRADED; policy: none in force"),
        ({"status": "GOVERNANCE_ACTIVE", "version": "0.0.1"}, "warning", "while this command is"),
        ({"service": "other"}, "problem", "something else answers: other"),
    ):  # fmt: skip
        beat |= change
        async with new_patient(redis_url, client) as one:
            found = await gate_checks.gate(one)
            assert (found.level, seen in found.seen) == (level, True), found
            assert (await gate_checks.policy_freshness(one)).level == "problem"
    await client.close()


@pytest.mark.parametrize(
    ("ago_s", "level", "said"),
    [(0, "ok", "BTCUSDT at 50000.5"), (30, "warning", "30 s old"), (-30, "problem", "ahead of")],
)
async def test_prices_on_the_wire(
    own_nats: ServerProcess, redis_url: str, ago_s: float, level: str, said: str
) -> None:
    client = await connect_nats(NatsAccess(own_nats.url), name="test")
    async with new_patient(redis_url, client) as one:
        looking = asyncio.create_task(market_checks.market_data(one))
        while not looking.done():
            at = datetime.now(UTC) - timedelta(seconds=ago_s)
            await client.publish(SUBJECT, b"garbage")
            await client.publish(SUBJECT, ticker("BTCUSDT", "50000.5", at))
            await asyncio.wait([looking], timeout=0.02)
        found = looking.result()
    assert (found.level, said in found.seen) == (level, True), found
    await client.close()


async def test_the_venues_rules_that_are_asked_for(redis_url: str) -> None:
    url = "https://venue.invalid/exchangeInfo"
    async with new_patient(redis_url, environ={"CIO_VENUE_RULES_URL": url}) as one:
        assert (await market_checks.venue_rules(one)).level == "problem"
        for age_s, level in ((60, "ok"), (4 * 3600, "warning")):
            at = one.now() - timedelta(seconds=age_s)
            await one._venue.set_venue_rules(VenueRulesMark("a", url, at, 7, 7), b"")
            found = await market_checks.venue_rules(one)
            assert (found.level, "7 symbols" in found.seen) == (level, True)


async def test_the_venues_rules_in_files(redis_url: str, tmp_path: Path) -> None:
    file = tmp_path / "venue.json"
    file.write_bytes(exchange_info())
    async with new_patient(redis_url, environ={"CIO_VENUE_RULES_FILES": str(file)}) as one:
        found = await market_checks.venue_rules(one)
        assert (found.level, found.seen.startswith("1 symbols from files")) == ("ok", True)
        file.write_bytes(b"[]")
        assert (await market_checks.venue_rules(one)).level == "problem"
