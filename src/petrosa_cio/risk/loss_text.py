"""A book of losses as JSON, exact, and back: for the store, the journal and the record."""

from dataclasses import replace

import msgspec

from petrosa_cio.risk.losses import LossBook

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(LossBook)


def write_losses(book: LossBook) -> bytes:
    """Return a book as JSON: the same book makes the same bytes."""
    return _ENCODER.encode(book)


def read_losses(document: bytes) -> LossBook | None:
    """Return the book that a document holds; None where it holds none that reads."""
    try:
        return _DECODER.decode(document)
    except msgspec.MsgspecError:
        return None


def losses_about(book: LossBook, token: str) -> LossBook:
    """Return what of a book is about the fund or one strategy."""
    trail = book.strategies.get(token)
    return replace(
        book,
        strategies={} if trail is None else {token: trail},
        latches=tuple(one for one in book.latches if one.strategy in ("", token)),
    )
