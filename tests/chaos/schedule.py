"""What goes wrong, and when: drawn from a seed, so that a run can be had again."""

from dataclasses import dataclass
from enum import StrEnum

from petrosa_cio.demo.chance import dice

PUBLISHERS = 4
GATES = 2
FIRST, LAST = 0.03, 0.95
"""Between which shares of the intents everything goes wrong."""

SHORTEST, LONGEST = 0.02, 0.1
"""How long something lasts that is measured in intents, as shares of all."""

LONGEST_AWAY_S = 1.5
CLOCK_OFF_S = (180, 900)


class Failure(StrEnum):
    """What can go wrong."""

    GATE_KILLED = "gate killed"
    DRAIN_KILLED = "drain killed"
    REDIS_RESTARTED = "Redis restarted"
    REDIS_EMPTIED = "Redis emptied"
    NATS_RESTARTED = "NATS restarted"
    MONGO_STOPPED = "MongoDB stopped"
    CLOCK_WRONG = "clock wrong"


OFTEN = {
    Failure.GATE_KILLED: (5, 8),
    Failure.DRAIN_KILLED: (2, 3),
    Failure.REDIS_RESTARTED: (2, 3),
    Failure.REDIS_EMPTIED: (1, 2),
    Failure.NATS_RESTARTED: (2, 3),
    Failure.MONGO_STOPPED: (1, 2),
    Failure.CLOCK_WRONG: (1, 1),
}
"""How often each happens in a whole run, at least and at most."""

ONCE = dict.fromkeys(Failure, (1, 1)) | {Failure.GATE_KILLED: (2, 2)}


@dataclass(frozen=True, slots=True)
class Moment:
    """One failure.

    Attributes:
        at: It happens when the intake has acknowledged so many intents.
        failure: What.
        which: Which gate or publisher, counted from 0.
        until: It ends when the intake has acknowledged so many; of what is killed, no matter.
        away_s: How long a restarted server stays away.
        off_s: How far the clock is off, negative for a clock that is behind.
    """

    at: int
    failure: Failure
    which: int
    until: int
    away_s: float
    off_s: int


def schedule(seed: int, intents: int, *, once: bool = False) -> tuple[Moment, ...]:
    """Return what goes wrong in a run, in order.

    Args:
        seed: The same seed gives the same.
        intents: How many intents the run has.
        once: Each failure once, for a short run; a gate is killed twice.
    """
    chance = dice(seed, "schedule")
    found = []
    for failure, (least, most) in (ONCE if once else OFTEN).items():
        for turn in range(chance.randint(least, most)):
            at = int(intents * chance.uniform(FIRST, LAST))
            lasts = int(intents * chance.uniform(SHORTEST, LONGEST))
            each = GATES if failure is Failure.GATE_KILLED else PUBLISHERS
            found.append(
                Moment(
                    at=at,
                    failure=failure,
                    which=turn % GATES if once else chance.randrange(each),
                    until=at + lasts,
                    away_s=round(chance.uniform(0, LONGEST_AWAY_S), 2),
                    off_s=chance.choice((-1, 1)) * chance.randint(*CLOCK_OFF_S),
                )
            )
    return tuple(sorted(found, key=lambda one: one.at))
