"""Checks on what governs: settings, policy, trading state."""

from petrosa_cio.doctor.findings import Finding, note, problem, warning, well
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.errors import Misconfigured, PolicyRejected, Unavailable
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.ports import ActivePolicy, PolicyRevision
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.policy import ANY, PolicyDocument, charter_problems, document_hash
from petrosa_cio.risk.policy_findings import Severity, policy_findings
from petrosa_cio.risk.trading_state import TradingState


async def settings(patient: Patient) -> Finding:
    """Do the settings load, and what do they ask for?"""
    stated = patient.settings
    seen = f"fund {stated.fund}, mode {stated.mode}"
    if stated.mode == "observe":
        return note(f"{seen}: verdicts are recorded and no signal is sent")
    return well(seen)


async def policy(patient: Patient) -> Finding:
    """Is a policy in force, within the charter, and is it the one in the file?"""
    active = await patient.active_policy()
    if active is None:
        mend = "Start `cio run`, which activates the policy file where none is in force."
        return problem("none in force: everything is denied", mend)
    try:
        document = read_policy_document(active.document)
    except PolicyRejected as rejected:
        return problem(f"revision {active.revision} does not read: {rejected}", "Mend it.")
    seen = f"{document.policy.name}, revision {active.revision}"
    return _beside_charter(patient, document, seen) or _beside_file(patient, document, seen)


async def policy_signature(patient: Patient) -> Finding:
    """Is the policy in force signed by a trusted key, and is it the newest revision?"""
    active = await patient.active_policy()
    if active is None:
        return note("no policy is in force")
    try:
        distrust = patient.distrust(active)
    except Misconfigured as wrong:
        return note(f"not known: {wrong.problems[0].message}", wrong.problems[0].mend)
    if distrust is not None:
        mend = "The role control puts it right within a second; find out who writes to Redis."
        return problem(f"revision {active.revision}: {distrust}", mend)
    try:
        newest = await patient.newest_revision()
    except Unavailable as away:
        return note(f"revision {active.revision} is signed; not known whether it is the newest: "
                    f"{away}")  # fmt: skip
    return _beside_revisions(active, newest)


def _beside_revisions(active: ActivePolicy, newest: PolicyRevision | None) -> Finding:
    seen = f"revision {active.revision} is signed with a trusted key"
    last = newest.revision if newest else 0
    if active.revision > last:
        mend = "MongoDB lost revisions, or CIO_MONGO_DATABASE names another: nothing can change."
        return problem(f"{seen}, while MongoDB ends with revision {last}", mend)
    if active.revision < last:
        mend = "The role control brings it into force within a second: see whether it runs."
        return problem(f"{seen}, but revision {last} is the newest", mend)
    return well(f"{seen}, and the newest")


def _beside_charter(patient: Patient, document: PolicyDocument, seen: str) -> Finding | None:
    charter = patient.governing.charter
    missing = PolicyBook(document, charter).in_force(ANY, ANY, None, patient.now()).missing
    if missing:
        mend = "Set them in the policy, for every strategy and symbol that may trade."
        named = ", ".join(missing)
        return warning(f"{seen}; the charter requires limits not set for all: {named}", mend)
    looser = charter_problems(document.policy, charter)
    if looser:
        mend = "Nothing passes the charter, which counts all the same; mend the policy."
        return warning(f"{seen}; {'; '.join(looser)}", mend)
    found = policy_findings(document, charter, now=patient.now())
    wrong = [one for one in found if one.severity is Severity.ERROR]
    if wrong:
        sentences = "; ".join(f"{one.path}: {one.sentence}" for one in wrong)
        return warning(f"{seen}; {sentences}", wrong[0].fix)
    return None


def _beside_file(patient: Patient, document: PolicyDocument, seen: str) -> Finding:
    file = patient.governing.first_policy
    if document_hash(document.policy) == document_hash(file):
        return well(f"{seen}, as in the file")
    seen = f"{seen}, which is not what the file says"
    mend = "The file is only read where no policy is in force; what is in force counts."
    stated = patient.settings.policy_file is not None
    return warning(seen, mend) if stated else note(seen, mend)


async def trading_state(patient: Patient) -> Finding:
    """May anything be traded?"""
    states = await patient.trading_states()
    if states.fund is None:
        mend = 'Compare with the exchange, then `cio resume --reason "..."`.'
        return problem("the fund's state is not stated, which counts as halted", mend)
    why = await patient.why("fund")
    if states.fund is not TradingState.ACTIVE:
        seen = f"the fund is {states.fund}, {why}".rstrip(", ")
        return warning(seen, 'When that is over: `cio resume --reason "..."`.')
    held = [
        f"{name} is {state}"
        for by_name in (states.strategies, states.symbols)
        for name, state in sorted(by_name.items())
        if state is not TradingState.ACTIVE
    ]
    if held:
        mend = "`cio resume --strategy` or `--symbol` lets them trade again."
        return note(f"the fund is active; {', '.join(held)}", mend)
    return well("the fund is active")
