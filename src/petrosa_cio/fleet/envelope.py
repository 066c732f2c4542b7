"""The envelope in which the fleet's services answer, read strictly.

A refusal comes with status 200 as often as not: ``success`` says what the status does not. Its
``error`` is an object with ``code`` and ``message``, or, of a rate limit, a text beside ``reason``
and ``retry_after``. What a framework refuses by itself has ``detail`` alone.
"""

from collections.abc import Mapping
from typing import Final

from petrosa_cio.errors import NeighbourRefused, NeighbourSilent
from petrosa_cio.fleet.neighbour_api import Answer

MOST_WORDS: Final = 500
TOO_MANY: Final = 429
REFUSED_FROM: Final = 300


def data_of(neighbour: str, answer: Answer, *, was_asked_to_change: bool = False) -> object:
    """Return the data of an answer.

    Args:
        neighbour: Whose answer it is.
        answer: The answer.
        was_asked_to_change: Whether it may have acted, where the answer cannot be read.

    Raises:
        NeighbourRefused: It says that it does not do it.
        NeighbourSilent: It is no answer in this envelope.
    """
    content = answer.content
    fields = content if isinstance(content, Mapping) else {}
    if answer.status == TOO_MANY:
        raise NeighbourRefused(
            neighbour,
            words_of(fields.get("error", "rate_limit_exceeded")),
            words_of(fields.get("reason", "")),
            retry_after_s=_seconds(fields.get("retry_after")),
        )
    if answer.status >= REFUSED_FROM:
        said = words_of(fields.get("detail", ""))
        raise NeighbourRefused(neighbour, f"status {answer.status}", said)
    success = fields.get("success")
    if not isinstance(success, bool):
        seen = "answers without saying whether it succeeded"
        raise NeighbourSilent(neighbour, seen, may_have_acted=was_asked_to_change)
    if not success:
        raise _refusal(neighbour, fields.get("error"))
    return fields.get("data")


def object_of(neighbour: str, data: object) -> Mapping[str, object]:
    """Return data that must be an object. Raises NeighbourSilent."""
    if not isinstance(data, Mapping):
        raise NeighbourSilent(neighbour, "answers no object", may_have_acted=False)
    return data


def rows_of(neighbour: str, data: object) -> list[Mapping[str, object]]:
    """Return data that must be a list of objects. Raises NeighbourSilent."""
    if not isinstance(data, list) or not all(isinstance(one, Mapping) for one in data):
        raise NeighbourSilent(neighbour, "answers no list of objects", may_have_acted=False)
    return data


def words_of(said: object) -> str:
    """Return a stranger's words as one bounded line that a terminal can show."""
    plain = "".join(sign if sign.isprintable() else " " for sign in str(said))
    return " ".join(plain.split())[:MOST_WORDS]


def _refusal(neighbour: str, error: object) -> NeighbourRefused:
    if not isinstance(error, Mapping):
        return NeighbourRefused(neighbour, words_of(error or "no reason"), "")
    code, message = error.get("code", "no code"), error.get("message", "")
    details = error.get("details")
    words = f"{message} {details}" if details else message
    return NeighbourRefused(neighbour, words_of(code), words_of(words))


def _seconds(stated: object) -> int | None:
    is_number = isinstance(stated, int) and not isinstance(stated, bool)
    return stated if is_number and isinstance(stated, int) and stated >= 0 else None
