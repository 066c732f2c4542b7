"""The durable streams, and how they are set up.

Set-up is repeatable: each process asks for the streams it needs, and finds them as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, PersistMode, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from petrosa_cio.adapters.nats_connection import translated

INTENTS = "CIO_INTENTS"
JOURNAL = "CIO_JOURNAL"
EXECUTIONS = "CIO_EXECUTIONS"

JOURNAL_SUBJECT = "cio.journal.records"

INTENTS_MAX_AGE_S = 86_400
"""How long a captured intent waits for a gate: far beyond the age at which it is stale."""

INTENTS_DUPLICATE_WINDOW_S = 0.1
"""Within this window strangers' equal ``Nats-Msg-Id``s swallow each other's messages; the ledger
judges repetition, so it is made as short as the server allows."""

OURS = ("subjects", "retention", "discard", "max_age", "max_bytes", "duplicate_window")
"""What of a stream this program states; copies, placement and the like are left as they are."""

EXECUTIONS_MAX_AGE_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What of the streams is a matter of deployment.

    Attributes:
        intent_subjects: Subjects on which intents arrive.
        execution_subject: Subject on which the engine reports executions.
        journal_max_bytes: Size at which the journal refuses further records.
        intake_is_async: Whether the stream of intents, when it is made, leaves syncing to the
            operating system. A server takes that for a stream of one copy only.
    """

    intent_subjects: Sequence[str]
    execution_subject: str
    journal_max_bytes: int
    intake_is_async: bool = True


async def ensure_streams(js: JetStreamContext, settings: StreamSettings) -> None:
    """Create the three streams, or bring them up to date. Raises Unavailable."""
    for config in stream_configs(settings):
        await _ensure(js, config)


def stream_configs(settings: StreamSettings) -> tuple[StreamConfig, ...]:
    """Return how the three streams are to be set up."""
    return (
        StreamConfig(
            name=INTENTS,
            subjects=list(settings.intent_subjects),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            max_age=INTENTS_MAX_AGE_S,
            duplicate_window=INTENTS_DUPLICATE_WINDOW_S,
            persist_mode=PersistMode.ASYNC if settings.intake_is_async else None,
        ),
        StreamConfig(
            name=JOURNAL,
            subjects=[JOURNAL_SUBJECT],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            max_bytes=settings.journal_max_bytes,
        ),
        StreamConfig(
            name=EXECUTIONS,
            subjects=[settings.execution_subject],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            max_age=EXECUTIONS_MAX_AGE_S,
        ),
    )


async def _ensure(js: JetStreamContext, config: StreamConfig) -> None:
    """Make a stream, or set what is ours in one that is there; the rest is its operator's."""
    with translated():
        try:
            found = (await js.stream_info(str(config.name))).config
        except NotFoundError:
            await js.add_stream(config)
            return
        wanted = replace(found, **{name: getattr(config, name) for name in OURS})
        if wanted != found:
            await js.update_stream(wanted)


async def replay_from_start(js: JetStreamContext, stream: str, consumer: str) -> None:
    """Let a durable consumer start over, if it exists. Raises Unavailable."""
    with translated():
        try:
            await js.consumer_info(stream, consumer)
        except NotFoundError:
            return  # the server does not answer where there is nothing to reset
        await js.reset_consumer(stream, consumer, seq=1)
