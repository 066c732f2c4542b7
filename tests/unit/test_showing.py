"""What is shown is what was said, brackets included."""

import pytest

from petrosa_cio.cli.showing import show_misconfigured
from petrosa_cio.errors import Misconfigured, Problem


def test_a_mend_with_brackets_is_shown_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    show_misconfigured(
        Misconfigured([Problem("CIO_X", "was '[red]'", "pip install 'a[embedded]'")])
    )
    said = capsys.readouterr().err
    assert "pip install 'a[embedded]'" in said
    assert "was '[red]'" in said
