"""How a command ends, for scripts."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit code of every command means."""

    WELL = 0
    FAILED = 1
    REFUSED = 2
    SET_UP_WRONGLY = 78


EXIT_CODES = {
    ExitCode.WELL: "It is done. An intent was approved or reduced.",
    ExitCode.FAILED: "It failed: a server is away, a file cannot be read, `cio doctor` found a "
    "problem, `cio replay` a difference, `cio audit gaps` a gap, the record is broken.",
    ExitCode.REFUSED: "An intent was denied; or the command line was not understood; or "
    "`cio doctor`, `cio replay`, `cio audit verify` or `cio audit gaps` could not look.",
    ExitCode.SET_UP_WRONGLY: "A setting, the policy or the charter is wrong. All problems are "
    "listed.",
}
"""A sentence for each."""
