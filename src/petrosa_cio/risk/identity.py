"""The identities by which decisions and repetitions are told apart.

A decision belongs to one captured message: the stream's name, its creation time, and the message's
sequence and time name it, so a redelivery finds its own decision again. The time is needed because
a stream that lost its end, or was restored from a copy, gives the same sequences out again.

What the bot calls its intent is a second, weaker identity, scoped by strategy: it only tells
repetitions.
"""

from datetime import datetime
from hashlib import blake2b

from petrosa_cio.risk.intent import Intent


def decision_id(
    fund: str, stream: str, stream_created_ns: int, sequence: int, stored_at: datetime
) -> str:
    """Return the id of the decision about one captured message: 32 hexadecimal digits."""
    place = (stream, str(stream_created_ns), str(sequence), stored_at.isoformat())
    return fingerprint(fund, *place)


def intent_identity(intent: Intent) -> str | None:
    """Return the fingerprint of (strategy, stated id), or None when the bot states no id."""
    return fingerprint(intent.strategy, intent.stated_id) if intent.stated_id else None


def intent_digest(intent: Intent) -> str:
    """Return the fingerprint of what is wanted: not of when, nor of free metadata."""
    wanted = (
        intent.strategy, intent.symbol, intent.action, intent.order_type, intent.time_in_force,
        intent.quantity, intent.position_size_pct, intent.quote_quantity, intent.price,
        intent.current_price, intent.stop_loss, intent.take_profit, intent.confidence,
    )  # fmt: skip
    return fingerprint(*map(str, wanted))


def fingerprint(*parts: str) -> str:
    """Return 32 hexadecimal digits that stand for some texts in order."""
    # Names have no control characters, so no two different lists of parts read the same.
    text = "\x1f".join(parts)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
