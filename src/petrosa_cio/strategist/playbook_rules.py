"""The rules of the playbook, as a file states them."""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from petrosa_cio.errors import Misconfigured, Problem
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.strategist.proposal import ExpectedEffect

FIELD: Final = "CIO_STRATEGIST_PLAYBOOK_FILE"
_STRICT = ConfigDict(extra="forbid", frozen=True)

# A float of a YAML file is taken as it was written.
Exact = Annotated[Decimal, BeforeValidator(str)]
Percent = Annotated[Exact, Field(gt=0, le=100)]


class When(BaseModel):
    """When a rule applies; one thing, which it takes alone."""

    model_config = _STRICT

    regimes: frozenset[str] = frozenset()
    drawdown_pct: Percent | None = None
    loss_pct: Percent | None = None
    denial_rise_points: Percent | None = None
    min_verdicts: int = Field(100, ge=1)
    quiet_hours: int | None = Field(None, ge=1, le=168)

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        stated = (self.drawdown_pct, self.loss_pct, self.denial_rise_points, self.quiet_hours)
        if sum(one is not None for one in stated) + bool(self.regimes) != 1:
            raise ValueError("expected one of regimes, drawdown_pct, loss_pct, "
                             "denial_rise_points and quiet_hours")  # fmt: skip
        return self


class Rule(BaseModel):
    """One rule: when it applies, what it then proposes, and why."""

    model_config = _STRICT

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,24}$")]
    explanation: Annotated[str, StringConstraints(min_length=100, max_length=1_000)]
    when: When
    multiply: Mapping[str, Annotated[Exact, Field(ge=0, lt=1)]] = Field(default_factory=dict)
    at_least: Mapping[str, Annotated[Exact, Field(ge=0)]] = Field(default_factory=dict)
    lasts_minutes: int | None = Field(None, ge=1, le=10_080)
    expected: ExpectedEffect
    confidence: Annotated[Exact, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _says_what_to_do(self) -> Self:
        tightens = bool(self.multiply or self.at_least)
        if tightens == (self.when.quiet_hours is not None):
            raise ValueError("multiply or at_least are for every rule but one with quiet_hours")
        if tightens != (self.lasts_minutes is not None):
            raise ValueError("what tightens says lasts_minutes, and nothing else does")
        for kind, named in (("the lowest", self.multiply), ("the highest", self.at_least)):
            for limit in named:
                if not _counts(limit, kind):
                    raise ValueError(f"{limit} is no limit of which {kind} counts")
        return self


class Playbook(BaseModel):
    """Every rule, the strictest first."""

    model_config = _STRICT

    version: Literal[1] = 1
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError("two rules have one name")
        return self


def _counts(limit: str, which: str) -> bool:
    kind = LIMIT_KINDS.get(limit)
    return kind is not None and not kind.families and kind.how_they_meet == f"{which} counts"


def read_playbook(file: Path | None) -> Playbook:
    """Return the playbook of a file; None for the one that comes with the program.

    Raises:
        Misconfigured: The file cannot be read, or is none, with every problem.
    """
    if file is None:
        return _own_playbook()
    try:
        return _playbook_of(file.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Misconfigured(
            [Problem(FIELD, f"{file}: {one}", "Mend the file.") for one in _told(error)]
        ) from error


@lru_cache(maxsize=1)
def _own_playbook() -> Playbook:
    return _playbook_of(files(__package__).joinpath("playbook.yaml").read_text("utf-8"))


def _playbook_of(text: str) -> Playbook:
    return Playbook.model_validate(yaml.safe_load(text))


def _told(error: Exception) -> list[str]:
    if isinstance(error, ValidationError):
        return [
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_url=False)
        ]
    return [re.sub(r"\s+", " ", str(error))]
