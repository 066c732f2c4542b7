"""A policy as people write it: as YAML, and as single fields that are set. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import yaml

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.documents import policy_document_of, read_value
from petrosa_cio.risk.policy import PolicyDocument

_NAMED_ONCE: Final = ("symbols", "strategies", "regimes")
_TWO_NAMES: Final = 2


class _Writer(yaml.SafeDumper):
    """YAML in which numbers are written as they are meant."""


def _as_meant(writer: yaml.SafeDumper, number: Decimal) -> yaml.ScalarNode:
    text = f"{number:f}"
    kind = "float" if "." in text else "int"
    return writer.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


_Writer.add_representer(Decimal, _as_meant)


def policy_text(document: PolicyDocument) -> str:
    """Return a document as YAML, with what it states and nothing else."""
    return yaml.dump(
        _plain(document.model_dump(exclude_unset=True)),
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )


def with_fields(document: PolicyDocument, fields: Iterable[str]) -> PolicyDocument:
    """Return a document with some fields set anew.

    Args:
        document: What it is now.
        fields: Such as ``symbols.BTCUSDT.max_position_usd=500``; with nothing behind the ``=`` the
            field states nothing any more. ``overlays.NAME=`` takes away a whole overlay.

    Raises:
        PolicyRejected: A field is none, or cannot be what it is set to.
    """
    content = _plain(document.model_dump(exclude_unset=True))
    for field in fields:
        path, value = _split(field)
        if path.startswith("overlays."):
            _end_overlay(content, path.removeprefix("overlays."), value)
        else:
            _set(content["policy"], path, value)
    return policy_document_of(content)


def with_overlay(
    document: PolicyDocument,
    fields: Iterable[str],
    *,
    overlay_id: str,
    reason: str,
    expires_at: datetime,
) -> PolicyDocument:
    """Return a document that some fields narrow until a moment. Raises PolicyRejected."""
    content = _plain(document.model_dump(exclude_unset=True))
    overlay: dict[str, Any] = {
        "overlay_id": overlay_id,
        "reason": reason,
        "expires_at": expires_at.isoformat(),
    }
    for field in fields:
        _set(overlay, *_split(field))
    content["overlays"] = [*content.get("overlays", []), overlay]
    return policy_document_of(content)


def _split(field: str) -> tuple[str, str]:
    path, separator, value = field.partition("=")
    if not separator:
        raise PolicyRejected([f"expected FIELD=VALUE, was {field!r}"])
    return path.strip(), value.strip()


def _set(content: dict[str, Any], path: str, value: str) -> None:
    place = _place(path)
    at = content
    for step in place[:-1]:
        at = at.setdefault(step, {})
    if value:
        at[place[-1]] = read_value(value)
    elif at.pop(place[-1], None) is None:
        raise PolicyRejected([f"{path} is not stated, so it cannot be taken away"])


def _place(path: str) -> list[str]:
    """Return where a field stands. Names of strategies may have dots, those of fields have none."""
    family, *rest = path.split(".")
    if family in _NAMED_ONCE and len(rest) >= _TWO_NAMES:
        return [family, ".".join(rest[:-1]), rest[-1]]
    if family == "strategy_symbols" and len(rest) > _TWO_NAMES:
        return [family, ".".join(rest[:-2]), *rest[-2:]]
    if (family == "fund" and len(rest) == 1) or (family == "name" and not rest):
        return [family, *rest]
    raise PolicyRejected(
        [f"{path!r} is no field: expected one such as fund.max_order_notional_usd"]
    )


def _end_overlay(content: dict[str, Any], name: str, value: str) -> None:
    kept = [one for one in content.get("overlays", []) if one["overlay_id"] != name]
    if value or len(kept) == len(content.get("overlays", [])):
        raise PolicyRejected([f"there is no overlay {name!r} to take away"])
    content["overlays"] = kept


def _plain(value: Any) -> Any:
    """Return what a document says as mappings, lists, text and numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(_plain(one) for one in value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else value
