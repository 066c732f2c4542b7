"""The chain: every stored record names the hash of the one before it. Pure.

A stored record is a flat document. It stands at a position ``seq``, counted 1, 2, 3... without a
gap, in the order of the journal; ``prev_hash`` is the hash of the record before it, and ``hash`` is
the SHA-256 of the document's canonical bytes, everything but ``hash`` itself. So whoever knows one
hash knows all that stands before it, whatever kinds of records those are.

The canonical bytes are JSON in UTF-8: keys in order, no spaces, instants as ``{"$date": "..."}`` in
UTC to the millisecond, which is all that MongoDB keeps. Only text, whole numbers, truth values,
null, instants and lists of these may stand in a record, so that what comes back from the store has
the very bytes that went in.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256

import orjson

from petrosa_cio.ports import Head

Document = dict[str, object]

MILLISECOND_US = 1_000

_PLAIN = frozenset({str, int, bool, type(None)})


GENESIS = Head(0, "0" * 64)
"""What the first record follows."""


class NotChainable(ValueError):
    """A document holds what no record may hold.

    Args:
        index: Which of the documents.
        why: What is wrong with it.
    """

    def __init__(self, index: int, why: str) -> None:
        super().__init__(why)
        self.index = index


def canonical(document: Mapping[str, object]) -> bytes:
    """Return the bytes that are hashed: the document without its ``hash``.

    Raises:
        ValueError: It holds something that no record may hold.
    """
    return written({key: value for key, value in document.items() if key != "hash"})


def written(document: Mapping[str, object]) -> bytes:
    """Return all of a document, ``hash`` included, in the form of `canonical`.

    Raises:
        ValueError: It holds something that no record may hold.
    """
    plain = {key: _plain(value) for key, value in document.items()}
    try:
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"no canonical bytes: {error}") from error


def read_written(line: bytes) -> Document:
    """Return the document that was written so.

    Raises:
        ValueError: It is none, or other bytes would say the same.
    """
    found = orjson.loads(line)
    if not isinstance(found, dict):
        raise ValueError("no document: expected a JSON object")
    document = {key: _read(value) for key, value in found.items()}
    if written(document) != line:
        raise ValueError("no document: it is written otherwise")
    return document


def hash_of(document: Mapping[str, object]) -> str:
    """Return the hash of a document, in hexadecimal. Raises ValueError as `canonical` does."""
    return sha256(canonical(document)).hexdigest()


def chained(head: Head, documents: Iterable[Document]) -> list[Document]:
    """Return documents as they follow the end of a chain, in order.

    Raises:
        NotChainable: One of them holds something that no record may hold.
    """
    linked = []
    for index, document in enumerate(documents):
        following = document | {"seq": head.seq + 1, "prev_hash": head.hash}
        try:
            following["hash"] = hash_of(following)
        except ValueError as error:
            raise NotChainable(index, str(error)) from error
        head = head_at(following)
        linked.append(following)
    return linked


def head_at(document: Mapping[str, object]) -> Head:
    """Return the end of a chain whose last record this is."""
    seq, its_hash = document["seq"], document["hash"]
    if not isinstance(seq, int) or not isinstance(its_hash, str):
        raise ValueError("seq or hash of a record has another type")
    return Head(seq, its_hash)


def whole_ms(instant: datetime) -> datetime:
    """Return an instant to the millisecond, rounded down, as the store keeps it."""
    return instant.replace(microsecond=instant.microsecond // MILLISECOND_US * MILLISECOND_US)


def written_instant(instant: datetime) -> str:
    """Return an instant as text. Raises ValueError where it has no zone or is finer than that."""
    if instant.tzinfo is None or instant.microsecond % MILLISECOND_US:
        raise ValueError(f"expected an instant to the millisecond with its zone, was {instant}")
    # The zone of UTC is written +00:00; six characters.
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _plain(value: object) -> object:
    # By exact type: the subclasses with which a driver marks special values are other values.
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, datetime):
        return {"$date": written_instant(value)}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, int):  # a 64-bit number is a number
        return int(value)
    raise ValueError(f"expected text, numbers, instants or lists, was {kind.__name__}")


def _read(value: object) -> object:
    if isinstance(value, dict):
        if value.keys() != {"$date"} or not isinstance(value["$date"], str):
            raise ValueError("no document: expected an object only where an instant stands")
        return datetime.fromisoformat(value["$date"])
    return [_read(one) for one in value] if isinstance(value, list) else value
