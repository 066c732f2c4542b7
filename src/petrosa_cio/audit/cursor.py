"""Where the next page of a search begins, as text that nobody need understand. Pure.

It holds a place, where the record ended when the search began, and what was asked for, as a hash.
It is no secret and is not signed: whoever makes one up sees nothing that another search would not
show them. A checksum finds what was damaged on the way.
"""

import struct
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import orjson

from petrosa_cio.errors import QueryRejected
from petrosa_cio.ports import Place, RecordQuery

_FORM = struct.Struct(">BqqQ8s")
_FORM_VERSION = 1
_CHECKSUM_BYTES = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins.

    Attributes:
        after: Where the last record of the page before stands.
        last_position: Position of the last record when the search began.
    """

    after: Place
    last_position: int


def written_cursor(cursor: Cursor, query: RecordQuery) -> str:
    """Return a cursor as text: letters, digits, ``-`` and ``_``."""
    at_ms = (cursor.after.at - _EPOCH) // _MILLISECOND
    content = _FORM.pack(
        _FORM_VERSION, at_ms, cursor.after.seq, cursor.last_position, _query_hash(query)
    )
    return urlsafe_b64encode(content + _checksum(content)).rstrip(b"=").decode("ascii")


def read_cursor(text: str, query: RecordQuery) -> Cursor:
    """Return what a cursor says. Raises QueryRejected where it is damaged or of another search."""
    try:
        padded = text + "=" * (-len(text) % 4)
        whole = b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        content, checksum = whole[:-_CHECKSUM_BYTES], whole[-_CHECKSUM_BYTES:]
        version, at_ms, seq, last, query_hash = _FORM.unpack(content)
    except (NotBase64, ValueError, struct.error) as error:
        raise QueryRejected(["cursor: it is none, or not a whole one; begin anew"]) from error
    if checksum != _checksum(content) or version != _FORM_VERSION:
        raise QueryRejected(["cursor: it was damaged on the way; begin anew"])
    if query_hash != _query_hash(query):
        raise QueryRejected(["cursor: it belongs to another search; state what that one stated"])
    try:
        return Cursor(Place(_EPOCH + at_ms * _MILLISECOND, seq), last)
    except OverflowError as error:
        raise QueryRejected(["cursor: it names no time; begin anew"]) from error


def _checksum(content: bytes) -> bytes:
    return sha256(b"petrosa-cio cursor" + content).digest()[:_CHECKSUM_BYTES]


def _query_hash(query: RecordQuery) -> bytes:
    plain = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(query).items()
    }
    return sha256(orjson.dumps(plain)).digest()[:8]
