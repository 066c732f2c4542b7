"""Hours of the week, in UTC: when openings are allowed.

People write a list: ``mon-fri 08:00-20:00`` is the same hours on each of several days, ``sun
22:00-mon 02:00`` is one span that may cross midnight or the end of the week, ``always`` is the
whole week, an empty list is never. An end is not part of its span. A week is a set of its 10,080
minutes, kept as the bits of one integer: the meet of two is their intersection, and the same hours
are the same value however they were written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES

_ALWAYS = (1 << WEEK_MINUTES) - 1
_CLOCK = "([0-9]{2}:[0-5][0-9])"
_DAY = "(" + "|".join(DAYS) + ")"
_DAILY = re.compile(rf"{_DAY}(?:-{_DAY})? {_CLOCK}-{_CLOCK}")
_SPAN = re.compile(rf"{_DAY} {_CLOCK}-{_DAY} {_CLOCK}")
FORMS = "write such as mon-fri 08:00-20:00, sun 22:00-mon 02:00 or always"

Span = tuple[int, int]
"""First minute of the week, and the first one after; the latter may lie in the next week."""


@dataclass(frozen=True, slots=True)
class TradingHours:
    """A set of minutes of the week.

    Attributes:
        minutes: Bit n stands for the minute that begins n minutes after Monday 00:00 UTC.
    """

    minutes: int
    _week: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the same bits as bytes: of a long integer one bit takes longer to read."""
        object.__setattr__(self, "_week", self.minutes.to_bytes(WEEK_MINUTES // 8, "little"))

    def includes(self, instant: datetime) -> bool:
        """Return whether an instant, aware UTC, lies within."""
        minute = minute_of_week(instant)
        return bool(self._week[minute >> 3] >> (minute & 7) & 1)

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the last moment up to an instant that lies within, to the minute; None: never."""
        if self.includes(instant):
            return instant
        after = minute_of_week(instant) + 1
        # The week that ends with the instant's minute, as it lies in two copies of the week.
        week = (self.minutes << WEEK_MINUTES | self.minutes) >> after & _ALWAYS
        back = WEEK_MINUTES - week.bit_length()
        begun = instant.replace(second=0, microsecond=0)
        return begun - timedelta(minutes=back) if week else None

    def __invert__(self) -> "TradingHours":
        """Return all other minutes."""
        return TradingHours(~self.minutes & _ALWAYS)

    def __and__(self, other: "TradingHours") -> "TradingHours":
        """Return the minutes that are in both."""
        return TradingHours(self.minutes & other.minutes)

    def __lt__(self, other: "TradingHours") -> bool:
        """Return whether all of these minutes, and fewer, are in the other."""
        return self != other and self & other == self

    def __gt__(self, other: "TradingHours") -> bool:
        """Return whether these are all of the other's minutes, and more."""
        return other < self

    def __str__(self) -> str:
        """Return the hours as people write them; ``never`` where there are none."""
        return ", ".join(write_trading_hours(self)) or "never"


def minute_of_week(instant: datetime) -> int:
    """Return how many whole minutes after Monday 00:00 an instant lies."""
    return instant.weekday() * DAY_MINUTES + instant.hour * 60 + instant.minute


def moment_shown(instant: datetime) -> str:
    """Return day and time of an instant, as trading hours are written."""
    return _moment(minute_of_week(instant))


# --- reading --------------------------------------------------------------------------------------


def read_trading_hours(stated: object) -> TradingHours:
    """Return the hours that a list of texts states. Raises ValueError with every problem."""
    if isinstance(stated, TradingHours):
        return stated
    if not isinstance(stated, list | tuple):
        raise ValueError(f"expected a list of hours: {FORMS}")
    minutes, problems = 0, []
    for one in stated:
        try:
            minutes |= _bits(one)
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        raise ValueError("; ".join(problems))
    return TradingHours(minutes)


def _bits(stated: object) -> int:
    text = " ".join(stated.split()).casefold() if isinstance(stated, str) else ""
    if text == "always":
        return _ALWAYS
    if found := _DAILY.fullmatch(text):
        spans = list(_daily_spans(stated, *found.groups()))
    elif found := _SPAN.fullmatch(text):
        spans = [_one_span(stated, *found.groups())]
    else:
        raise ValueError(f"{stated!r} names no hours: {FORMS}")
    bits = 0
    for first, end in spans:
        bits |= ((1 << (end - first)) - 1) << first
    return (bits | bits >> WEEK_MINUTES) & _ALWAYS


def _daily_spans(
    stated: object, day: str, last: str | None, begin: str, end: str
) -> Iterator[Span]:
    since, until = _minute_of_day(stated, begin), _minute_of_day(stated, end)
    if until <= since:
        raise ValueError(f"{stated!r} ends before it begins: name the day on which it ends")
    first = DAYS.index(day)
    days = (DAYS.index(last or day) - first) % len(DAYS) + 1
    for number in range(first, first + days):
        yield number * DAY_MINUTES + since, number * DAY_MINUTES + until


def _one_span(stated: object, day: str, begin: str, end_day: str, end: str) -> Span:
    first = DAYS.index(day) * DAY_MINUTES + _minute_of_day(stated, begin)
    last = DAYS.index(end_day) * DAY_MINUTES + _minute_of_day(stated, end)
    if (last - first) % WEEK_MINUTES == 0 or (day == end_day and last < first):
        raise ValueError(f"{stated!r} ends before it begins: for the whole week write always")
    return first, last if last > first else last + WEEK_MINUTES


def _minute_of_day(stated: object, clock: str) -> int:
    hours, minutes = clock.split(":")
    minute = int(hours) * 60 + int(minutes)
    if minute > DAY_MINUTES:
        raise ValueError(f"{stated!r} names no time of day: {clock}")
    return minute


# --- writing --------------------------------------------------------------------------------------


def write_trading_hours(hours: TradingHours) -> list[str]:
    """Return the one list of texts that stands for these hours."""
    if hours.minutes == _ALWAYS:
        return ["always"]
    days_by_times: dict[Span, list[int]] = {}
    written: list[tuple[int, str]] = []
    for first, end in _spans(hours.minutes):
        day, begin = divmod(first, DAY_MINUTES)
        if end <= (day + 1) * DAY_MINUTES:
            days_by_times.setdefault((begin, end - day * DAY_MINUTES), []).append(day)
        else:
            written.append((first, f"{_moment(first)}-{_end(end)}"))
    for (begin, end), days in days_by_times.items():
        for first, last in _runs(days):
            named = DAYS[first] if first == last else f"{DAYS[first]}-{DAYS[last]}"
            times = f"{_clock(begin)}-{_clock(end)}"
            written.append((first * DAY_MINUTES + begin, f"{named} {times}"))
    return [text for _, text in sorted(written)]


def _spans(minutes: int) -> list[Span]:
    """Return the spans of a set of minutes that is not the whole week, the first of them first."""
    found: list[Span] = []
    position = 0
    while minutes:
        gap = (minutes & -minutes).bit_length() - 1
        position, minutes = position + gap, minutes >> gap
        length = (~minutes & minutes + 1).bit_length() - 1
        found.append((position, position + length))
        position, minutes = position + length, minutes >> length
    return _joined(found) if len(found) > 1 else found


def _joined(spans: list[Span]) -> list[Span]:
    """Join the last span with the first where one crosses the end of the week.

    Not where the whole would end on the day it began: that reads as if it ended before it began.
    """
    (begin, end), (first, last) = spans[0], spans[-1]
    crosses = begin == 0 and last == WEEK_MINUTES
    if not crosses or (end - 1) // DAY_MINUTES == first // DAY_MINUTES:
        return spans
    return [*spans[1:-1], (first, end + WEEK_MINUTES)]


def _runs(days: list[int]) -> Iterator[Span]:
    """Yield first and last of each run of days that follow one another."""
    first = last = days[0]
    for day in days[1:]:
        if day != last + 1:
            yield first, last
            first = day
        last = day
    yield first, last


def _moment(minute: int) -> str:
    day, of_day = divmod(minute, DAY_MINUTES)
    return f"{DAYS[day]} {_clock(of_day)}"


def _end(minute: int) -> str:
    """Return the end of a span; midnight belongs to the day that it ends."""
    day, of_day = divmod(minute - 1, DAY_MINUTES)
    return f"{DAYS[day % len(DAYS)]} {_clock(of_day + 1)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
