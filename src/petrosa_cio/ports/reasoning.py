"""What the Strategist needs from outside: language models, and a book of what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a talk with a model.

    Attributes:
        by_model: Whether the model said it.
        text: What was said.
    """

    by_model: bool
    text: str


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model answered.

    Attributes:
        text: All of its text.
        input_tokens: Tokens that it read, as its provider counts; 0 where that is not said.
        output_tokens: Tokens that it wrote, alike.
    """

    text: str
    input_tokens: int
    output_tokens: int


class LanguageModel(Protocol):
    """One language model at one provider."""

    @property
    def name(self) -> str:
        """What people call it, as ``openai:gpt-5``."""

    async def ask(
        self, instructions: str, talk: Sequence[Said], *, most_tokens: int
    ) -> ModelAnswer:
        """Return what it says next; one call, which is not tried again.

        Args:
            instructions: What it is to do.
            talk: What was said so far.
            most_tokens: What its answer may have at most.

        Raises:
            ModelFailed: It gave no answer.
        """


class SpendBook(Protocol):
    """What was spent on models, by day, in microdollars. Raises Unavailable."""

    async def reserve(self, day: date, amount: int, ceiling: int) -> bool:
        """Count an amount, if it and all before it keep to the ceiling; return whether."""

    async def settle(self, day: date, difference: int) -> None:
        """Correct what was counted; below zero where less was spent than reserved."""

    async def spent(self, day: date) -> int:
        """Return what is counted for a day."""
