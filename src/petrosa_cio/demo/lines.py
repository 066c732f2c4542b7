"""The demo as plain lines, for where there is no terminal: files, pipes, continuous integration."""

from collections.abc import Callable
from time import monotonic

from rich.console import Console

from petrosa_cio.demo.book import Verdict
from petrosa_cio.demo.story import Chapter
from petrosa_cio.demo.view import View
from petrosa_cio.demo.words import verdict_words

LINES_A_SECOND = 6


class LineStage:
    """Writes a headline a chapter and a line a verdict, but not more than a person can read.

    Args:
        console: Where to.
        clock: The time in seconds, ever growing.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = monotonic) -> None:
        self._console = console
        self._clock = clock
        self._second = -1
        self._shown = 0
        self._skipped = 0

    def say(self, sentence: str) -> None:
        """Write a sentence."""
        self._write(sentence)

    def begin(self, chapter: Chapter) -> None:
        """Write the chapter's headline, regime and sentence; it has lines of its own."""
        self._tell_skipped()
        self._shown = 0
        self._write("")
        self._write(f"== {chapter.title} (regime: {chapter.regime})")
        self._write(f"   {chapter.sentence}")

    def verdict(self, verdict: Verdict) -> None:
        """Write the verdict, unless this second has had its lines."""
        if int(self._clock()) != self._second:
            self._tell_skipped()
            self._second, self._shown = int(self._clock()), 0
        if self._shown == LINES_A_SECOND:
            self._skipped += 1
            return
        self._shown += 1
        cue = verdict.cue
        who = f"{verdict.outcome:8}{cue.bot:16}{cue.action:6}{cue.symbol:9}"
        self._write(f"{who} {verdict_words(verdict)}".rstrip())

    def refresh(self, view: View) -> None:
        """Write nothing: lines stay, so only what happens is written."""

    def close(self) -> None:
        """Write what was left out last."""
        self._tell_skipped()

    def _tell_skipped(self) -> None:
        if self._skipped:
            self._write(f"... and {self._skipped} more")
            self._skipped = 0

    def _write(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
