"""The check on who tells what the fund holds."""

from petrosa_cio.doctor.findings import Finding, note, problem, warning, well
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.errors import PolicyRejected, Unavailable
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.policy import ANY
from petrosa_cio.risk.seen_exposure import is_fresh

NOT_STATED = "Set CIO_TRADEENGINE_URL to have one."


async def portfolio_feed(patient: Patient) -> Finding:
    """Is it known what the fund holds, was it seen lately, and is all of it believed?"""
    reading = await patient.portfolio()
    needed = await _is_needed(patient)
    if reading is None and needed:
        return problem("nobody says what the fund holds, and the policy needs it", NOT_STATED)
    if patient.settings.tradeengine_url is None and reading is None:
        return note("nobody says what the fund holds", NOT_STATED)
    mend = "See whether the order engine answers, and the role control runs: `cio portfolio`."
    if reading is None:
        return warning("nothing was read of the portfolio yet", mend)
    age_s = (patient.now() - reading.observed_at).total_seconds()
    seen = f"seen {age_s:.0f} s ago by {reading.source}"
    if not is_fresh(reading, patient.now()):
        return problem(seen, mend) if needed else warning(seen, mend)
    if reading.doubts:
        doubts = f"{seen}; {len(reading.doubts)} doubts, such as: {reading.doubts[0]}"
        return warning(doubts, "Look at them with `cio portfolio`, and mend the source.")
    return well(f"{seen}: {len(reading.positions or ())} positions")


async def _is_needed(patient: Patient) -> bool:
    """Return whether the policy in force needs a portfolio, as far as it is known."""
    try:
        active = await patient.active_policy()
        document = None if active is None else read_policy_document(active.document)
    except (Unavailable, PolicyRejected):  # which other checks say
        return False
    if document is None:
        return False
    book = PolicyBook(document, patient.governing.charter)
    limits = book.in_force(ANY, ANY, None, patient.now()).limits
    return bool(limits.portfolio_required) or limits.max_portfolio_leverage is not None
