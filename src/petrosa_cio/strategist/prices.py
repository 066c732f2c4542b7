"""What language models cost, as a file that people edit says, and what a call may cost at most."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from petrosa_cio.errors import Misconfigured, Problem

FIELD: Final = "CIO_STRATEGIST_PRICES_FILE"
_STRICT = ConfigDict(extra="forbid", frozen=True)
_Usd = Annotated[Decimal, BeforeValidator(str), Field(ge=0, le=10_000, allow_inf_nan=False)]


class Price(BaseModel):
    """What one model costs, USD for a million tokens."""

    model_config = _STRICT

    input: _Usd
    output: _Usd

    def of(self, input_tokens: int, output_tokens: int) -> int:
        """Return what so many tokens cost, in microdollars, rounded up."""
        exact = self.input * input_tokens + self.output * output_tokens
        return int(exact.to_integral_value(ROUND_CEILING))


class _File(BaseModel):
    model_config = _STRICT

    prices: dict[str, Price]


@dataclass(frozen=True, slots=True)
class Prices:
    """What models cost, by name; ``PROVIDER:*`` stands for the others of a provider."""

    by_name: dict[str, Price]

    def of(self, model: str) -> Price:
        """Return what a model costs. Raises KeyError."""
        own = self.by_name.get(model)
        return own if own is not None else self.by_name[f"{model.partition(':')[0]}:*"]


def read_prices(file: Path | None, models: Iterable[str]) -> Prices:
    """Return the prices of a file; None for those that come with the program.

    Args:
        file: The file.
        models: Names of models that are to be asked.

    Raises:
        Misconfigured: The file cannot be read, or a model has no price.
    """
    try:
        own = files(__package__).joinpath("prices.yaml")
        text = own.read_text("utf-8") if file is None else file.read_text("utf-8")
        found = Prices(_File.model_validate(yaml.safe_load(text)).prices)
    except (OSError, ValueError, yaml.YAMLError) as error:
        told = " ".join(f"{file}: {error}".split())
        raise Misconfigured([Problem(FIELD, told, "Mend the file.")]) from error
    problems = [
        Problem(FIELD, f"it has no price of {model}", "Add what a million tokens cost.")
        for model in models
        if not _has(found, model)
    ]
    if problems:
        raise Misconfigured(problems)
    return found


def _has(prices: Prices, model: str) -> bool:
    try:
        prices.of(model)
    except KeyError:
        return False
    return True
