"""What `make security` concludes from what pip-audit says."""

import json

import pytest

from tests.loading import module_of

audit = module_of(".ci/audit.py")

CLEAN = {"name": "fine", "version": "1", "vulns": []}
FAULTY = {"name": "bad", "version": "1", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]}
UNKNOWN = {"name": "rare", "skip_reason": "not found"}


def report_of(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


@pytest.mark.parametrize(
    ("said", "trouble", "passes", "line"),
    [
        (report_of(CLEAN), "", True, "locked.txt: 1 audited, 0 with known faults"),
        (report_of(CLEAN, FAULTY), "", False, "locked.txt: bad has PYSEC-1, PYSEC-2"),
        (report_of(CLEAN, UNKNOWN), "", True, "locked.txt: NOT AUDITED, 1 of 2: not found"),
        (report_of(FAULTY, UNKNOWN), "", False, "locked.txt: NOT AUDITED, 1 of 2: not found"),
        (
            "",
            "Traceback\nrequests.exceptions.ConnectionError: no way",
            True,
            "locked.txt: NOT AUDITED, the advisory service could not be asked: "
            "requests.exceptions.ConnectionError: no way",
        ),
        (
            "",
            "ERROR:invalid requirements input",
            False,
            "locked.txt: NOT AUDITED, pip-audit failed: ERROR:invalid requirements input",
        ),
        ("", "", False, "locked.txt: NOT AUDITED, pip-audit failed: it said nothing"),
    ],
)
def test_only_a_finding_or_a_fault_of_our_own_fails(
    said: str, trouble: str, passes: bool, line: str
) -> None:
    concluded, lines = audit.conclude("locked.txt", audit.read_report(said), trouble)
    assert concluded is passes
    assert line in lines
