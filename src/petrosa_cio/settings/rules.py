"""What must hold between settings that are each fine alone."""

import re
from collections.abc import Callable
from typing import NamedTuple

from petrosa_cio.settings.model import Settings
from petrosa_cio.settings.subjects import STRATEGY_PLACEHOLDER, subjects_overlap


class Rule(NamedTuple):
    """What must hold between settings that are each fine alone."""

    fields: tuple[str, ...]
    broken: Callable[[Settings], bool]
    message: str
    mend: str


def _own_subjects(settings: Settings) -> tuple[str, ...]:
    signal = settings.signal_subject.replace(STRATEGY_PLACEHOLDER, "*")
    return (signal, settings.door_subject, settings.heartbeat_subject, settings.execution_subject)


def _any_overlap(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return any(subjects_overlap(one, other) for one in left for other in right)


def _overlap_among(subjects: tuple[str, ...]) -> bool:
    return any(_any_overlap((one,), subjects[index + 1 :]) for index, one in enumerate(subjects))


_NATS_EXTRAS = tuple(
    name for name in Settings.model_fields if re.match(r"nats_(?!url|monitoring)", name)
)
_SUBJECTS = ("intent_subjects", "signal_subject", "door_subject", "heartbeat_subject",
             "execution_subject")  # fmt: skip
RULES = (
    Rule(
        ("nats_url", *_NATS_EXTRAS),
        lambda s: s.nats_url is None and any(getattr(s, name) for name in _NATS_EXTRAS),
        "credentials or TLS files for NATS are set, but no server",
        "Set CIO_NATS_URL, or unset the other CIO_NATS_* variables.",
    ),
    Rule(
        ("nats_tls_key_file", "nats_tls_cert_file"),
        lambda s: (s.nats_tls_key_file is None) != (s.nats_tls_cert_file is None),
        "a TLS certificate and its key go together, and one is missing",
        "Set both CIO_NATS_TLS_CERT_FILE and CIO_NATS_TLS_KEY_FILE, or neither.",
    ),
    Rule(
        ("nats_user", "nats_password"),
        lambda s: (s.nats_user is None) != (s.nats_password is None),
        "a user and a password go together, and one is missing",
        "Set both CIO_NATS_USER and CIO_NATS_PASSWORD, or neither.",
    ),
    Rule(
        ("nats_user", "nats_token", "nats_credentials_file"),
        lambda s: sum(map(bool, (s.nats_user, s.nats_token, s.nats_credentials_file))) > 1,
        "more than one way to sign in to NATS is set",
        "Keep one of CIO_NATS_USER, CIO_NATS_TOKEN and CIO_NATS_CREDENTIALS_FILE.",
    ),
    Rule(
        ("redis_tls_ca_file", "redis_url"),
        lambda s: bool(s.redis_tls_ca_file) and not (s.redis_url or "").startswith("rediss://"),
        "a TLS authority is set for a Redis connection without TLS",
        "Set CIO_REDIS_URL to a rediss:// address, or unset CIO_REDIS_TLS_CA_FILE.",
    ),
    Rule(
        ("mongo_tls_ca_file", "mongo_url"),
        lambda s: s.mongo_tls_ca_file is not None and s.mongo_url is None,
        "a TLS authority is set for MongoDB, but no server",
        "Set CIO_MONGO_URL, or unset CIO_MONGO_TLS_CA_FILE.",
    ),
    Rule(
        ("mongo_prune_url", "mongo_url"),
        lambda s: s.mongo_prune_url is not None and s.mongo_prune_url == s.mongo_url,
        "who deletes old records must not be who stores them, and both sign in alike",
        "Set CIO_MONGO_PRUNE_URL to the user that `cio audit init --prune-user` makes.",
    ),
    Rule(
        ("webhook_url", "webhook_secret"),
        lambda s: (s.webhook_url is None) != (s.webhook_secret is None),
        "what a webhook is told is signed, so its address and its secret go together",
        "Set both CIO_WEBHOOK_URL and CIO_WEBHOOK_SECRET, or neither.",
    ),
    Rule(
        ("ack_wait_ms", "ledger_timeout_ms", "journal_timeout_ms"),
        lambda s: s.ack_wait_ms <= 2 * s.ledger_timeout_ms + s.journal_timeout_ms,
        "a batch may wait for two ledger calls and one journal write, longer than this",
        "Set CIO_ACK_WAIT_MS above 2 x CIO_LEDGER_TIMEOUT_MS + CIO_JOURNAL_TIMEOUT_MS.",
    ),
    Rule(
        _SUBJECTS,
        lambda s: _any_overlap(s.intent_subjects, _own_subjects(s)),
        "an intent subject also matches one of CIO_SIGNAL_SUBJECT, CIO_DOOR_SUBJECT, "
        "CIO_HEARTBEAT_SUBJECT, CIO_EXECUTION_SUBJECT: what is sent would come back as an intent",
        "Choose subjects that cannot match one another.",
    ),
    Rule(
        ("market_data_subject", *_SUBJECTS),
        lambda s: _any_overlap(
            (s.market_data_subject,), (*s.intent_subjects, *_own_subjects(s), "cio.>")
        ),
        "the market data would be heard as something else, or something else as market data",
        "Choose a subject that is the market data's alone.",
    ),
    Rule(
        ("watch_signals", "intent_subjects"),
        lambda s: (
            _any_overlap(s.watch_signals, s.intent_subjects) or _overlap_among(s.watch_signals)
        ),
        "a watched subject matches an intent subject or another watched one: what is no signal "
        "would be taken for a rogue, and a signal for two",
        "Watch only subjects of signals, each once.",
    ),
    Rule(
        ("intent_subjects",),
        lambda s: _overlap_among(s.intent_subjects),
        "two of the intent subjects match one another, and NATS refuses such a stream",
        "Keep the wider of the two.",
    ),
)
