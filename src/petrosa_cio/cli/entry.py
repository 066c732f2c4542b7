"""Where the command line begins, and where faults become words and exit codes."""

import sys
from collections.abc import Sequence
from importlib import import_module

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


def main() -> None:
    """Run the command line; `petrosa_cio.cli.exit_codes` says how it ends."""
    _bring_commands(sys.argv[1:])
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


def _bring_commands(arguments: Sequence[str]) -> None:
    """Load the commands; of `cio run` that one alone, as a gate shall be back without delay."""
    import_module("petrosa_cio.cli.run" if arguments[:1] == ["run"] else "petrosa_cio.cli.main")
