"""Checks on Redis and MongoDB, and on the clocks of the servers."""

from datetime import datetime

from petrosa_cio.adapters.nats_streams import INTENTS
from petrosa_cio.doctor.findings import Finding, note, problem, warning, well
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.errors import Unavailable
from petrosa_cio.risk.limits import DEFAULT_MAX_SKEW_S

SKEW_TO_MEND_S = 1.0
"""A difference of clocks that is worth mending, though nothing is denied for it."""


async def redis_server(patient: Patient) -> Finding:
    """Is Redis there?"""
    try:
        return well(f"version {(await patient.redis.setup()).version}")
    except Unavailable as away:
        return problem(str(away), "Start Redis, or mend CIO_REDIS_URL.")


async def redis_memory(patient: Patient) -> Finding:
    """Does Redis forget anything when its memory is full?"""
    eviction = (await patient.redis.setup()).eviction
    if eviction == "noeviction":
        return well("maxmemory-policy noeviction")
    mend = "Set `maxmemory-policy noeviction`: else Redis drops decisions and exposure unasked."
    return problem(f"maxmemory-policy {eviction}", mend)


async def redis_file(patient: Patient) -> Finding:
    """Does the ledger survive a restart, and a power cut?"""
    if not (await patient.redis.setup()).keeps_file:
        mend = "Set `appendonly yes` and `appendfsync always`."
        return problem("appendonly no: the ledger is lost with every restart", mend)
    synced = await patient.redis.file_is_synced()
    if synced is None:
        return note("appendonly yes; appendfsync not known: this user may not ask")
    if synced == "always":
        return well("appendonly yes, appendfsync always")
    mend = "Set `appendfsync always`: else a power cut takes the last decisions, unnoticed."
    return warning(f"appendonly yes, appendfsync {synced}", mend)


async def ledger(patient: Patient) -> Finding:
    """Does Redis still hold what the ledger knew?"""
    if not await patient.ledger_is_lost():
        return well("its generation marker is there")
    return problem(
        f"no generation marker for the fund {patient.settings.fund}: it is new, or Redis lost its "
        "data",
        "Start `cio run`: a gate rebuilds a lost ledger from the journal. Then compare with the "
        "exchange before `cio resume`.",
    )


async def mongo_server(patient: Patient) -> Finding:
    """Is MongoDB there?"""
    try:
        found = await patient.mongo()
    except Unavailable as away:
        mend = "Start MongoDB, or mend CIO_MONGO_URL; until then the journal keeps the records."
        return problem(str(away), mend)
    if found is None:
        return note("not known: CIO_MONGO_URL is not set")
    if found.is_stand_in:
        return note(f"the stand-in for trying out, as version {found.version}")
    return well(f"version {found.version}")


async def redis_clock(patient: Patient) -> Finding:
    """Do Redis and this machine agree on the time?"""
    before = patient.now()
    theirs = await patient.redis.now()
    return judge_clock("Redis", theirs, before, patient.now())


async def nats_clock(patient: Patient) -> Finding:
    """Do NATS and this machine agree on the time?"""
    before = patient.now()
    theirs = await patient.nats.now(INTENTS)
    if theirs is None:
        return note("not known: NATS does not tell its time")
    return judge_clock("NATS", theirs, before, patient.now())


def judge_clock(server: str, theirs: datetime, before: datetime, after: datetime) -> Finding:
    """Say how far a server's clock is off, given our own before and after it was read."""
    if before <= theirs <= after:
        return well(f"the clock of {server} agrees with this machine's")
    off_s = (theirs - (after if theirs > after else before)).total_seconds()
    direction = "ahead of" if off_s > 0 else "behind"
    seen = f"the clock of {server} is {abs(off_s):.3f} s {direction} this machine's"
    if abs(off_s) < SKEW_TO_MEND_S:
        return well(seen)
    mend = "Let all machines keep time with one another (NTP): ages are counted across them."
    return problem(seen, mend) if abs(off_s) >= DEFAULT_MAX_SKEW_S else warning(seen, mend)
