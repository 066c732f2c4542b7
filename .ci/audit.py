"""Asks whether the locked dependencies have known faults.

``python .ci/audit.py requirements.txt ...`` runs pip-audit on each file. A finding fails. An
advisory service that cannot be reached, or that does not know a package, does not: it is said
plainly instead, so that nobody takes silence for a clean result.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
ANSWER_TIMEOUT_S = 15

OF_THE_SERVICE = ("requests.exceptions.", "pip_audit._service.", "Could not connect")
"""Words by which pip-audit's trouble is that of the service; any other is ours, and fails."""


class Dependency(NamedTuple):
    """What the advisory service said of one package; `skipped` says why it said nothing."""

    name: str
    faults: tuple[str, ...]
    skipped: str | None


def read_report(text: str) -> list[Dependency] | None:
    """Read pip-audit's JSON; None where it ended before it had any."""
    try:
        found = json.loads(text)["dependencies"]
    except ValueError:
        return None
    return [
        Dependency(
            one["name"],
            tuple(fault["id"] for fault in one.get("vulns", ())),
            one.get("skip_reason"),
        )
        for one in found
    ]


def conclude(file: str, report: list[Dependency] | None, trouble: str) -> tuple[bool, list[str]]:
    """Return whether the file passes, and the lines that say why.

    Args:
        file: The requirements file.
        report: What is known of its packages; None where nothing could be learnt.
        trouble: What pip-audit said on standard error.
    """
    if report is None:
        is_away = any(word in trouble for word in OF_THE_SERVICE)
        last = (trouble.strip().splitlines() or ["it said nothing"])[-1]
        why = "the advisory service could not be asked" if is_away else "pip-audit failed"
        return is_away, [f"{file}: NOT AUDITED, {why}: {last}"]
    faulty = [one for one in report if one.faults]
    unknown = [one for one in report if one.skipped]
    lines = [f"{file}: {one.name} has {', '.join(one.faults)}" for one in faulty]
    if unknown:
        lines.append(f"{file}: NOT AUDITED, {len(unknown)} of {len(report)}: {unknown[0].skipped}")
    audited = len(report) - len(unknown)
    lines.append(f"{file}: {audited} audited, {len(faulty)} with known faults")
    return not faulty, lines


def audit(file: str) -> bool:
    """Audit one requirements file, say what came of it, and return whether it passes."""
    command = [str(PIP_AUDIT), "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    command += ["--timeout", str(ANSWER_TIMEOUT_S), "--requirement", file]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    passes, lines = conclude(file, read_report(ran.stdout), ran.stderr)
    sys.stdout.write("\n".join(lines) + "\n")
    return passes


if __name__ == "__main__":
    results = [audit(file) for file in sys.argv[1:]]
    sys.exit(0 if all(results) else 1)
