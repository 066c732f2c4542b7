"""Puts together the guard over new revisions of the policy: a part of the role ``control``."""

import asyncio
from datetime import timedelta

from petrosa_cio.adapters.nats_journal import read_journal
from petrosa_cio.adapters.redis_lease import RedisLease
from petrosa_cio.completeness import open_findings
from petrosa_cio.governance.guard.alert import GuardAlerts
from petrosa_cio.governance.guard.judging import Bounds
from petrosa_cio.governance.guard.metrics import PrometheusGuardTally
from petrosa_cio.governance.guard.watch import LOOK_S, PolicyGuard
from petrosa_cio.nurse.every import every
from petrosa_cio.policies import Policies
from petrosa_cio.servers import Servers, clock
from petrosa_cio.settings import Settings


def bounds_of(settings: Settings) -> Bounds:
    """Return what a new revision is watched for."""
    return Bounds(
        watched=timedelta(minutes=settings.guard_minutes),
        least_verdicts=settings.guard_min_verdicts,
        denial_rise=settings.guard_denial_rise,
        denial_share=settings.guard_denial_share,
        failure_rise=settings.guard_failure_rise,
    )


async def guarding_policy(
    settings: Settings, servers: Servers, policies: Policies, stop: asyncio.Event
) -> None:
    """Watch each new revision until told to stop; one process does, whoever holds the lease."""
    async with open_findings(settings) as findings:
        guard = PolicyGuard(
            policies.revisions,
            policies.activation,
            lambda since: read_journal(servers.nats, since=since),
            GuardAlerts(findings, servers.announcer, PrometheusGuardTally(), clock),
            bounds_of(settings),
            clock,
        )
        lease = RedisLease(servers.redis, settings.fund, "policy_guard")
        await lease.while_held(lambda: every(LOOK_S, guard.look, stop))
