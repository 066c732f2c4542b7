"""The two documents that people write: the charter, and the policy that a new store begins with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from petrosa_cio.errors import Misconfigured, Problem
from petrosa_cio.fleet.regime_names import NAMES
from petrosa_cio.governance.documents import read_charter_file, read_policy_file
from petrosa_cio.governance.starter import starter_file
from petrosa_cio.risk.policy import Charter, Policy, PolicyDocument
from petrosa_cio.risk.policy_findings import PolicyFinding, Severity, policy_findings


@dataclass(frozen=True, slots=True)
class Governing:
    """Charter and first policy, as read from their files.

    Attributes:
        charter: The bounds.
        first_policy: The policy, which keeps to them and does not contradict itself.
        remarks: What in it can never matter, or denies more than one may think.
    """

    charter: Charter
    first_policy: Policy
    remarks: tuple[PolicyFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """Charter and policy document as far as they make sense, and all that is to be said of them.

    Attributes:
        document: The policy, with overlays where the file has them.
        charter: The bounds.
        problems: Why the two may not govern; empty where they may.
        remarks: What is worth knowing all the same.
    """

    document: PolicyDocument
    charter: Charter
    problems: tuple[Problem, ...]
    remarks: tuple[PolicyFinding, ...]


def examine_files(policy_file: Path | None, charter_file: Path | None, now: datetime) -> Examined:
    """Read policy and charter, the starter ones where no file is named, and judge them together.

    Args:
        policy_file: A policy, or a document of policy and overlays.
        charter_file: A charter.
        now: The moment at which overlays count.
    """
    policy = read_policy_file(policy_file or starter_file("policy.yaml"))
    charter = read_charter_file(charter_file or starter_file("charter.yaml"))
    findings = policy_findings(policy.document, charter.document, now=now, known_regimes=NAMES)
    problems = [
        *(Problem("CIO_CHARTER_FILE", one, "Mend the file.") for one in charter.problems),
        *(Problem("CIO_POLICY_FILE", one, "Mend the file.") for one in policy.problems),
        *(
            Problem("CIO_POLICY_FILE", f"{one.path}: {one.sentence}", one.fix)
            for one in findings
            if one.severity is Severity.ERROR
        ),
    ]
    remarks = tuple(one for one in findings if one.severity is Severity.WARNING)
    return Examined(policy.document, charter.document, tuple(problems), remarks)


def load_governing(policy_file: Path | None, charter_file: Path | None) -> Governing:
    """Read charter and first policy; the starter ones where no file is named.

    Raises:
        Misconfigured: With every problem of both files.
    """
    found = examine_files(policy_file, charter_file, datetime.now(UTC))
    problems = list(found.problems)
    if found.document.overlays:
        problems.append(_OVERLAYS)
    if problems:
        raise Misconfigured(problems)
    return Governing(found.charter, found.document.policy, found.remarks)


_OVERLAYS = Problem(
    "CIO_POLICY_FILE",
    "it holds overlays, which a first policy has none of",
    "State the policy alone.",
)
