"""What a shadow shows to Prometheus."""

from collections import Counter

from prometheus_client import REGISTRY

from petrosa_cio.audit.statistics import Shares
from petrosa_cio.governance.shadow.metrics import PrometheusShadowTally, Where
from petrosa_cio.governance.what_if import Findings, FlipKind


def seen() -> dict[str, float]:
    """Return what is shown, by name."""
    names = {
        "evaluated": ("cio_shadow_evaluated_total", {}),
        "undecidable": ("cio_shadow_undecidable_total", {}),
        "denied": ("cio_shadow_flips_total", {"would_be": "denied"}),
        "larger": ("cio_shadow_flips_total", {"would_be": "larger"}),
        "of verdicts": ("cio_shadow_errors_total", {"where": "verdict"}),
        "of the store": ("cio_shadow_errors_total", {"where": "store"}),
    }
    return {key: REGISTRY.get_sample_value(*found) or 0.0 for key, found in names.items()}


def test_what_is_found_and_what_fails_is_counted() -> None:
    before, tally = seen(), PrometheusShadowTally()
    findings = Findings(
        was=Shares(approve=7), by_kind=Counter({FlipKind.DENIED: 3}), undecidable=Counter(old=2)
    )
    tally.kept(findings, {"KeyError": 4})
    tally.failed(Where.STORE)
    assert {key: value - before[key] for key, value in seen().items()} == {
        "evaluated": 7, "undecidable": 2, "denied": 3, "larger": 0,
        "of verdicts": 4, "of the store": 1,
    }  # fmt: skip


def test_whether_one_runs_and_how_far_it_is_behind_is_shown() -> None:
    tally = PrometheusShadowTally()
    for runs, lag_s in ((True, 12.5), (False, 0.0)):
        tally.runs(runs)
        tally.lags(lag_s)
        assert REGISTRY.get_sample_value("cio_shadow_running") == runs
        assert REGISTRY.get_sample_value("cio_shadow_lag_seconds") == lag_s
