"""When a new revision of the policy is out of bounds: pure numbers, and a sentence about them.

Shares are compared as whole numbers, so that "at the bound" is within it, always.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a new revision is watched for.

    Attributes:
        watched: How long after it was made; as long a span before is compared.
        least_verdicts: Verdicts that it takes, in either span, to say anything of it.
        denial_rise: Percentage points by which the share of denials may rise.
        denial_share: Percentage of denials that may be where there was too little before.
        failure_rise: Percentage points by which the share of verdicts may rise for which the
            policy could not be evaluated.
    """

    watched: timedelta
    least_verdicts: int
    denial_rise: int
    denial_share: int
    failure_rise: int


@dataclass(slots=True)
class Tally:
    """Verdicts of one span.

    Attributes:
        verdicts: All that a policy had a part in.
        denied: Denials among them, failures too.
        failed: Verdicts for which the policy could not be evaluated.
    """

    verdicts: int = 0
    denied: int = 0
    failed: int = 0


def out_of_bounds(before: Tally, after: Tally, bounds: Bounds) -> str | None:
    """Return what is wrong under a revision, as a clause; None where nothing is, or nobody knows.

    Args:
        before: What was decided as long before it.
        after: What was decided under it.
        bounds: What it is watched for.
    """
    if after.verdicts < bounds.least_verdicts:
        return None
    is_comparable = before.verdicts >= bounds.least_verdicts
    known = before if is_comparable else Tally(1)
    beside = _beside(before.failed, before, bounds)
    if _rises(known.failed, known, after.failed, after, bounds.failure_rise):
        return (
            f"for {_share(after.failed, after)} the policy could not be evaluated, {beside}; "
            f"a rise of {bounds.failure_rise} percentage points is the bound"
        )
    if is_comparable:
        if _rises(before.denied, before, after.denied, after, bounds.denial_rise):
            beside = _beside(before.denied, before, bounds)
            return (
                f"{_share(after.denied, after)} were denied, {beside}; "
                f"a rise of {bounds.denial_rise} percentage points is the bound"
            )
    elif after.denied * 100 > bounds.denial_share * after.verdicts:
        beside = _beside(before.denied, before, bounds)
        return (
            f"{_share(after.denied, after)} were denied, {beside}; "
            f"{bounds.denial_share} % is the bound then"
        )
    return None


def _rises(was: int, before: Tally, now: int, after: Tally, points: int) -> bool:
    """Return whether a share rose by more than so many percentage points."""
    rise = now * before.verdicts - was * after.verdicts
    return rise * 100 > points * before.verdicts * after.verdicts


def _share(number: int, of: Tally) -> str:
    return f"{number:,} of {of.verdicts:,} verdicts ({100 * number / of.verdicts:.1f} %)"


def _beside(number: int, before: Tally, bounds: Bounds) -> str:
    if before.verdicts < bounds.least_verdicts:
        return f"while only {before.verdicts:,} verdicts before it are there to compare with"
    minutes = bounds.watched // timedelta(minutes=1)
    return f"and {_share(number, before)} in the {minutes} minutes before it"
