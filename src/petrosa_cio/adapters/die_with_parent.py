"""Run a command that gets SIGTERM when the process that asked for it is gone.

Run as a script, `python -I -S die_with_parent.py PARENT_PID COMMAND...`, between a parent and its
child: a parent killed with SIGKILL has no last word, so the kernel is asked beforehand. A script
and not a `preexec_fn`, because Python code between fork and exec can deadlock beside threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for the signal, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked
        sys.exit("the parent process is gone")
    os.execv(command[0], command)  # noqa: S606 (an argument list of ours, no shell)


if __name__ == "__main__":
    main()
