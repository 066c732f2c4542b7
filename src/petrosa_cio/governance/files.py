"""The two documents that people write: the charter, and the policy that a new store begins with."""

from dataclasses import dataclass
from pathlib import Path

from petrosa_cio.errors import Misconfigured, PolicyRejected, Problem
from petrosa_cio.governance.documents import check_against_charter, load_charter, load_policy
from petrosa_cio.governance.starter import starter_file
from petrosa_cio.risk.policy import Charter, Policy


@dataclass(frozen=True, slots=True)
class Governing:
    """Charter and first policy, as read from their files."""

    charter: Charter
    first_policy: Policy


def load_governing(policy_file: Path | None, charter_file: Path | None) -> Governing:
    """Read charter and first policy; the starter ones where no file is named.

    Raises:
        Misconfigured: With every problem of both files.
    """
    problems: list[Problem] = []
    charter, policy = Charter(), Policy()
    try:
        charter = load_charter(charter_file or starter_file("charter.yaml"))
    except PolicyRejected as rejected:
        problems += _problems("CIO_CHARTER_FILE", rejected, "Mend the file.")
    try:
        policy = load_policy(policy_file or starter_file("policy.yaml"))
        check_against_charter(policy, charter)
    except PolicyRejected as rejected:
        mend = "Mend the file; only people loosen the charter."
        problems += _problems("CIO_POLICY_FILE", rejected, mend)
    if problems:
        raise Misconfigured(problems)
    return Governing(charter, policy)


def _problems(field: str, rejected: PolicyRejected, mend: str) -> list[Problem]:
    return [Problem(field, problem, mend) for problem in rejected.problems]
