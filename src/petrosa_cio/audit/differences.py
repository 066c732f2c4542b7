"""What differs between two records, field by field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

REASON_FIELDS = ("code", "effect", "limit", "observed", "scope", "entry", "would_pass")
"""A reason is recorded as a list; here its places have names."""

ABSENT = "(absent)"

Value = object


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs.

    Attributes:
        path: Where it stands, as ``verdict.reasons[0].limit``.
        recorded: What the record says, as text.
        now: What is decided now, as text.
    """

    path: str
    recorded: str
    now: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.path}: {self.recorded} -> {self.now}"


def differences(recorded: Value, now: Value, path: str = "") -> Iterator[Difference]:
    """Iterate over what differs, in the order of the record."""
    if isinstance(recorded, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*recorded, *now)):
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(recorded.get(key, ABSENT), now.get(key, ABSENT), inner)
    elif isinstance(recorded, list) and isinstance(now, list):
        for place in range(max(len(recorded), len(now))):
            yield from differences(_at(recorded, place), _at(now, place), _inner(path, place))
    elif recorded != now or type(recorded) is not type(now):
        yield Difference(path, _text(recorded), _text(now))


def _at(items: list[Value], place: int) -> Value:
    return items[place] if place < len(items) else ABSENT


def _inner(path: str, place: int) -> str:
    if path.rpartition("[")[0].endswith(".reasons") and place < len(REASON_FIELDS):
        return f"{path}.{REASON_FIELDS[place]}"
    return f"{path}[{place}]"


def _text(value: Value) -> str:
    if isinstance(value, list) and value and isinstance(value[0], str):
        return value[0]  # a whole reason, claim or rate: its code says which
    return "none" if value is None else str(value)
