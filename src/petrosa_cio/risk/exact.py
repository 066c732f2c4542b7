"""Exact arithmetic on decimals, and distances between prices.

Numbers come in with 34 digits at most, so 80 hold every product, sum and remainder of two of them
exactly. Python's own operators round to 28.
"""

from decimal import ROUND_DOWN, ROUND_UP, Context, Decimal

EXACT = Context(prec=80)
"""Wide enough that products of two border-checked numbers, of 34 digits each, are exact."""

# Bound once, as is the number: this is asked often, and to find or to convert them takes longer.
_ABS, _MULTIPLY, _SUBTRACT = EXACT.abs, EXACT.multiply, EXACT.subtract
_BPS = Decimal(10_000)
_SHOWN_BPS = Decimal("0.01")
_SHOWN_RATIO = Decimal("0.0001")


def distance(price: Decimal, other: Decimal) -> Decimal:
    """Return how far two prices lie apart, exactly."""
    return _ABS(_SUBTRACT(price, other))


def is_beyond(price: Decimal, origin: Decimal, bps: int) -> bool:
    """Return whether a price lies more than so many basis points of ``origin`` away from it."""
    return _MULTIPLY(distance(price, origin), _BPS) > _MULTIPLY(origin, bps)


def bps_apart(price: Decimal, origin: Decimal) -> Decimal:
    """Return how far a price lies from ``origin``, in basis points of it, for people to read.

    Rounded up to hundredths, so that what is over a limit never reads as if it were at it.
    """
    bps = EXACT.divide(EXACT.multiply(distance(price, origin), _BPS), origin)
    return bps.quantize(_SHOWN_BPS, ROUND_UP, EXACT)


def ratio_shown(over: Decimal, under: Decimal) -> Decimal:
    """Return a ratio for people to read, rounded down to four places."""
    return EXACT.divide(over, under).quantize(_SHOWN_RATIO, ROUND_DOWN, EXACT)
