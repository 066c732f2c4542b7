"""Checks on NATS: is it there, does it keep what it is told, who listens."""

from petrosa_cio.adapters.nats_journal import MAX_MESSAGE_BYTES
from petrosa_cio.adapters.nats_streams import EXECUTIONS, INTENTS, JOURNAL
from petrosa_cio.app import DRAIN_CONSUMER, GATE_CONSUMER
from petrosa_cio.audit.settler import CONSUMER as SETTLEMENT_CONSUMER
from petrosa_cio.doctor.findings import Finding, note, problem, warning, well
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.errors import Unavailable
from petrosa_cio.servers import stream_settings
from petrosa_cio.settings import STRATEGY_PLACEHOLDER, subjects_overlap

REPLAY_SINCE = (2, 14)
"""The first NATS server that can replay executions to a ledger that was lost."""

MANY_WAITING = 1_000
NEARLY_FULL = 0.8
NOT_MONITORED = "Set CIO_NATS_MONITORING_URL to know, as http://host:8222."


async def nats_server(patient: Patient) -> Finding:
    """Is the NATS server there, new enough, and does it have JetStream?"""
    try:
        version = patient.nats.version
    except Unavailable as away:
        return problem(str(away), "Start NATS, or mend CIO_NATS_URL and how to sign in.")
    try:
        streams = await patient.nats.number_of_streams()
    except Unavailable as away:
        mend = "Start it with JetStream, and allow this user to use it."
        return problem(f"version {version}, but JetStream gives no answer: {away}", mend)
    seen = f"version {version}, JetStream with {streams} streams"
    return well(seen) if is_new_enough(version) else warning(seen, too_old())


def is_new_enough(version: str) -> bool:
    """Return whether a server of this version can replay executions."""
    major, minor, _ = version.split(".")
    return (int(major), int(minor)) >= REPLAY_SINCE


def too_old() -> str:
    """Return what to do about a server that is too old."""
    needed = ".".join(map(str, REPLAY_SINCE))
    return f"Run {needed} or newer: else executions are not replayed to a lost ledger."


async def streams(patient: Patient) -> Finding:
    """Are the streams there, and set up as they must be?"""
    found = await patient.nats.streams(stream_settings(patient.settings))
    missing = [one.name for one in found if not one.is_there]
    if missing:
        mend = "Start `cio run`, which makes them, or allow its user to."
        return problem(f"not there: {', '.join(missing)}", mend)
    differences = [f"{one.name}: {each}" for one in found for each in one.differences]
    if differences:
        mend = "Restart the gate, which sets them as they must be."
        return warning("; ".join(differences), mend)
    return well(f"{', '.join(one.name for one in found)} as they must be")


async def journal_room(patient: Patient) -> Finding:
    """Does the journal have room? A full one stops everything."""
    found = await patient.nats.streams(stream_settings(patient.settings))
    journal = next(one for one in found if one.name == JOURNAL)
    if not journal.is_there:
        return note("not known: there is no journal yet")
    return judge_room(journal.used_bytes, journal.max_bytes)


def judge_room(used_bytes: int, max_bytes: int) -> Finding:
    """Say whether so many bytes of so many are too many; -1 is without bound."""
    if max_bytes <= 0:
        return well(f"{used_bytes} bytes, without bound")
    share = used_bytes / max_bytes
    seen = f"{used_bytes} of {max_bytes} bytes ({share:.0%})"
    if share < NEARLY_FULL:
        return well(seen)
    mend = "See that `cio run --role record` stores it in MongoDB, or raise CIO_JOURNAL_MAX_BYTES."
    return problem(seen, mend) if share >= 1 else warning(seen, mend)


CONSUMERS = (
    ("intents to decide", INTENTS, GATE_CONSUMER, "gate"),
    ("records to store", JOURNAL, DRAIN_CONSUMER, "record"),
    ("executions to settle", EXECUTIONS, SETTLEMENT_CONSUMER, "record"),
)


async def backlog(patient: Patient) -> Finding:
    """Does the work keep up: intents to decide, records to store, executions to settle?"""
    seen, behind = [], set()
    for what, stream, name, role in CONSUMERS:
        found = await patient.nats.consumer(stream, name)
        waiting = None if found is None else found.pending + found.unacknowledged
        seen.append(f"{what}: {'nobody has started' if waiting is None else waiting}")
        if waiting is None or waiting > MANY_WAITING:
            behind.add(role)
    if not behind:
        return well(", ".join(seen))
    roles = " and ".join(f"`cio run --role {role}`" for role in sorted(behind))
    return warning(", ".join(seen), f"See that {roles} runs and has its servers.")


async def message_size(patient: Patient) -> Finding:
    """Does NATS take messages as large as intents and journal need?"""
    return judge_size(patient.nats.max_payload, patient.settings.max_intent_bytes)


def judge_size(max_payload: int, max_intent_bytes: int) -> Finding:
    """Say whether a server that takes so many bytes a message takes enough."""
    seen = f"NATS takes messages of {max_payload} bytes, the gate intents of {max_intent_bytes}"
    if max_payload <= MAX_MESSAGE_BYTES:
        needed = f"Set max_payload above {MAX_MESSAGE_BYTES} bytes"
        return problem(seen, f"{needed}: a batch of records is one message of up to that size.")
    if max_payload <= max_intent_bytes:
        mend = "Raise max_payload: NATS refuses larger intents, and they get no verdict."
        return warning(seen, mend)
    return well(seen)


async def synced_writes(patient: Patient) -> Finding:
    """Is what JetStream acknowledges on the disk?"""
    if patient.monitoring is None:
        return note("not known: NATS tells it only where it is monitored", NOT_MONITORED)
    if await patient.monitoring.syncs_always():
        return well("sync_interval: always")
    return warning(
        "JetStream acknowledges writes before they are on the disk",
        "Set `sync_interval: always` under `jetstream`: else a power cut takes verdicts with it "
        "whose signals were sent.",
    )


async def signal_listeners(patient: Patient) -> Finding:
    """Does anybody listen for signals? Never asked by sending one."""
    if patient.settings.mode == "observe":
        return well("no signals are sent in the mode observe")
    if patient.monitoring is None:
        return note("not known: NATS tells it only where it is monitored", NOT_MONITORED)
    pattern = patient.settings.signal_subject.replace(STRATEGY_PLACEHOLDER, "*")
    subscriptions = await patient.monitoring.subscriptions()
    found = sorted(one.subject for one in subscriptions if subjects_overlap(one.subject, pattern))
    if found:
        return well(f"{len(found)} on {pattern}: {', '.join(dict.fromkeys(found))}")
    return warning(
        f"nobody listens on {pattern} at this server",
        "Start the order engine, or mend CIO_SIGNAL_SUBJECT: until then every approval is recorded "
        "as undelivered.",
    )
