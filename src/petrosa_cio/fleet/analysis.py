"""The data-manager's analysis, asked for as it is, with what is to be known of each answer.

The routes have no ``/api/v1`` before them, and their answers no envelope. All values are text.
``period`` is echoed and not used. Where nothing is known an answer says so in its own way: with
nothing, with an empty list, with status 404, or, of the overview, with invented neutral values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from petrosa_cio.errors import NeighbourRefused, NeighbourSilent
from petrosa_cio.fleet.envelope import words_of
from petrosa_cio.fleet.neighbour_api import Answer, NeighbourApi

PERIOD: Final = "1h"
NOT_FOUND: Final = 404
REFUSED_FROM: Final = 300


class Subject(StrEnum):
    """What is analysed."""

    REGIME = "regime"
    VOLATILITY = "volatility"
    TREND = "trend"
    VOLUME = "volume"
    SPREAD = "spread"
    DEVIATION = "deviation"
    SEASONALITY = "seasonality"
    CORRELATION = "correlation"
    OVERVIEW = "market-overview"
    PERFORMANCE = "performance"


_VALUES_UNDER: Final[Mapping[Subject, str]] = {
    Subject.VOLATILITY: "values",
    Subject.TREND: "values",
    Subject.VOLUME: "values",
    Subject.CORRELATION: "correlation_matrix",
    Subject.OVERVIEW: "overview",
    Subject.PERFORMANCE: "stats",
}

_NOTES: Final[Mapping[Subject, str]] = {
    Subject.OVERVIEW: "where it knows nothing of a symbol it invents neutral values: a volatility "
    "of 0, a volume of 1.0, the direction neutral, the regime unknown",
    Subject.REGIME: "the confidence is a constant of the regime's name, no probability",
    Subject.CORRELATION: "rows of all periods stand in one collection",
}
_ANY_NOTE: Final = "the row may not be the newest one: look at the time that it states"


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the data-manager says of a subject.

    Attributes:
        subject: What was analysed.
        about: The symbols, or the strategy.
        values: What it says; None where it knows nothing.
        at: The time that it states, aware UTC; None where it states none or knows nothing.
        notes: What is to be known of it, a sentence each.
    """

    subject: Subject
    about: str
    values: object | None
    at: datetime | None
    notes: tuple[str, ...]


class DataManagerAnalysis:
    """Asks one data-manager for its analysis.

    Args:
        http: The way to it.
    """

    def __init__(self, http: NeighbourApi) -> None:
        self._http = http

    async def of(self, subject: Subject, about: str) -> Analysis:
        """Return what it says.

        Args:
            subject: What is asked for.
            about: A symbol; several with commas for correlation and overview; a strategy for
                performance.

        Raises:
            NeighbourSilent: It gives no answer that can be read.
            NeighbourRefused: It says that it has none to give.
        """
        answer = await self._asked(subject, about)
        content = answer.content
        if answer.status == NOT_FOUND:
            return Analysis(subject, about, None, None, ())
        if answer.status >= REFUSED_FROM:
            detail = content.get("detail", "") if isinstance(content, Mapping) else ""
            raise NeighbourRefused(self._http.name, f"status {answer.status}", words_of(detail))
        if not isinstance(content, Mapping):
            raise NeighbourSilent(self._http.name, "answers no object", may_have_acted=False)
        values = content.get(_VALUES_UNDER.get(subject, "data"))
        if not values or _knows_nothing(subject, values):
            return Analysis(subject, about, None, None, ())
        noted = _NOTES.get(subject)
        notes = (_ANY_NOTE,) if noted is None else (_ANY_NOTE, noted)
        return Analysis(subject, about, values, _time_of(content), notes)

    async def _asked(self, subject: Subject, about: str) -> Answer:
        path = f"/analysis/{subject}"
        match subject:
            case Subject.PERFORMANCE:
                return await self._http.get(f"{path}/{quote(about, safe='')}")
            case Subject.CORRELATION | Subject.OVERVIEW:
                return await self._http.get(path, pairs=about, period=PERIOD)
            case Subject.SPREAD:
                return await self._http.get(path, pair=about)
        return await self._http.get(path, pair=about, period=PERIOD)


def _knows_nothing(subject: Subject, values: object) -> bool:
    """Return whether a performance is that of a strategy of which nothing is known."""
    is_performance = subject is Subject.PERFORMANCE and isinstance(values, Mapping)
    return is_performance and isinstance(values, Mapping) and values.get("win_rate") is None


def _time_of(content: Mapping[object, object]) -> datetime | None:
    metadata = content.get("metadata")
    stated = metadata.get("timestamp") if isinstance(metadata, Mapping) else None
    try:
        at = datetime.fromisoformat(str(stated))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
