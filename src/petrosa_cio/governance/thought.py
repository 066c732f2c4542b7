"""Whether a thought is one: the reasoning that everybody states who changes what governs. Pure.

Nobody can check by rule whether a thought is a good one. What is checked is that somebody wrote
one: enough text, of enough different words, and nothing in it that a reader would not see.
"""

import re
import unicodedata
from collections import Counter

from petrosa_cio.errors import ThoughtRejected

SHORTEST = 100
"""Characters that a thought has at least, where a run of blanks counts as one."""

LONGEST = 10_000
"""Characters that a thought has at most."""

DIFFERENT_WORDS = 10
"""Different words that it has at least, small and capital letters alike."""

LARGEST_SHARE = 0.5
"""Share of all words that are one and the same word, at most."""

# Where a script has no blanks between words, each of its signs counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+")

_LINE_BREAKS = frozenset("\n\r\t")


def thought_problem(thought: str) -> str | None:
    """Return why a text is no thought, as a sentence; None where it is one."""
    if any(_is_hidden(character) for character in thought):
        return "the thought holds signs that nobody can see"
    text = " ".join(thought.split())
    if len(text) < SHORTEST:
        return f"a thought has at least {SHORTEST} characters, blanks counted once, was {len(text)}"
    if len(thought) > LONGEST:
        return f"a thought has at most {LONGEST} characters, was {len(thought)}"
    words = Counter(word.casefold() for word in _WORD.findall(text))
    if len(words) < DIFFERENT_WORDS:
        return f"a thought has at least {DIFFERENT_WORDS} different words, was {len(words)}"
    word, times = words.most_common(1)[0]
    if times > LARGEST_SHARE * words.total():
        return f'more than half of the words of the thought are "{word[:40]}"'
    return None


def check_thought(thought: str) -> None:
    """Raise ThoughtRejected if a text is no thought."""
    problem = thought_problem(thought)
    if problem is not None:
        raise ThoughtRejected(problem)


def _is_hidden(character: str) -> bool:
    """Return whether it is a control or format sign, no character at all, or private."""
    return character not in _LINE_BREAKS and unicodedata.category(character).startswith("C")
