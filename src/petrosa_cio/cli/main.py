"""Puts the commands together and turns faults into words and exit codes."""

import os
import sys

from petrosa_cio.cli import check, demo, run, send, switches
from petrosa_cio.cli.root import app
from petrosa_cio.cli.showing import show_misconfigured, show_problem
from petrosa_cio.errors import CioError, Misconfigured, PolicyRejected, Unavailable

__all__ = ["check", "demo", "main", "run", "send", "switches"]


def main() -> None:
    """Run the command line. Exit codes: 0 well, 1 failed, 2 denied, 78 set up wrongly."""
    try:
        app()
    except Misconfigured as wrong:
        show_misconfigured(wrong)
        sys.exit(os.EX_CONFIG)
    except PolicyRejected as rejected:
        show_problem("The policy is not valid.", *rejected.problems)
        sys.exit(1)
    except Unavailable as away:
        show_problem(
            f"{away}.", "Is `cio run` running, or does CIO_NATS_URL / CIO_REDIS_URL say where?"
        )
        sys.exit(1)
    except CioError as error:
        show_problem(f"{error}")
        sys.exit(1)
