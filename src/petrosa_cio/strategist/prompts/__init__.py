"""What models are told to do, as texts with a version at their head."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told to do.

    Attributes:
        version: As the text says, with the beginning of its SHA-256: ``1-0a1b2c3d``.
        text: The text.
    """

    version: str
    text: str


@lru_cache(maxsize=1)
def strategist_prompt() -> Prompt:
    """Return what the Strategist is told to do."""
    whole = files(__package__).joinpath("strategist.md").read_text("utf-8")
    head, _, text = whole.partition("\n")
    version = head.removeprefix("version: ").strip()
    return Prompt(f"{version}-{sha256(whole.encode()).hexdigest()[:8]}", text.strip())
