"""Which cases a run measures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.house import Rung
from tests.bench.intents import STEADY
from tests.bench.measuring import Case, Kind

SOAK_RATE = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for.

    Attributes:
        rungs: On which rungs.
        rates: Paced loads, intents a second.
        seconds: How long each of them lasts, unless it would exceed the burst's number.
        burst: Intents of a burst, and of a backlog; 0 for neither.
        replicas: Numbers of gates, for what is shipped; below it there is one.
        mixes: What is sent to what is shipped, with the first number of gates; to the others
            the first mix is sent. The rungs below get the steady mix.
        minutes: How long the memory of what is shipped is watched; 0 for not at all.
    """

    rungs: Sequence[Rung]
    rates: Sequence[int]
    seconds: int
    burst: int
    replicas: Sequence[int]
    mixes: Sequence[str]
    minutes: int


def cases(choice: Choice) -> Iterator[Case]:
    """Iterate over the cases of a choice, the lowest rung first and the longest case last."""
    for rung in choice.rungs:
        if rung is not Rung.SHIPPED:
            yield from _loads(choice, rung, replicas=1, mix=STEADY)
            continue
        for mix in choice.mixes:
            yield from _loads(choice, rung, choice.replicas[0], mix)
        for replicas in choice.replicas[1:]:
            yield from _loads(choice, rung, replicas, choice.mixes[0])
    if choice.minutes and Rung.SHIPPED in choice.rungs:
        intents = SOAK_RATE * 60 * choice.minutes
        yield Case(Rung.SHIPPED, Kind.PACED, intents, rate=SOAK_RATE)


def _loads(choice: Choice, rung: Rung, replicas: int, mix: str) -> Iterator[Case]:
    for rate in choice.rates:
        most = choice.burst or rate * choice.seconds
        intents = min(rate * choice.seconds, most)
        yield Case(rung, Kind.PACED, intents, rate=rate, replicas=replicas, mix=mix)
    if choice.burst:
        yield Case(rung, Kind.BURST, choice.burst, replicas=replicas, mix=mix)
        if rung is Rung.SHIPPED:
            yield Case(rung, Kind.BACKLOG, choice.burst, replicas=replicas, mix=mix)
