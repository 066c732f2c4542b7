"""The settings themselves: a type, a default, bounds and a sentence for each.

The module is longer than others, as it is the one list of all settings.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, SecretStr, StringConstraints
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from petrosa_cio.settings.subjects import STRATEGY_PLACEHOLDER, pattern, plain, template

PREFIX = "CIO_"


def _one_of_schemes(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        starts = tuple(f"{scheme}://" for scheme in schemes)
        if not url.startswith(starts):
            raise ValueError(f"expected a URL that starts with {' or '.join(starts)}")
        return url

    return AfterValidator(check)


def _split(value: object) -> object:
    return (
        tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value
    )


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected the name of a time zone, such as UTC or Europe/Lisbon") from None
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Pattern = Annotated[str, AfterValidator(pattern)]
Subject = Annotated[str, AfterValidator(plain)]
SubjectTemplate = Annotated[str, AfterValidator(template)]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
NatsUrl = Annotated[str, _one_of_schemes("nats", "tls", "ws", "wss")]
RedisUrl = Annotated[str, _one_of_schemes("redis", "rediss")]
HttpUrl = Annotated[str, _one_of_schemes("http", "https")]
MongoUrl = Annotated[str, _one_of_schemes("mongodb", "mongodb+srv")]
Mode = Annotated[Literal["enforce", "observe"], BeforeValidator(_lower)]
CollectorUrl = Annotated[str, _one_of_schemes("http", "https")]
CollectorProtocol = Annotated[Literal["grpc", "http/protobuf"], BeforeValidator(_lower)]
LogFormat = Annotated[Literal["auto", "json", "text"], BeforeValidator(_lower)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
MaybeSubjects = Annotated[tuple[Pattern, ...], NoDecode, BeforeValidator(_split)]
Subjects = Annotated[tuple[Pattern, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)]
Files = Annotated[tuple[FilePath, ...], NoDecode, BeforeValidator(_split)]
Models = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), Field(max_length=5)]
Symbol = Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z0-9]{3,32}$")]
PublicKey = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9A-Fa-f]{64}$")]
PublicKeys = Annotated[tuple[PublicKey, ...], NoDecode, BeforeValidator(_split)]
Symbols = Annotated[
    tuple[Symbol, ...],
    NoDecode,
    BeforeValidator(_split),
    AfterValidator(lambda symbols: tuple(dict.fromkeys(symbols))),
    Field(min_length=1, max_length=64),
]


class Settings(BaseSettings):
    """How one deployment is set up. Made by `load_settings`, then passed down as plain values."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    nats_url: NatsUrl | None = Field(
        None,
        repr=False,
        description="NATS servers, as nats://host:port or tls://host:port, several with commas; "
        "unset, one is started in the data folder",
    )
    nats_user: str | None = Field(None, description="user name at the NATS server")
    nats_password: SecretStr | None = Field(None, description="password at the NATS server")
    nats_token: SecretStr | None = Field(None, description="token at the NATS server")
    nats_credentials_file: FilePath | None = Field(
        None, description="file with a NATS user's JWT and seed (.creds)"
    )
    nats_tls_ca_file: FilePath | None = Field(
        None, description="PEM file with the authorities that may vouch for the NATS server"
    )
    nats_tls_cert_file: FilePath | None = Field(
        None, description="PEM file with the certificate shown to the NATS server"
    )
    nats_tls_key_file: FilePath | None = Field(
        None, description="PEM file with the private key of CIO_NATS_TLS_CERT_FILE"
    )
    nats_monitoring_url: HttpUrl | None = Field(
        None,
        repr=False,
        description="monitoring endpoint of the NATS server, as http://host:8222; only "
        "`cio doctor` reads it",
    )

    redis_url: RedisUrl | None = Field(
        None,
        repr=False,
        description="Redis or Valkey server, as redis://host:port/0 or rediss://host:port/0; "
        "unset, one is started in the data folder",
    )
    redis_tls_ca_file: FilePath | None = Field(
        None, description="PEM file with the authorities that may vouch for the Redis server"
    )
    mongo_url: MongoUrl | None = Field(
        None,
        repr=False,
        description="MongoDB deployment, as mongodb://host:port or mongodb+srv://host; "
        "unset, a stand-in is started in the data folder",
    )
    mongo_tls_ca_file: FilePath | None = Field(
        None, description="PEM file with the authorities that may vouch for the MongoDB server"
    )
    mongo_database: Token = Field("petrosa_cio", description="MongoDB database of the records")

    mongo_admin_url: MongoUrl | None = Field(
        None,
        repr=False,
        description="the same deployment, signed in as somebody who may make collections, roles "
        "and users; only `cio audit init` and `restore` read it, so set it for them alone",
    )
    mongo_prune_url: MongoUrl | None = Field(
        None,
        repr=False,
        description="the same deployment, signed in as the user that `cio audit init --prune-user` "
        "makes, who may delete; only `cio audit prune` reads it, so set it for that command alone",
    )
    mongo_allow_broad_role: bool = Field(
        False,
        description="store records even where the MongoDB user could change or delete them, or "
        "where nobody signs in",
    )
    audit_key_file: FilePath | None = Field(
        None,
        description="file with the key that signs the chain of records, readable by its owner "
        "alone, as `cio audit key --new` makes it; unset, one is made in the data folder where the "
        "MongoDB stand-in is used, and else nothing is signed",
    )
    checkpoint_records: int = Field(
        1_000,
        description="records after which the end of their chain is signed",
        ge=1,
        le=1_000_000,
    )
    checkpoint_interval_s: int = Field(
        60,
        description="seconds after which the end of the chain is signed, if anything is new",
        ge=1,
        le=86_400,
    )

    retention_days: int = Field(
        1827,
        description="days for which records stay in MongoDB, before `cio audit prune` may delete "
        "those that are archived; five years at least, as the law asks of trading firms",
        ge=1827,
        le=36_525,
    )

    http_host: str = Field("127.0.0.1", description="address the HTTP API listens on", min_length=1)
    http_port: int = Field(
        8000, description="port of the HTTP API; 0 takes any free one", ge=0, le=65535
    )
    api_questions_per_minute: int = Field(
        600,
        description="questions that one token may ask the HTTP API in a minute; beyond, it is told "
        "to wait",
        ge=1,
        le=100_000,
    )
    api_changes_per_minute: int = Field(
        60,
        description="changes that one token may ask the HTTP API for in a minute; halts are "
        "counted apart, as many again",
        ge=1,
        le=100_000,
    )
    data_dir: Path = Field(
        Path(".cio"), description="folder for the data of the servers started here"
    )

    intent_subjects: Subjects = Field(
        ("intent.>", "cio.intent.>"),
        description="NATS subjects on which intents arrive, with commas between",
    )
    signal_subject: SubjectTemplate = Field(
        "signals.trading.{strategy_id}",
        description="NATS subject for approved signals; {strategy_id} stands for the strategy",
    )
    door_subject: Subject = Field(
        "cio.nurse.audit", description="NATS subject that answers one intent with its verdict"
    )
    heartbeat_subject: Subject = Field("cio.heartbeat", description="NATS subject of the heartbeat")
    execution_subject: Pattern = Field(
        "execution.events.>", description="NATS subject on which the engine reports executions"
    )

    market_data_subject: Pattern = Field(
        "binance.websocket.data",
        description="NATS subject of the market data, of which reference prices are taken",
    )
    price_jump_bps: int = Field(
        500,
        description="basis points beyond which a price that jumps is not believed until a second "
        "tick confirms it",
        ge=1,
        le=10_000,
    )
    venue_rules_files: Files = Field(
        (),
        description="files with the venue's rules (exchangeInfo, leverageBracket), with commas "
        "between; of a symbol in several the last one counts",
    )
    venue_rules_url: HttpUrl | None = Field(
        None,
        description="where the venue tells its rules (exchangeInfo); unset, only files are read",
    )
    venue_rules_interval_s: int = Field(
        3600, description="seconds until CIO_VENUE_RULES_URL is asked again", ge=60, le=86_400
    )
    watch_signals: MaybeSubjects = Field(
        (),
        description="NATS subjects on which every message must be a signal that was signed off, "
        "with commas between; unset, signals are not watched; to watch the subject of signals "
        "itself hides from the gate that nobody listens there",
    )
    reconcile_after_s: int = Field(
        360,
        description="age at which a captured intent must have its verdict in the record, in "
        "seconds; longer than an intent may be retried",
        ge=1,
        le=43_200,
    )
    acknowledge_within_s: int = Field(
        60,
        description="seconds in which the order engine must say something of an approval",
        ge=1,
        le=43_200,
    )

    fund: Token = Field(
        "main", description="name of the fund: letters, digits, '_' and '-', at most 64"
    )
    policy_file: FilePath | None = Field(
        None, description="YAML file with the first policy; unset, the starter policy"
    )
    charter_file: FilePath | None = Field(
        None, description="YAML file with the charter; unset, the starter charter"
    )
    policy_key_file: FilePath | None = Field(
        None,
        description="file with the key that signs policies, readable by its owner alone, as "
        "`cio policy key --new` makes it; only where policies are changed; unset, one is made in "
        "the data folder where the MongoDB stand-in is used",
    )
    policy_public_keys: PublicKeys = Field(
        (),
        description="public keys whose signature under a policy counts, as `cio policy key` shows "
        "them, with commas between; unset, only that of CIO_POLICY_KEY_FILE",
    )
    token: SecretStr | None = Field(
        None,
        description="API token of whoever asks the commands that change what governs; see "
        "`cio token create`",
    )
    token_file: FilePath | None = Field(
        None,
        description="file with that token, for its owner alone; unset, `admin.token` in the data "
        "folder, which `cio run` makes where it starts the stand-in for MongoDB",
    )
    mode: Mode = Field(
        "enforce", description="enforce sends signals, observe only records what it would do"
    )
    policy_max_age_s: int = Field(
        5,
        description="seconds a policy may go unconfirmed before openings are denied",
        ge=2,
        le=3600,
    )
    guard_minutes: int = Field(
        10,
        description="minutes for which a new revision of the policy is watched, and compared with "
        "as long before it; 0 watches none",
        ge=0,
        le=60,
    )
    guard_min_verdicts: int = Field(
        100,
        description="verdicts that it takes, before a revision and under it, to compare them",
        ge=10,
        le=1_000_000,
    )
    guard_denial_rise: int = Field(
        25,
        description="percentage points by which the share of denials may rise under a new revision",
        ge=1,
        le=100,
    )
    guard_denial_share: int = Field(
        95,
        description="percentage of denials under a new revision that may be where too little was "
        "decided before it to compare",
        ge=1,
        le=100,
    )
    guard_failure_rise: int = Field(
        5,
        description="percentage points by which the share of verdicts may rise for which the "
        "policy could not be evaluated",
        ge=1,
        le=100,
    )
    losses_time_zone: TimeZone = Field(
        "UTC",
        description="time zone whose midnight begins a day of losses, such as Europe/Lisbon",
    )
    losses_confirmations: int = Field(
        3,
        description="readings of the portfolio in a row that must agree before a loss, or a peak, "
        "counts",
        ge=2,
        le=20,
    )
    losses_leap_bps: int = Field(
        2000,
        description="basis points: equity further from the last reading is a leap, and not "
        "believed until as many readings in a row agree",
        ge=100,
        le=9000,
    )
    losses_reading_max_age_s: int = Field(
        60,
        description="seconds after which a reading of the portfolio is too old to count losses by",
        ge=5,
        le=119,
    )
    max_intent_bytes: int = Field(
        65536, description="size of the largest intent that is read, in bytes", ge=1024, le=65536
    )

    data_manager_url: HttpUrl | None = Field(
        None,
        repr=False,
        description="data-manager that tells the market regime, as http://host:8000; unset, nobody "
        "does",
    )
    tradeengine_url: HttpUrl | None = Field(
        None,
        repr=False,
        description="order engine that tells what the fund holds, and whose trading parameters "
        "`cio fleet` looks at and sets, as http://host:8000; unset, nobody tells",
    )
    ta_bot_url: HttpUrl | None = Field(
        None,
        repr=False,
        description="ta-bot whose settings `cio fleet` looks at and sets, as http://host:8000; "
        "unset, it does not",
    )
    realtime_strategies_url: HttpUrl | None = Field(
        None,
        repr=False,
        description="realtime-strategies whose settings `cio fleet` looks at and sets, as "
        "http://host:8080; unset, it does not",
    )
    fleet_timeout_ms: int = Field(
        5000,
        description="longest wait for one answer of a neighbour's HTTP API, in milliseconds",
        ge=100,
        le=30_000,
    )
    regime_symbols: Symbols = Field(
        ("BTCUSDT", "ETHUSDT", "BNBUSDT", "ADAUSDT", "SOLUSDT", "LINKUSDT", "LTCUSDT", "XRPUSDT"),
        description="symbols whose market regime the data-manager is asked for, with commas "
        "between, at most 64",
    )
    regime_interval_s: int = Field(
        60,
        description="seconds between two rounds of questions to the data-manager, which works its "
        "answers out anew every 900",
        ge=1,
        le=3600,
    )

    portfolio_interval_s: int = Field(
        10,
        description="seconds between two looks at what the fund holds, at CIO_TRADEENGINE_URL",
        ge=1,
        le=300,
    )

    webhook_url: HttpUrl | None = Field(
        None,
        repr=False,
        description="address that is told of alerts, as https://host/path; unset, nobody is",
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description="secret that signs what CIO_WEBHOOK_URL is told, at least 32 characters; its "
        "receiver knows it too",
        min_length=32,
    )
    webhook_lag_entries: int = Field(
        1_000,
        description="journal entries, a batch of records each, that may wait to be stored before "
        "CIO_WEBHOOK_URL is told",
        ge=1,
        le=10_000_000,
    )

    strategist_models: Models = Field(
        (),
        repr=False,
        description="language models that the Strategist asks, in order, with commas between, as "
        "anthropic:MODEL, google:MODEL, openai:MODEL or ollama:MODEL, with @http://host/v1 behind "
        "one for an address of its own; unset, only the playbook proposes",
    )
    strategist_anthropic_key: SecretStr | None = Field(None, description="API key at Anthropic")
    strategist_google_key: SecretStr | None = Field(None, description="API key at Google")
    strategist_openai_key: SecretStr | None = Field(
        None, description="API key at OpenAI, or at whoever answers in its manner"
    )
    strategist_timeout_s: int = Field(
        120, description="longest wait for one answer of a language model, in seconds", ge=1, le=900
    )
    strategist_daily_usd: Decimal = Field(
        Decimal(1),
        description="what may be spent on language models a day, in USD; failed calls count",
        ge=0,
        le=1_000,
    )
    strategist_prices_file: FilePath | None = Field(
        None,
        description="YAML file with what language models cost; a model without a price is not "
        "asked; unset, only those of Ollama have one, and are free",
    )
    strategist_playbook_file: FilePath | None = Field(
        None,
        description="YAML file with what the Strategist proposes by rule; unset, its own playbook",
    )
    strategist_briefing_tokens: int = Field(
        6000,
        description="tokens, as estimated, that the briefing of a language model may have",
        ge=500,
        le=100_000,
    )

    ledger_timeout_ms: int = Field(
        250, description="longest wait for one ledger call, in milliseconds", ge=10, le=10_000
    )
    journal_timeout_ms: int = Field(
        1000, description="longest wait for one journal write, in milliseconds", ge=10, le=30_000
    )
    door_timeout_ms: int = Field(
        200, description="time in which the door answers, in milliseconds", ge=10, le=10_000
    )
    ack_wait_ms: int = Field(
        3000,
        description="milliseconds until NATS hands an unfinished intent to another replica",
        ge=100,
        le=120_000,
    )
    intake_persistence: Literal["async", "sync"] = Field(
        "async",
        description="how the stream of intents writes, settled when it is first made: async leaves "
        "syncing to the operating system, so that a killed server or a power cut may take the last "
        "intents; sync takes a few thousand intents a second, and is for streams of several copies",
    )
    journal_max_bytes: int = Field(
        4_294_967_296,
        description="size of the journal, in bytes, at which nothing more is approved; "
        "make it hold the records of days",
        ge=16_777_216,
    )
    batch_max: int = Field(256, description="most intents decided together", ge=1, le=4096)
    batches_in_flight: int = Field(
        2, description="batches that one replica works on at once", ge=1, le=16
    )
    heartbeat_interval_s: int = Field(
        10, description="seconds between two heartbeats", ge=1, le=300
    )
    drain_timeout_s: int = Field(
        10, description="seconds to finish begun work when told to stop", ge=1, le=300
    )
    log_level: LogLevel = Field("info", description="debug, info, warning or error")
    log_format: LogFormat = Field(
        "auto", description="json, text, or auto: text on a terminal, else a JSON object a line"
    )
    otel_endpoint: CollectorUrl | None = Field(
        None,
        description="OpenTelemetry collector, as http://host:4317; unset, telemetry is off",
    )
    otel_protocol: CollectorProtocol = Field(
        "grpc", description="how the collector is spoken to: grpc or http/protobuf"
    )
    trace_ratio: float = Field(
        0.05,
        description="share of intents that are traced, 0 to 1, where the bot did not choose itself",
        ge=0,
        le=1,
    )
    replica: Token | None = Field(
        None, description="name of this process among its replicas; unset, host and process id"
    )

    @property
    def reserved_subjects(self) -> tuple[str, ...]:
        """Patterns of the subjects where only our own words, the engine's and the market's may be.

        Whoever names one of them as a reply address would have the gate speak there.
        """
        signals = self.signal_subject.replace(STRATEGY_PLACEHOLDER, "*")
        told = (signals, self.execution_subject, self.market_data_subject)
        return (*told, "cio.>", "$JS.>", "$SYS.>")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing behind the caller's back: `load_settings` is given the environment."""
        return (init_settings,)
