"""The check on who tells the market regime."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from petrosa_cio.doctor.findings import Finding, Level, note, problem, warning, well
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.errors import PolicyRejected, Unavailable
from petrosa_cio.fleet.regime_answers import NoRegime, ObservedRegime, Trouble
from petrosa_cio.fleet.regime_names import known_name
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.regime_feed import LATE_AFTER
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.limits import DEFAULT_MAX_SKEW_S
from petrosa_cio.risk.policy import ANY

NOT_STATED = "Set CIO_DATA_MANAGER_URL to have one; until then people say it: `cio regime set`."


async def regime_feed(patient: Patient) -> Finding:
    """Does the data-manager tell the market regime, and is its newest one fresh?"""
    answers = await patient.observed_regimes()
    if answers is None:
        return note("nobody observes the market regime", NOT_STATED)
    found = judge_answers(answers, patient.now())
    if found.level is Level.OK and await _ages_for_ever(patient):
        mend = "State it in the policy, such as 2700: else a silent feed's last word counts on."
        return warning(f"{found.seen}; the policy states no max_regime_age_s", mend)
    return found


async def _ages_for_ever(patient: Patient) -> bool:
    """Return whether the policy in force lets a regime of any age count, as far as it is known."""
    try:
        active = await patient.active_policy()
        document = None if active is None else read_policy_document(active.document)
    except (Unavailable, PolicyRejected):  # which other checks say
        return False
    if document is None:
        return False
    book = PolicyBook(document, patient.governing.charter)
    return book.in_force(ANY, ANY, None, patient.now()).limits.max_regime_age_s is None


def judge_answers(answers: Mapping[str, ObservedRegime | NoRegime], now: datetime) -> Finding:
    """Say what answers about some symbols are worth at a moment."""
    observed = {who: one for who, one in answers.items() if isinstance(one, ObservedRegime)}
    silent = {who: one for who, one in answers.items() if isinstance(one, NoRegime)}
    if not observed:
        return _nothing(silent)
    newest = max(observed, key=lambda symbol: observed[symbol].observed_at)
    age = now - observed[newest].observed_at
    seen = f"{len(observed)} of {len(answers)} symbols; the newest, {newest}, is {_short(age)} old"
    if age > LATE_AFTER:
        mend = "See whether its analytics run: they work regimes out every 15 minutes. Until then"
        return problem(seen, f"{mend} what is stored grows old; `cio regime set` helps out.")
    if age < -timedelta(seconds=DEFAULT_MAX_SKEW_S):
        mend = "Let both machines keep time (NTP): a regime of the future is not taken over."
        return problem(f"{seen}, so its clock is ahead of this machine's", mend)
    return _some(observed, silent, seen)


def _nothing(silent: Mapping[str, NoRegime]) -> Finding:
    first = next(iter(silent.values()))
    why = f"{first.trouble}: {first.detail}".removesuffix(": ")
    if all(one.trouble is Trouble.EMPTY for one in silent.values()):
        mend = "See that the data-manager works out regimes for CIO_REGIME_SYMBOLS."
        return problem("it answers, and knows the regime of no symbol", mend)
    return problem(f"no regime from it ({why})", "Start it, or mend CIO_DATA_MANAGER_URL.")


def _some(
    observed: Mapping[str, ObservedRegime], silent: Mapping[str, NoRegime], seen: str
) -> Finding:
    unknown = sorted({one.name for one in observed.values() if known_name(one.name) is None})
    if unknown:
        mend = "Such a symbol keeps its last regime, which grows old; add the name to the table."
        return warning(f'{seen}; names that nobody knows: "{", ".join(unknown)}"', mend)
    if silent:
        named = ", ".join(f"{symbol} ({one.trouble})" for symbol, one in silent.items())
        return warning(f"{seen}; nothing of {named}", "Mend it there, or leave the symbol out.")
    return well(seen)


def _short(age: timedelta) -> str:
    return f"{age.total_seconds() / 60:.0f} minutes"
