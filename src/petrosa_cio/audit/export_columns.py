"""The columns of an export, in their order: what they are called, what they hold, and how.

They are a promise to whoever reads exports by program: a column is never renamed or given another
meaning; new ones are added at the end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from petrosa_cio.audit.found_record import content_of, part, reasons_of
from petrosa_cio.ports import StoredRecord

Fields = Mapping[str, Any]


class Form(StrEnum):
    """What a column holds."""

    INTEGER = "whole number"
    TEXT = "text"
    DECIMAL = "exact number"
    TIME = "time"
    TEXTS = "list of texts"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Its name, with the unit where it has one.
        form: What it holds.
        about: What it tells, in words.
        read: Takes it from a stored record and that record's own JSON.
    """

    name: str
    form: Form
    about: str
    read: Callable[[StoredRecord, Fields], object]


def _own(name: str, form: Form, about: str, field: str = "") -> Column:
    """Return a column that is stored beside the record."""
    return Column(name, form, about, lambda found, _: getattr(found, field or name))


def _told(name: str, form: Form, about: str, *path: str) -> Column:
    """Return a column that the record itself tells, at a path within it."""
    *above, field = path or (name,)
    return Column(name, form, about, lambda _, content: part(content, *above).get(field))


def _requested_notional_usd(_: StoredRecord, content: Fields) -> object:
    size = part(content, "decision", "assessment").get("size")
    return size[2] if isinstance(size, list) and len(size) > 2 else None  # noqa: PLR2004


_SNAPSHOT = ("decision", "snapshot")

COLUMNS = (
    _own("seq", Form.INTEGER, "position in the chain"),
    _own("hash", Form.TEXT, "hash of the record, and so of all before it"),
    _own("prev_hash", Form.TEXT, "hash of the record before"),
    _own("kind", Form.TEXT, "what it tells: `verdict`, `withdrawal`, `change`, ..."),
    _own("at_utc", Form.TIME, "the moment that it tells of", "at"),
    _own("journaled_at_utc", Form.TIME, "when the journal stored it", "journaled_at"),
    _own("fund", Form.TEXT, "the fund"),
    _own("decision_id", Form.TEXT, "the decision, or the identity of a change"),
    _own("strategy", Form.TEXT, "the strategy, as it names itself"),
    _own("symbol", Form.TEXT, "the symbol"),
    _own("action", Form.TEXT, "what the bot wants to do"),
    _own("intent_id", Form.TEXT, "what the bot calls its intent"),
    _own("trace_id", Form.TEXT, "its trace"),
    _own("verdict", Form.TEXT, "`approve`, `reduce` or `deny`"),
    _own("codes", Form.TEXTS, "reason codes, in table order"),
    Column("reasons", Form.TEXTS, "reasons with their numbers", lambda _, one: reasons_of(one)),
    _told("requested_quantity_base_units", Form.DECIMAL, "the size that was asked for",
          "verdict", "requested_quantity"),
    Column("requested_notional_usd", Form.DECIMAL, "what that is worth", _requested_notional_usd),
    _told("approved_quantity_base_units", Form.DECIMAL, "the size that was approved",
          "verdict", "quantity"),
    _told("price_usd", Form.DECIMAL, "the price at which it was judged", "verdict", "price"),
    _told("reference_price_usd", Form.DECIMAL, "the market's price then, as far as known",
          *_SNAPSHOT, "reference_price", "price"),
    _told("equity_usd", Form.DECIMAL, "the fund's equity then, as far as known",
          *_SNAPSHOT, "equity_usd"),
    _told("regime", Form.TEXT, "the market regime that counted", *_SNAPSHOT, "regime", "name"),
    _own("policy_revision", Form.INTEGER, "revision under which it was decided"),
    _told("policy_hash", Form.TEXT, "hash of that policy", "decision", "policy_hash"),
    _told("charter_hash", Form.TEXT, "hash of the charter", "decision", "charter_hash"),
    _told("mode", Form.TEXT, "`enforce` or `observe`"),
    _told("replica", Form.TEXT, "the gate process"),
    _told("code_version", Form.TEXT, "version of the program"),
    _own("later_reason", Form.TEXT, "why an approval came to nothing", "reason"),
    _told("change_subject", Form.TEXT, "what was changed", "change", "subject"),
    _told("change_scope", Form.TEXT, "of what", "change", "scope"),
    _told("change_author", Form.TEXT, "who changed it", "change", "author"),
    _told("change_reason", Form.TEXT, "why", "change", "reason"),
)  # fmt: skip
"""Every column that each export has."""

RECORD = _own("record", Form.TEXT, "the record's own JSON, as it was journaled; if asked for")


def row_of(found: StoredRecord, columns: tuple[Column, ...]) -> list[object]:
    """Return what stands in each column. Raises RecordUnreadable."""
    content = content_of(found)
    return [_in_form(one.read(found, content), one.form) for one in columns]


def _in_form(value: object, form: Form) -> object:
    """Return a value as its column promises it, whatever an older or other writer put there."""
    if form in (Form.TEXT, Form.DECIMAL) and value is not None:
        return str(value)
    return [str(one) for one in value] if isinstance(value, list | tuple) else value
