"""The table of checks, and how they are made: all of them, at once, each within its time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from petrosa_cio.doctor import (
    fleet_checks,
    gate_checks,
    market_checks,
    nats_checks,
    portfolio_checks,
    regime_checks,
    rule_checks,
    store_checks,
)
from petrosa_cio.doctor.findings import Finding, Result, note, problem
from petrosa_cio.doctor.patient import Patient, open_patient
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.files import Governing
from petrosa_cio.settings import Settings

CHECK_TIMEOUT_S = 8.0
"""Longest time of one check; a server that hangs must not hold up the rest."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table.

    Attributes:
        name: What is looked at.
        look: Looks; its docstring is the question that it answers.
    """

    name: str
    look: Callable[[Patient], Awaitable[Finding]]

    @property
    def question(self) -> str:
        """The question that it answers."""
        return (self.look.__doc__ or "").split("\n")[0]


CHECKS: tuple[Check, ...] = (
    Check("settings", rule_checks.settings),
    Check("NATS", nats_checks.nats_server),
    Check("streams", nats_checks.streams),
    Check("room in the journal", nats_checks.journal_room),
    Check("backlog", nats_checks.backlog),
    Check("message size", nats_checks.message_size),
    Check("synced writes", nats_checks.synced_writes),
    Check("signal listeners", nats_checks.signal_listeners),
    Check("Redis", store_checks.redis_server),
    Check("Redis memory", store_checks.redis_memory),
    Check("Redis file", store_checks.redis_file),
    Check("ledger", store_checks.ledger),
    Check("MongoDB", store_checks.mongo_server),
    Check("clock of Redis", store_checks.redis_clock),
    Check("clock of NATS", store_checks.nats_clock),
    Check("policy", rule_checks.policy),
    Check("policy signature", rule_checks.policy_signature),
    Check("trading state", rule_checks.trading_state),
    Check("market data", market_checks.market_data),
    Check("venue rules", market_checks.venue_rules),
    Check("regime feed", regime_checks.regime_feed),
    Check("portfolio", portfolio_checks.portfolio_feed),
    Check("neighbours", fleet_checks.neighbours),
    Check("gate", gate_checks.gate),
    Check("policy freshness", gate_checks.policy_freshness),
    Check("exits", gate_checks.exits),
)
"""Every check, in the order in which results are shown."""


async def examine(settings: Settings, governing: Governing) -> list[Result]:
    """Make every check and return what each found. Whatever goes wrong is a finding."""
    async with open_patient(settings, governing) as patient:
        return await make_checks(CHECKS, patient)


async def make_checks(
    checks: Sequence[Check], patient: Patient, *, timeout_s: float = CHECK_TIMEOUT_S
) -> list[Result]:
    """Make some checks at once and return what each found, in their order."""
    findings = await asyncio.gather(*(_made(check, patient, timeout_s) for check in checks))
    return [Result(check.name, found) for check, found in zip(checks, findings, strict=True)]


async def _made(check: Check, patient: Patient, timeout_s: float) -> Finding:
    try:
        async with asyncio.timeout(timeout_s):
            return await check.look(patient)
    except Unavailable as away:  # that a server is away is the finding of its own check
        return note(f"not known: {away}")
    except TimeoutError:
        return problem(f"no answer within {timeout_s:g} s", "See whether the server hangs.")
    except Exception as error:  # one check that fails must not hide the others
        seen = f"the check failed: {type(error).__name__}: {error}"
        return problem(seen, "This is a fault of the check; please report it.")
