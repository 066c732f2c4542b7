"""Lets the decision run other checks than its own, for tests that ask whether that is noticed."""

from collections.abc import Mapping

import pytest

from petrosa_cio.risk import decide
from petrosa_cio.risk.checks.case import Applies, Check


def run_other_checks(
    monkeypatch: pytest.MonkeyPatch, checks: Mapping[Applies, tuple[Check, ...]]
) -> None:
    """Run these checks in place of the decision's own, until the test ends."""
    monkeypatch.setattr(decide, "CHECKS_WITHIN", checks)
    for table, of_standing in (("OF_STANDING", True), ("OF_ORDER", False)):
        part = {
            reach: tuple(one for one in those if one.of_standing is of_standing)
            for reach, those in checks.items()
        }
        monkeypatch.setattr(decide, table, part)
