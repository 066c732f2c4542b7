"""Checks on what the gate knows of the market: prices, and the venue's rules."""

from datetime import timedelta

from petrosa_cio.doctor.findings import Finding, note, problem, warning, well
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.errors import Misconfigured
from petrosa_cio.governance.venue_rules import load_venue_rules
from petrosa_cio.nurse.price_belief import MAX_AHEAD
from petrosa_cio.ports import VenueRulesMark

LISTEN_S = 1.5
"""A ticker speaks every second."""

OLD_TICK = timedelta(seconds=10)


async def market_data(patient: Patient) -> Finding:
    """Does anybody publish prices, and are they of this moment?"""
    subject = patient.settings.market_data_subject
    tick = await patient.first_tick(within_s=LISTEN_S)
    if tick is None:
        seen = f"no price within {LISTEN_S:g} s on {subject}"
        return note(seen, "Without prices, whatever is held against the market price is denied.")
    age = patient.now() - tick.at
    seen = f"{tick.symbol} at {tick.price:f} on {subject} ({tick.source})"
    if age < -MAX_AHEAD:
        ahead_s = -age.total_seconds()
        mend = "Let all machines keep time (NTP): prices from the future are not believed."
        return problem(f"{seen}, {ahead_s:.0f} s ahead of this machine's clock", mend)
    if age > OLD_TICK:
        mend = "See whether the socket client lags behind, or the clocks differ."
        return warning(f"{seen}, {age.total_seconds():.0f} s old", mend)
    return well(seen)


async def venue_rules(patient: Patient) -> Finding:
    """Are the venue's rules known, and how old are they?"""
    settings = patient.settings
    if settings.venue_rules_url is not None:
        return _judged(patient, await patient.venue_rules_mark())
    try:
        rules = load_venue_rules(settings.venue_rules_files)
    except Misconfigured as wrong:
        return problem(str(wrong), "Fetch the files anew: no role starts with them.")
    if rules is None:
        mend = "Set CIO_VENUE_RULES_FILES or CIO_VENUE_RULES_URL to have orders held against them."
        return note("none are stated", mend)
    oldest = min(path.stat().st_mtime for path in settings.venue_rules_files)
    days = (patient.now().timestamp() - oldest) / 86_400
    return well(f"{len(rules.symbols)} symbols from files, the oldest of {days:.0f} days ago")


def _judged(patient: Patient, mark: VenueRulesMark | None) -> Finding:
    if mark is None:
        mend = "See the log of the role control, which asks CIO_VENUE_RULES_URL."
        return problem("the venue was never asked, or never answered well", mend)
    age = patient.now() - mark.confirmed_at
    seen = f"{mark.symbols} symbols, confirmed {age.total_seconds() / 60:.0f} min ago"
    if age > timedelta(seconds=3 * patient.settings.venue_rules_interval_s):
        mend = "See the log of the role control: what it last heard stays, and grows old."
        return warning(f"{seen} by {mark.source}", mend)
    return well(f"{seen} by {mark.source}")
