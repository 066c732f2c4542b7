"""The check on the neighbours whose settings are looked at and changed."""

from petrosa_cio.doctor.findings import Finding, note, warning, well
from petrosa_cio.doctor.patient import Patient

NOT_STATED = (
    "Set CIO_TRADEENGINE_URL, CIO_TA_BOT_URL and CIO_REALTIME_STRATEGIES_URL to have `cio fleet` "
    "look at them."
)


async def neighbours(patient: Patient) -> Finding:
    """Do the neighbours whose settings are looked at answer?"""
    answers = await patient.neighbours()
    if not answers:
        return note("none is stated", NOT_STATED)
    silent = [f"{name} ({problem})" for name, problem in answers.items() if problem]
    if silent:
        mend = "Start it, or mend its URL. No verdict depends on it."
        return warning(f"no answer from {', '.join(silent)}", mend)
    return well(", ".join(answers))
