"""JSON from strangers, read strictly: exact numbers, no NaN or Infinity, no key twice."""

import json
from collections.abc import Mapping
from decimal import Decimal


class NotStrictJson(ValueError):
    """Why some bytes are no JSON object that is read here, as a sentence."""


def load_object(body: bytes, max_bytes: int) -> Mapping[str, object]:
    """Return the object in some bytes, its numbers as ``int`` or exact ``Decimal``.

    Args:
        body: The bytes, in UTF-8.
        max_bytes: More than this are not read at all.

    Raises:
        NotStrictJson: They hold no such object. Nothing else is raised, whatever the bytes.
    """
    message = load_value(body, max_bytes)
    if not isinstance(message, dict):
        raise NotStrictJson("not a JSON object")
    return message


def load_value(body: bytes, max_bytes: int) -> object:
    """Return what some bytes hold, an object or anything else, as `load_object` does.

    Raises:
        NotStrictJson: They hold nothing that is read here. Nothing else is raised.
    """
    if len(body) > max_bytes:
        raise NotStrictJson(f"{len(body)} bytes, more than the {max_bytes} that are read")
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except NotStrictJson:
        raise
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise NotStrictJson(f"not JSON: {type(error).__name__}") from error


def _refuse_constant(token: str) -> object:
    raise NotStrictJson(f"{token} is not a number that can be traded")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrictJson("a key stands twice in one object")
    return found


_DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique
)
