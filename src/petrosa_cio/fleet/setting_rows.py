"""Rows of the services' own histories, and numbers on their way there."""

from collections.abc import Mapping
from decimal import Decimal

from petrosa_cio.errors import SettingRejected
from petrosa_cio.fleet.envelope import words_of
from petrosa_cio.fleet.neighbour import PastChange, Settings


def past_change(
    row: Mapping[str, object], *, change_id: str, before: str, after: str, at: str
) -> PastChange:
    """Return a row of a history.

    Args:
        row: The row as it came.
        change_id: Where it says its own name.
        before: Where it says the settings before.
        after: Where it says the settings after.
        at: Where it says when.
    """
    return PastChange(
        change_id=words_of(row.get(change_id) or ""),
        version=version_of(row.get("version_after")),
        action=words_of(row.get("action") or "").lower(),
        before=_settings(row.get(before)),
        after=_settings(row.get(after)),
        changed_by=words_of(row.get("changed_by") or ""),
        at=words_of(row.get(at) or ""),
        reason=words_of(row.get("reason") or ""),
    )


def version_of(stated: object) -> int | None:
    """Return a version, if it is one."""
    is_number = isinstance(stated, int) and not isinstance(stated, bool)
    return stated if is_number and isinstance(stated, int) else None


def on_the_wire(settings: Settings) -> dict[str, object]:
    """Return settings as they are sent: exact decimals as the numbers that services compute with.

    Raises:
        SettingRejected: A number is not finite, or has more digits than such a number keeps.
    """
    return {name: _sendable(name, value) for name, value in settings.items()}


def _settings(stated: object) -> Settings | None:
    return stated if isinstance(stated, Mapping) else None


def _sendable(name: str, value: object) -> object:
    if isinstance(value, Decimal):
        number = float(value) if value.is_finite() else 0.0
        if not value.is_finite() or Decimal(repr(number)) != value:
            raise SettingRejected([f"{name}: {value} is no number that the service keeps exactly"])
        return number
    if isinstance(value, list | tuple):
        return [_sendable(name, one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _sendable(name, one) for key, one in value.items()}
    return value
