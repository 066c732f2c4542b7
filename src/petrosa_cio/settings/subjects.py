"""The grammar of NATS subjects, as far as a setting may get it wrong."""

import re

STRATEGY_PLACEHOLDER = "{strategy_id}"


def _tokens(subject: str) -> list[str]:
    tokens = subject.split(".")
    if not all(tokens) or re.search(r"\s", subject):
        raise ValueError("expected a NATS subject: words joined by dots, no spaces")
    return tokens


def pattern(subject: str) -> str:
    """Return `subject` if NATS takes it as a pattern to subscribe to; ValueError if not."""
    tokens = _tokens(subject)
    wild = ">" in tokens[:-1] or any(len(token) > 1 and set(token) & set("*>") for token in tokens)
    if wild:
        raise ValueError("expected '*' as a whole word, and '>' only as the last one")
    return subject


def plain(subject: str) -> str:
    """Return `subject` if one can publish to it; ValueError if not."""
    if set(pattern(subject)) & set("*>{}"):
        raise ValueError("expected a subject without wildcards")
    return subject


def template(subject: str) -> str:
    """Return `subject` if it names one subject per strategy, or one for all; ValueError if not."""
    tokens = _tokens(subject)
    if tokens.count(STRATEGY_PLACEHOLDER) > 1:
        raise ValueError(f"expected {STRATEGY_PLACEHOLDER} at most once")
    if any(set(token) & set("*>{}") for token in tokens if token != STRATEGY_PLACEHOLDER):
        raise ValueError(f"expected no wildcards, and {STRATEGY_PLACEHOLDER} as a whole word")
    return subject


def subjects_overlap(left: str, right: str) -> bool:
    """Tell whether some subject matches both NATS patterns."""
    ours, theirs = left.split("."), right.split(".")
    for mine, other in zip(ours, theirs, strict=False):
        if ">" in (mine, other):
            return True
        if mine != other and "*" not in (mine, other):
            return False
    return len(ours) == len(theirs)
