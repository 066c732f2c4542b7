"""Chance that repeats itself: the same seed and the same purpose give the same numbers."""

from random import Random


def dice(seed: int, *purpose: object) -> Random:
    """Return a source of chance for one purpose, apart from those for all others.

    Args:
        seed: The seed of the whole demo.
        *purpose: What the numbers are for; other words give other numbers.
    """
    return Random(":".join(map(str, (seed, *purpose))))  # noqa: S311 (a play, no secrets)


def identifier(chance: Random) -> str:
    """Return an id as the fleet's bots make them: 32 hexadecimal digits."""
    return f"{chance.getrandbits(128):032x}"
