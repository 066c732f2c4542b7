"""A whole run, from an empty folder to what came of it."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from petrosa_cio.audit.findings import FindingKind
from tests.chaos.gathering import gather
from tests.chaos.judging import Evidence
from tests.chaos.ordeal import Ordeal, Plan, Tell, ordeal


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run, in numbers; all but ``problems`` is for people.

    Attributes:
        plan: What was run.
        took_s: How long it took, until everything was settled.
        captured: Intents in the intake's stream.
        verdicts: Final verdicts by kind.
        codes: Reasons of the denials, how often each.
        done: How often each failure was brought about.
        fallen: Exit codes of processes that ended by themselves, as one does that starts while a
            server is away; another one follows.
        received: Signals that the engine got.
        withdrawn: Approvals that were taken back before they were sent.
        undelivered: Approvals that met nobody at the engine's subject.
        unconfirmed: Approvals of which the gates say that nobody can know.
        why: Those by reason, how many of them were sent and how many are missing.
        doubted: Those of them of which the engine got the signal.
        open: Findings `unconfirmed` that are not over.
        lost: Approvals without signal and without a word of it.
        twice: Decisions with more than one signal.
        records: Records in the chain.
        chain: What came of its proof.
        problems: Every broken promise.
    """

    plan: Plan
    took_s: float
    captured: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    fallen: list[int] = field(default_factory=list)
    received: int = 0
    withdrawn: int = 0
    undelivered: int = 0
    unconfirmed: int = 0
    why: dict[str, dict[str, int]] = field(default_factory=dict)
    doubted: int = 0
    open: int = 0
    lost: int = 0
    twice: int = 0
    records: int = 0
    chain: str = ""
    problems: list[str] = field(default_factory=list)


async def run(folder: Path, plan: Plan, tell: Tell) -> Result:
    """Run a plan in a new folder and judge it."""
    began_at = time.monotonic()
    async with ordeal(folder, plan, tell) as running:
        await running.run()
        took_s = time.monotonic() - began_at
        return result_of(running, await gather(running), took_s)


def result_of(ordeal: Ordeal, found: Evidence, took_s: float) -> Result:
    """Return what came of a run that is settled."""
    return Result(
        plan=ordeal.plan,
        took_s=round(took_s, 1),
        captured=len(found.captured),
        verdicts=dict(found.kinds),
        codes=dict(found.codes.most_common()),
        done={str(failure): times for failure, times in ordeal.done.items()},
        fallen=[code for post in (*ordeal.gates, ordeal.drain) for code in post.fallen],
        received=len(found.received),
        withdrawn=len(found.ended("withdrawal")),
        undelivered=len(found.ended("undelivered")),
        unconfirmed=len(found.ended("unconfirmed")),
        why=found.why_unconfirmed,
        doubted=len(found.doubted),
        open=len(found.open.get(FindingKind.UNCONFIRMED, ())),
        lost=len(found.silent),
        twice=len(found.twice),
        records=found.proof.head.seq,
        chain=str(found.proof.outcome(found.proof.head.seq)),
        problems=found.problems(),
    )
