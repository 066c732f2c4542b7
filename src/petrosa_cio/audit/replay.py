"""Decides again from the record, and proves that the same bytes come out.

From the record of a verdict its message is read anew, the world is put together as it was known
then, and both halves of the decision are made with the readings that the ledger gave then. Then the
record is written again: it must be the same, byte for byte. Where something is not at hand that
decided, nothing is said of the verdict but what is missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import orjson

from petrosa_cio.audit.differences import Difference, differences
from petrosa_cio.audit.governing import Documents, PastGoverning
from petrosa_cio.audit.record import SCHEMA_VERSION, RecordKind
from petrosa_cio.audit.redecide import decide_again, is_cut, is_too_long
from petrosa_cio.audit.reread import Fields

OTHERWISE_WRITTEN = Difference("record", "the same fields", "written in other bytes")


class Outcome(StrEnum):
    """What became of deciding again."""

    EQUAL = "equal"
    DIFFERENT = "different"
    IMPOSSIBLE = "cannot be decided again"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One verdict, decided again.

    Attributes:
        decision_id: The decision; empty where the record names none.
        outcome: Equal, different, or impossible to say.
        differences: Every field that differs.
        missing: Why it cannot be decided again, a sentence each.
    """

    decision_id: str
    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    missing: tuple[str, ...] = ()


class Replay:
    """Decides again, one record after the other."""

    def __init__(self, documents: Documents, *, code_version: str) -> None:
        """Take what governed then, and which version of the program decides now."""
        self._governing = PastGoverning(documents)
        self._code_version = code_version

    async def replay(self, line: bytes) -> Replayed:
        """Decide the verdict of a record again. Raises Unavailable.

        Args:
            line: The record of a verdict, in the bytes in which it is kept.
        """
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return _impossible("", [f"the record is not JSON: {error}"])
        decision_id = str(record.get("decision_id", "")) if isinstance(record, dict) else ""
        try:
            return await self._replay(decision_id, record, line)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            problem = f"the record is not complete: {type(error).__name__} {error}"
            return _impossible(decision_id, [problem])

    async def _replay(self, decision_id: str, record: Fields, line: bytes) -> Replayed:
        missing = list(_foreign(record, self._code_version))
        if missing:
            return _impossible(decision_id, missing)
        found = await self._governing.of(record)
        if found.governing is None:
            return _impossible(decision_id, found.missing)
        again = decide_again(record, found.governing)
        if again == line:
            return Replayed(decision_id, Outcome.EQUAL)
        differing = tuple(differences(record, orjson.loads(again))) or (OTHERWISE_WRITTEN,)
        return Replayed(decision_id, Outcome.DIFFERENT, differing)


def _impossible(decision_id: str, missing: Iterable[str]) -> Replayed:
    return Replayed(decision_id, Outcome.IMPOSSIBLE, missing=tuple(missing))


def _foreign(record: Fields, code_version: str) -> Iterator[str]:
    """Iterate over why this program cannot decide a record again, whatever governed."""
    if record["kind"] != RecordKind.VERDICT:
        yield f"it is the record of a {record['kind']}, not of a verdict"
        return
    if record["schema_version"] != SCHEMA_VERSION:
        yield f"its schema is {record['schema_version']}; this program knows {SCHEMA_VERSION}"
        return
    settings = record["decision"].get("settings")
    if settings is None:
        yield "it does not say by which settings it was decided: it is of an older program"
    versions = {record["code_version"], (settings or record)["code_version"]}
    for version in sorted(versions - {code_version}):
        yield f"it was decided by version {version}; this program is {code_version}"
    if settings and is_cut(record["source"]) and not is_too_long(record):
        yield f"only the beginning of its {record['source']['body_bytes']} bytes was kept"
