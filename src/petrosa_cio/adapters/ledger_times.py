"""How long the ledger remembers: one home for both implementations and the Redis scripts."""

from typing import Final

from petrosa_cio.risk.claims import MAX_UNITS
from petrosa_cio.risk.counters import OPEN_ORDERS

BUCKET_MS: Final = 600_000
"""Decisions and identities live in hashes of ten minutes each, which expire as a whole."""

SETTLED_BUCKET_MS: Final = 86_400_000
"""Keys of settled events live in sets of a day each; this, the last and the next are searched."""

BUCKETS_KEPT: Final = 3
"""A bucket expires that many bucket lengths after its first write."""

DOOR_ABANDONED_MS: Final = 5_000
"""An open decision of the synchronous door is abandoned when older: a reply is due in 200 ms."""

DOOR_UNCONFIRMED_MS: Final = 10_000
"""A decision of the door that was begun this long ago was begun by a process that is gone."""

RATE_HISTORY_MS: Final = 60_000
"""Events are kept at least that long, so that requests with different windows share a counter."""

OPENINGS_KEPT: Final = 32
"""So many openings of one symbol and side are told apart; older ones within the window as one."""

PRICE_PART_MS: Final = 300_000
"""Prices of openings are kept as the lowest and the highest of so long a time."""

OVERRIDE_USED_KEPT_MS: Final = 4 * 3_600_000
"""For so long it is known that an override was used; none counts for more than an hour."""

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

LUA_CONSTANTS: Final = "\n".join(
    f"local {name} = {value}"
    for name, value in (
        ("BUCKET_MS", BUCKET_MS),
        ("SETTLED_BUCKET_MS", SETTLED_BUCKET_MS),
        ("BUCKETS_KEPT", BUCKETS_KEPT),
        ("DOOR_ABANDONED_MS", DOOR_ABANDONED_MS),
        ("DOOR_UNCONFIRMED_MS", DOOR_UNCONFIRMED_MS),
        ("RATE_HISTORY_MS", RATE_HISTORY_MS),
        ("OPENINGS_KEPT", OPENINGS_KEPT),
        ("PRICE_PART_MS", PRICE_PART_MS),
        ("OVERRIDE_USED_KEPT_MS", OVERRIDE_USED_KEPT_MS),
        ("HOUR_MS", HOUR_MS),
        ("DAY_MS", DAY_MS),
        ("MAX_UNITS", MAX_UNITS),
        ("OPEN_ORDERS", f"'{OPEN_ORDERS}'"),
    )
)
"""The same, as the first lines of every script."""
