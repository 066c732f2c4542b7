"""Checks on the gates themselves, and on the engine behind them."""

from petrosa_cio import __version__
from petrosa_cio.doctor.findings import Finding, note, problem, warning, well
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.errors import Unavailable
from petrosa_cio.fleet.engine_facts import CANNOT_CLOSE
from petrosa_cio.nurse.heartbeat import ACTIVE, SERVICE

CONFIRMED = "ok"


async def gate(patient: Patient) -> Finding:
    """Is a gate alive, and does it decide?"""
    try:
        beat = await patient.heartbeat()
    except Unavailable as away:
        seen = f"no gate answers on {patient.settings.heartbeat_subject} ({away})"
        return problem(seen, "Start `cio run`, or `cio run --role gate`.")
    if beat.get("service") != SERVICE:
        return problem(f"something else answers: {beat.get('service')}", "Stop it.")
    seen = f"{beat.get('replica')}, version {beat.get('version')}, {beat.get('status')}"
    ailing = [
        f"{name}: {state}"
        for name, state in (beat.get("dependencies") or {}).items()
        if state != CONFIRMED
    ]
    if beat.get("status") != ACTIVE:
        return problem(f"{seen}; {'; '.join(ailing)}", "Mend what it names; it then goes on.")
    if beat.get("version") != __version__:
        return warning(f"{seen}, while this command is {__version__}", "Run one version of both.")
    return well(seen)


async def policy_freshness(patient: Patient) -> Finding:
    """Does the gate know that its policy is still the one in force?"""
    confirmed = ((await patient.heartbeat()).get("dependencies") or {}).get("policy")
    if confirmed == CONFIRMED:
        most_s = patient.settings.policy_max_age_s
        return well(f"the gate confirmed it within the last {most_s} s")
    mend = "See that the gate reaches Redis: openings are denied until it does."
    return problem(f"the gate says of its policy: {confirmed}", mend)


async def exits(_patient: Patient) -> Finding:
    """Can the order engine close a position?"""
    return note(CANNOT_CLOSE, "Close positions at the exchange until the engine has learnt it.")
