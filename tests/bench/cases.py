"""Which cases a run measures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.bench.house import Rung
from tests.bench.intents import STEADY
from tests.bench.measuring import Case, Kind
from tests.bench.policies import Limits

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
        limits: What the policy states under which what is shipped is measured, with the first
            number of gates and the first mix; all else is measured under the first of them.
        minutes: How long the memory of what is shipped is watched; 0 for not at all.
    """

    rungs: Sequence[Rung]
    rates: Sequence[int]
    seconds: int
    burst: int
    replicas: Sequence[int]
    mixes: Sequence[str]
    limits: Sequence[Limits]
    minutes: int


def cases(choice: Choice) -> Iterator[Case]:
    """Iterate over the cases of a choice, the lowest rung first and the longest case last."""
    for rung in choice.rungs:
        if rung is not Rung.SHIPPED:
            yield from _loads(choice, rung, rung.limits, replicas=1, mix=STEADY)
            continue
        first = choice.limits[0]
        for limits in choice.limits:
            yield from _loads(choice, rung, limits, choice.replicas[0], choice.mixes[0])
        for mix in choice.mixes[1:]:
            yield from _loads(choice, rung, first, choice.replicas[0], mix)
        for replicas in choice.replicas[1:]:
            yield from _loads(choice, rung, first, replicas, choice.mixes[0])
    if choice.minutes and Rung.SHIPPED in choice.rungs:
        intents = SOAK_RATE * 60 * choice.minutes
        yield Case(Rung.SHIPPED, Kind.PACED, intents, rate=SOAK_RATE, limits=choice.limits[0])


def _loads(choice: Choice, rung: Rung, limits: Limits, replicas: int, mix: str) -> Iterator[Case]:
    case = Case(rung, Kind.BURST, choice.burst, replicas=replicas, mix=mix, limits=limits)
    for rate in choice.rates:
        most = choice.burst or rate * choice.seconds
        intents = min(rate * choice.seconds, most)
        yield replace(case, kind=Kind.PACED, intents=intents, rate=rate)
    if choice.burst:
        yield case
        if rung is Rung.SHIPPED:
            yield replace(case, kind=Kind.BACKLOG)
