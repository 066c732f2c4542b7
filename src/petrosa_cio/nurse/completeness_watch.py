"""What the record role says of the record's completeness, as the gate last heard it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import orjson

from petrosa_cio.audit.gaps import Completeness

SILENT_AFTER = timedelta(seconds=60)

NOT_HEARD: Mapping[str, object] = {
    "status": Completeness.NOT_CHECKED,
    "gaps": None,
    "checked_until": None,
}
"""What is said when nothing was heard lately."""


class CompletenessWatch:
    """Keeps the last word on completeness. Nothing in the gate depends on it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Take the time, aware UTC."""
        self._clock = clock
        self._told: Mapping[str, object] = NOT_HEARD
        self._heard_at: datetime | None = None

    def heard(self, body: bytes) -> None:
        """Take note of a status; anything else on its subject is passed by."""
        try:
            told = orjson.loads(body)
            status = Completeness(told["status"])
            self._told = {
                "status": status,
                "gaps": int(told["gaps"]),
                "checked_until": told["checked_until"],
            }
            self._heard_at = self._clock()
        except (ValueError, KeyError, TypeError):
            return

    def now(self) -> Mapping[str, object]:
        """Return the last word, if it is not too old."""
        heard_at = self._heard_at
        is_old = heard_at is None or self._clock() - heard_at > SILENT_AFTER
        return NOT_HEARD if is_old else self._told
