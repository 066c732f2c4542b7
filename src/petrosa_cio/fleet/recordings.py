"""Recorded intents: files of messages that bots once sent, to send again or to judge.

A file holds one JSON object a line, each a record ``{"subject", "payload", "market_time"}`` or a
bare payload; or it is a single JSON object over several lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import orjson

from petrosa_cio.risk.parse import Malformed, parse_intent, subject_token

DEFAULT_SUBJECT = "intent"
ID_FIELDS = ("intent_id", "signal_id", "id", "order_id")


@dataclass(frozen=True, slots=True)
class RecordedIntent:
    """One recorded message.

    Attributes:
        subject: Where it was published.
        payload: What was published.
        market_time: When, if the recording says so; aware UTC.
    """

    subject: str
    payload: dict[str, object]
    market_time: datetime | None = None

    @property
    def sent_at(self) -> datetime | None:
        """When it was sent, by the recording or else by itself; None where neither says."""
        if self.market_time is not None:
            return self.market_time
        intent = parse_intent(self.body())
        return None if isinstance(intent, Malformed) else intent.stated_at

    def body(self, *, at: datetime | None = None, new_ids: bool = False) -> bytes:
        """Return the message's bytes, made anew.

        Args:
            at: The time it shall bear; None keeps its own.
            new_ids: Whether each id it bears is replaced by a new one.
        """
        payload = dict(self.payload)
        if at is not None:
            payload["timestamp"] = at.isoformat()
        if new_ids:
            payload |= {key: uuid4().hex for key in ID_FIELDS if isinstance(payload.get(key), str)}
        return orjson.dumps(payload)


def read_recording(content: bytes) -> Iterator[RecordedIntent]:
    """Iterate over the recorded intents in a file's content.

    Raises:
        ValueError: A line is no JSON object; the message says which.
    """
    try:
        yield _recorded(orjson.loads(content))
        return
    except orjson.JSONDecodeError:
        pass  # more than one object: a line each
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            try:
                yield _recorded(orjson.loads(line))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error


def _recorded(message: object) -> RecordedIntent:
    if not isinstance(message, dict):
        raise ValueError("expected a JSON object")
    payload = message.get("payload")
    if not isinstance(payload, dict):
        return RecordedIntent(_subject_of(message), message)
    subject, at = message.get("subject"), message.get("market_time")
    return RecordedIntent(
        subject if isinstance(subject, str) else _subject_of(payload),
        payload,
        _instant(at) if isinstance(at, str) else None,
    )


def _instant(text: str) -> datetime:
    """Return a recorded time; one without an offset is UTC, as everywhere in the fleet."""
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"no such time: {text}") from error


def _subject_of(payload: dict[str, object]) -> str:
    strategy = payload.get("strategy_id") or payload.get("strategy") or "unknown"
    return f"{DEFAULT_SUBJECT}.{subject_token(str(strategy))}"
