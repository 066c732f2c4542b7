"""What a model is told before it thinks: bounded, the same for the same situation, data only. Pure.

Whatever bots and people wrote stands in quotes, cut and escaped (`safe_names`); all else is made of
numbers, of fixed words, and of names that this program knows. The most important comes first, and
what does not fit into the budget is left out, with a line that says how much.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from petrosa_cio.strategist.briefing_parts import PARTS, Part, facts_of
from petrosa_cio.strategist.safe_names import SafeNames
from petrosa_cio.strategist.situation import Situation

CHARACTERS_A_TOKEN: Final = 3
"""Characters of English and numbers that are counted as one token: more than most models take."""

USUAL_TOKENS: Final = 6_000
FEWEST_TOKENS: Final = 500

_ROOM_TO_SAY_SO: Final = 60


def estimated_tokens(text: str) -> int:
    """Return how many tokens a text is taken for: one for every `CHARACTERS_A_TOKEN`, rounded up.

    The text of a briefing is ASCII. It is an estimate, made so that it is rather too high.
    """
    return -(-len(text.encode()) // CHARACTERS_A_TOKEN)


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a model is told.

    Attributes:
        text: The text, ASCII.
        facts: The numbers in it, for programs; no foreign text.
        names: Who is meant by the names in it.
    """

    text: str
    facts: dict[str, object]
    names: SafeNames

    @property
    def tokens(self) -> int:
        """How many tokens it is taken for."""
        return estimated_tokens(self.text)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


def briefing_of(situation: Situation, most_tokens: int = USUAL_TOKENS) -> Briefing:
    """Return the briefing of a situation.

    Args:
        situation: What is known.
        most_tokens: What it may be taken for at most, `FEWEST_TOKENS` or more.

    Raises:
        ValueError: The budget is smaller.
    """
    if most_tokens < FEWEST_TOKENS:
        raise ValueError(f"expected a budget of at least {FEWEST_TOKENS} tokens, was {most_tokens}")
    names = SafeNames.of(situation.document, _strategies(situation))
    room = most_tokens * CHARACTERS_A_TOKEN
    text: list[str] = []
    for part in PARTS:
        written = list(_within(part, part.lines(situation, names), room))
        room -= sum(len(line) + 1 for line in written)
        text += written
    return Briefing("\n".join(text) + "\n", facts_of(situation, names), names)


def _strategies(situation: Situation) -> set[str]:
    found: set[str] = set()
    for counted in (situation.verdicts, situation.before):
        found |= set(counted.by_strategy) if counted else set()
    if situation.portfolio:
        found |= set(situation.portfolio.results)
        held = situation.portfolio.positions or ()
        found |= {one.strategy for one in held if one.strategy}
    return found


def _within(part: Part, lines: list[str], room: int) -> Iterator[str]:
    """Yield the heading and as many lines as fit, with a word on those that do not."""
    room -= len(part.heading) + 1 + _ROOM_TO_SAY_SO
    if room < 0:
        return
    yield part.heading
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            yield f"({len(lines) - number} more lines left out)"
            return
        yield line
