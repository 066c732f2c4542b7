"""Asks language models one after another until one says something that may be proposed.

It keeps to a time for each call, to a daily ceiling of cost, and to a number of tries; a model that
fails again and again is left alone for a while. What comes of it is an answer, or none: then the
playbook speaks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from petrosa_cio.errors import ModelFailed, Unavailable
from petrosa_cio.fleet.circuit import Circuit
from petrosa_cio.ports import LanguageModel, ModelAnswer, Said, SpendBook
from petrosa_cio.strategist.briefing import Briefing, estimated_tokens
from petrosa_cio.strategist.judgement import read_answer
from petrosa_cio.strategist.prices import Price, Prices
from petrosa_cio.strategist.prompts import Prompt
from petrosa_cio.strategist.proposal import Answer

MOST_MENDS: Final = 2
"""How often a model may mend an answer that was not one."""

MOST_TOKENS: Final = 4_000
"""Tokens that an answer may have; those in which a model thinks are among them."""

FAILURES: Final = 3
REST_S: Final = 300.0
KEPT_OF_AN_ANSWER: Final = 4_000
"""Characters of a model's own words that are recorded."""

_FOREIGN_MARGIN: Final = 2
"""A prompt is reserved for at so many times its estimate."""

Check = Callable[[Answer], list[str]]
"""Says why an answer cannot be taken."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One question to a model, or why it was not asked.

    Attributes:
        model: Its name.
        outcome: ``answered``, ``invalid``, ``resting``, ``over_budget``, ``no_book``, or how it
            failed.
        input_tokens: Tokens that it read; 0 where nobody says.
        output_tokens: Tokens that it wrote, alike.
        cost_microdollars: What is counted for it.
        said: What it said, cut; empty where it said nothing.
        problems: Why that cannot be taken.
    """

    model: str
    outcome: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microdollars: int = 0
    said: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reasoned:
    """What came of asking.

    Attributes:
        answer: What may be proposed; None where no model said such a thing.
        model: Who said it.
        attempts: All that was tried, in order.
    """

    answer: Answer | None
    model: str | None
    attempts: tuple[Attempt, ...]


@dataclass(slots=True)
class _Asked:
    """One model, and how it behaves.

    Attributes:
        model: The model.
        price: What it costs.
        circuit: Whether it may be asked.
        rests_until: When it may be asked again at the earliest, in monotonic seconds.
    """

    model: LanguageModel
    price: Price
    circuit: Circuit
    rests_until: float = field(default=0.0)


class Reasoning:
    """Asks models.

    Args:
        models: The models, in the order of preference.
        prices: What they cost.
        book: Where their cost is counted.
        daily_microdollars: What may be spent in a day, UTC.
        clock: The time, aware UTC.
        monotonic: A clock that never goes back, in seconds.
        prompt: What they are told to do.
    """

    def __init__(  # noqa: PLR0913 - all that asking a model takes
        self,
        models: Sequence[LanguageModel],
        prices: Prices,
        book: SpendBook,
        *,
        daily_microdollars: int,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        prompt: Prompt,
    ) -> None:
        self._asked = [
            _Asked(one, prices.of(one.name), Circuit(monotonic, failures=FAILURES, rest_s=REST_S))
            for one in models
        ]
        self._book = book
        self._ceiling = daily_microdollars
        self._clock = clock
        self._monotonic = monotonic
        self.prompt = prompt

    async def think(self, briefing: Briefing, check: Check) -> Reasoned:
        """Return the first answer that may be taken, of the first model that gives one.

        Args:
            briefing: What is known.
            check: Says why an answer cannot be taken; the model is told.
        """
        attempts: list[Attempt] = []
        for asked in self._asked:
            answer = await self._talk(asked, briefing, check, attempts)
            if answer is not None:
                return Reasoned(answer, asked.model.name, tuple(attempts))
        return Reasoned(None, None, tuple(attempts))

    async def _talk(
        self, asked: _Asked, briefing: Briefing, check: Check, attempts: list[Attempt]
    ) -> Answer | None:
        """Talk with one model until it says what can be taken, or fails, or may try no more."""
        talk = [Said(by_model=False, text=briefing.text)]
        for _ in range(1 + MOST_MENDS):
            said, attempt = await self._ask(asked, talk)
            if said is None:
                attempts.append(attempt)
                return None
            answer, problems = read_answer(said.text)
            if answer is not None:
                problems = check(answer)
            outcome = "invalid" if problems else "answered"
            attempts.append(_with(attempt, outcome, said.text, problems))
            if not problems:
                return answer
            talk += [Said(by_model=True, text=said.text[:KEPT_OF_AN_ANSWER])]
            talk += [Said(by_model=False, text=_to_mend(problems))]
        return None

    async def _ask(self, asked: _Asked, talk: Sequence[Said]) -> tuple[ModelAnswer | None, Attempt]:
        """Ask once. What a failed call cost nobody says, so all that was reserved is counted."""
        name = asked.model.name
        if self._monotonic() < asked.rests_until:
            return None, Attempt(name, "resting")
        call = asked.circuit.begin()
        if call is None:
            return None, Attempt(name, "resting")
        words = (self.prompt.text, *(one.text for one in talk))
        reads = _FOREIGN_MARGIN * sum(map(estimated_tokens, words))
        reserved, day = asked.price.of(reads, MOST_TOKENS), self._clock().date()
        well = False
        try:
            if not await self._book.reserve(day, reserved, self._ceiling):
                well = True  # the model did nothing wrong
                return None, Attempt(name, "over_budget")
            said = await asked.model.ask(self.prompt.text, talk, most_tokens=MOST_TOKENS)
            cost = reserved
            if said.input_tokens and said.output_tokens:
                cost = asked.price.of(said.input_tokens, said.output_tokens)
                await self._book.settle(day, cost - reserved)
            well = True
        except ModelFailed as failed:
            if failed.retry_after_s is not None:
                asked.rests_until = self._monotonic() + failed.retry_after_s
            return None, Attempt(name, failed.kind, cost_microdollars=reserved)
        except Unavailable:
            well = True
            return None, Attempt(name, "no_book")
        finally:
            asked.circuit.end(call, well=well)
        return said, Attempt(name, "answered", said.input_tokens, said.output_tokens, cost)


def _with(attempt: Attempt, outcome: str, said: str, problems: Sequence[str]) -> Attempt:
    return Attempt(
        attempt.model,
        outcome,
        attempt.input_tokens,
        attempt.output_tokens,
        attempt.cost_microdollars,
        said[:KEPT_OF_AN_ANSWER],
        tuple(problem[:500] for problem in problems),
    )


def _to_mend(problems: Sequence[str]) -> str:
    listed = "\n".join(f"- {problem[:500]}" for problem in problems)
    return f"That cannot be taken:\n{listed}\nAnswer again, with one JSON object and nothing else."
