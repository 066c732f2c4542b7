"""What a check finds: how bad it is, what was seen, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is.

    A note is a fact to know, or something that could not be told; it is neither good nor bad.
    """

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        level: How bad it is.
        seen: What was seen.
        mend: What to do about it; empty where there is nothing to do.
    """

    level: Level
    seen: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A finding with the check that made it."""

    check: str
    finding: Finding


def well(seen: str) -> Finding:
    """Return a finding that all is as it must be."""
    return Finding(Level.OK, seen)


def note(seen: str, mend: str = "") -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(Level.NOTE, seen, mend)


def warning(seen: str, mend: str) -> Finding:
    """Return a finding that somebody should look into."""
    return Finding(Level.WARNING, seen, mend)


def problem(seen: str, mend: str) -> Finding:
    """Return a finding that keeps the gate from doing its work, or from doing it safely."""
    return Finding(Level.PROBLEM, seen, mend)
