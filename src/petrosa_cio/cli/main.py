"""Puts the commands together and turns faults into words and exit codes."""

import sys

from petrosa_cio.cli import (
    audit,
    audit_archive,
    audit_effectiveness,
    audit_executions,
    audit_export,
    audit_find,
    audit_gaps,
    audit_hold,
    audit_prune,
    check,
    demo,
    doctor,
    explain,
    fleet,
    fleet_change,
    limits,
    mcp,
    override,
    policy,
    policy_change,
    policy_decide,
    policy_history,
    policy_shadow,
    portfolio,
    regime,
    replay,
    report,
    run,
    send,
    strategist,
    switches,
    token,
    venue,
    verify,
    watch,
    what_if,
)
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.root import app
from petrosa_cio.cli.showing import show_misconfigured, show_problem
from petrosa_cio.errors import (
    CioError,
    Misconfigured,
    PolicyRejected,
    Unavailable,
    VenueRulesRejected,
)

__all__ = [
    "audit",
    "audit_archive",
    "audit_effectiveness",
    "audit_executions",
    "audit_export",
    "audit_find",
    "audit_gaps",
    "audit_hold",
    "audit_prune",
    "check",
    "demo",
    "doctor",
    "explain",
    "fleet",
    "fleet_change",
    "limits",
    "main",
    "mcp",
    "override",
    "policy",
    "policy_change",
    "policy_decide",
    "policy_history",
    "policy_shadow",
    "portfolio",
    "regime",
    "replay",
    "report",
    "run",
    "send",
    "strategist",
    "switches",
    "token",
    "venue",
    "verify",
    "watch",
    "what_if",
]


def main() -> None:
    """Run the command line; `petrosa_cio.cli.exit_codes` says how it ends."""
    try:
        app()
    except Misconfigured as wrong:
        show_misconfigured(wrong)
        sys.exit(ExitCode.SET_UP_WRONGLY)
    except PolicyRejected as rejected:
        show_problem("The policy is not valid.", *rejected.problems)
        sys.exit(ExitCode.FAILED)
    except VenueRulesRejected as rejected:
        show_problem("The venue's rules are not valid.", *rejected.problems)
        sys.exit(ExitCode.FAILED)
    except Unavailable as away:
        show_problem(
            f"{away}.", "Is `cio run` running, or does CIO_NATS_URL / CIO_REDIS_URL say where?"
        )
        sys.exit(ExitCode.FAILED)
    except CioError as error:
        show_problem(f"{error}")
        sys.exit(ExitCode.FAILED)
