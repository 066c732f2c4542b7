"""Names that a model may read and write, for those that bots and people chose. Pure.

Whoever names a strategy writes into the briefing, and could write an instruction. So strategies are
called S1, S2, and overlays O1, O2; what they call themselves stands beside it once, in quotes.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from petrosa_cio.risk.policy import ANY, PolicyDocument

LONGEST_QUOTE: Final = 60
"""Characters of a foreign text that are shown, unless said otherwise."""


def quoted(text: str, longest: int = LONGEST_QUOTE) -> str:
    """Return a foreign text as one JSON string in ASCII, cut to so many characters.

    Nothing within it ends the quotes or the line: quotation marks, controls and all that is not
    ASCII are written as escapes.
    """
    cut = text if len(text) <= longest else text[: longest - 3] + "..."
    return json.dumps(cut, ensure_ascii=True).replace("\x7f", "\\u007f")


@dataclass(frozen=True, slots=True)
class SafeNames:
    """Which safe name stands for whom.

    Attributes:
        strategies: Names of strategies by safe name.
        overlays: Identities of overlays by safe name.
    """

    strategies: dict[str, str]
    overlays: dict[str, str]

    @classmethod
    def of(cls, document: PolicyDocument, strategies: Iterable[str]) -> Self:
        """Give a name to every strategy and overlay of a policy, and to further strategies."""
        policy = document.policy
        stated = {*policy.strategies, *policy.strategy_symbols}
        for overlay in document.overlays:
            stated |= {*overlay.strategies, *overlay.strategy_symbols}
        for entries in (policy, *document.overlays):
            for _, _, limits in entries.entries():
                stated |= limits.allowed_strategies or frozenset()
        known = sorted({*stated, *strategies} - {ANY})
        overlays = sorted(one.overlay_id for one in document.overlays)
        return cls(_numbered("S", known), _numbered("O", overlays))

    def of_strategy(self, name: str) -> str:
        """Return the safe name of a strategy; ``*`` is every strategy's. Raises KeyError."""
        return ANY if name == ANY else _found(self.strategies, name)

    def of_overlay(self, name: str) -> str:
        """Return the safe name of an overlay. Raises KeyError."""
        return _found(self.overlays, name)


def _numbered(letter: str, names: list[str]) -> dict[str, str]:
    return {f"{letter}{number}": name for number, name in enumerate(names, 1)}


def _found(names: dict[str, str], wanted: str) -> str:
    for safe, name in names.items():
        if name == wanted:
            return safe
    raise KeyError(wanted)
