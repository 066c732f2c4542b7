"""The documents that govern: policy, overlays and charter.

A *policy* is the versioned set of limits in force. An *overlay* narrows it until it expires. The
*charter* holds the bounds that people set in a file; no policy may be looser, and no program may
change it. Unknown fields are refused: a misspelled limit must never be a limit that is not there.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from petrosa_cio.risk.limits import LIMIT_KINDS, NO_LIMITS, LimitSet

ANY = "*"
"""The name of a family's default entry."""

Name = Annotated[str, Field(min_length=1, max_length=64)]
SymbolOrAny = Annotated[str, Field(pattern=r"^(\*|[A-Z0-9]{3,32})$")]
"""Intents name symbols in capitals, so that an entry in small letters would never apply."""


class Families(BaseModel):
    """Limits by whom they are about. A ``"*"`` entry is its family's default.

    A specific entry replaces the default field by field: what it leaves out, the default states.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fund: LimitSet = Field(NO_LIMITS, description="Limits on every intent.")
    symbols: dict[SymbolOrAny, LimitSet] = Field(
        default_factory=dict, description="Limits by symbol."
    )
    strategies: dict[Name, LimitSet] = Field(
        default_factory=dict, description="Limits by strategy name."
    )
    strategy_symbols: dict[Name, dict[SymbolOrAny, LimitSet]] = Field(
        default_factory=dict, description="Limits by strategy name, then by symbol."
    )
    regimes: dict[Name, LimitSet] = Field(
        default_factory=dict,
        description="Limits by market regime; the default also serves an unknown regime.",
    )

    def entries(self) -> Iterator[tuple[str, str, LimitSet]]:
        """Iterate over (family, path, limits) of every entry."""
        yield "fund", "fund", self.fund
        for family in ("symbols", "strategies", "regimes"):
            for name, limits in getattr(self, family).items():
                yield family, f"{family}.{name}", limits
        for strategy, by_symbol in self.strategy_symbols.items():
            for symbol, limits in by_symbol.items():
                yield "strategy_symbols", f"strategy_symbols.{strategy}.{symbol}", limits

    @model_validator(mode="after")
    def _fields_stand_where_they_mean_something(self) -> Self:
        problems = [
            f"{path}.{field} is only valid under {', '.join(sorted(LIMIT_KINDS[field].families))}"
            for family, path, limits in self.entries()
            for field in sorted(limits.model_fields_set)
            if LIMIT_KINDS[field].families and family not in LIMIT_KINDS[field].families
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Policy(Families):
    """The limits in force, apart from overlays and charter."""

    schema_version: Literal[1] = 1
    name: str = Field("unnamed", max_length=64, description="What people call this policy.")


class Overlay(Families):
    """A temporary narrowing of the policy, which ends by itself."""

    overlay_id: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=1, max_length=2_000)
    expires_at: AwareDatetime

    def is_active(self, now: datetime) -> bool:
        """Return whether it still narrows at this moment."""
        return now < self.expires_at


class PolicyDocument(BaseModel):
    """What is stored and switched as one: a policy with its overlays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Policy
    overlays: tuple[Overlay, ...] = ()

    @model_validator(mode="after")
    def _overlays_are_told_apart(self) -> Self:
        names = [one.overlay_id for one in self.overlays]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"overlays stated twice: {', '.join(twice)}")
        return self


class Charter(BaseModel):
    """The bounds that people set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    name: str = Field("unnamed", max_length=64)
    bounds: LimitSet = Field(NO_LIMITS, description="No policy may be looser than these.")
    required_limits: frozenset[str] = Field(
        frozenset(), description="Limits that must be set, or every opening is denied."
    )
    people: int = Field(
        2,
        ge=1,
        description="How many people decide for the fund. With 1 a loosening waits for "
        "`cooling_off_hours` and is confirmed again by the same person; else another approves it.",
    )
    cooling_off_hours: int = Field(
        24,
        ge=1,
        le=720,
        description="How long a loosening waits where one person decides alone, in hours.",
    )

    @model_validator(mode="after")
    def _required_limits_exist(self) -> Self:
        problems = []
        unknown = sorted(self.required_limits - LIMIT_KINDS.keys())
        if unknown:
            problems.append(f"required_limits names no limit: {', '.join(unknown)}")
        misplaced = sorted(
            field
            for field in self.bounds.model_fields_set
            if LIMIT_KINDS[field].families and "fund" not in LIMIT_KINDS[field].families
        )
        if misplaced:
            problems.append(f"bounds may not state {', '.join(misplaced)}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def canonical_json(document: BaseModel) -> bytes:
    """Return the one byte string that stands for a document: sorted keys, only what is stated."""
    plain = document.model_dump(mode="json", exclude_unset=True)
    return json.dumps(_sorted(plain), separators=(",", ":"), ensure_ascii=False).encode()


def _sorted(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        plain = [_sorted(item) for item in value]
        return sorted(plain, key=str) if all(isinstance(item, str) for item in plain) else plain
    return value


def document_hash(document: BaseModel) -> str:
    """Return the SHA-256 of a document's canonical JSON, hexadecimal."""
    return sha256(canonical_json(document)).hexdigest()


def in_words(value: object) -> str:
    """Return a limit's value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value))) or "none"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def beyond_charter(families: Families, charter: Charter) -> Iterator[tuple[str, str]]:
    """Iterate over each limit that is looser than the charter's: its path, and what it is."""
    for _, path, limits in families.entries():
        for field, value in limits:
            bound = getattr(charter.bounds, field)
            if None not in (value, bound) and LIMIT_KINDS[field].meet(bound, value) != value:
                is_looser = f"is {in_words(value)}, looser than the charter's {in_words(bound)}"
                yield f"{path}.{field}", is_looser


def charter_problems(families: Families, charter: Charter) -> list[str]:
    """Return a sentence for every entry that states a limit looser than the charter's."""
    return [f"{path} {is_looser}" for path, is_looser in beyond_charter(families, charter)]
