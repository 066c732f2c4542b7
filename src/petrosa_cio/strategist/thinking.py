"""One thought of the Strategist: briefed, answered by a model or the playbook, and judged."""

from dataclasses import dataclass

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.strategist.briefing import Briefing, briefing_of
from petrosa_cio.strategist.judgement import MODEL, Judged, judged, problems_of
from petrosa_cio.strategist.playbook import play
from petrosa_cio.strategist.playbook_rules import Playbook
from petrosa_cio.strategist.proposal import Answer, NoChange
from petrosa_cio.strategist.reasoning import Attempt, Reasoning
from petrosa_cio.strategist.situation import Situation


@dataclass(frozen=True, slots=True)
class Thought:
    """What the Strategist thought of a situation.

    Attributes:
        situation: The situation.
        briefing: What a model was told of it, or would have been.
        answer: What came of it.
        by: Who says so: a model, or ``playbook``.
        rule: The rule of the playbook, if one says so.
        judged: What the answer amounts to; None where nothing is to change.
        attempts: What was asked of models.
        prompt_version: What models were told to do; empty where none was asked.
    """

    situation: Situation
    briefing: Briefing
    answer: Answer
    by: str
    rule: str | None
    judged: Judged | None
    attempts: tuple[Attempt, ...] = ()
    prompt_version: str = ""


PLAYBOOK = "playbook"


class Strategist:
    """Thinks. It changes nothing.

    Args:
        playbook: What is proposed by rule.
        reasoning: What asks models; None where none is stated.
        most_tokens: How long a briefing may be.
    """

    def __init__(
        self, playbook: Playbook, reasoning: Reasoning | None, *, most_tokens: int
    ) -> None:
        self._playbook = playbook
        self._reasoning = reasoning
        self._most_tokens = most_tokens

    async def think(self, situation: Situation) -> Thought:
        """Return a thought: the first model's that gives one, else the playbook's."""
        briefing = briefing_of(situation, self._most_tokens)
        names, version = briefing.names, ""
        attempts: tuple[Attempt, ...] = ()
        if self._reasoning is not None:
            reasoned = await self._reasoning.think(
                briefing, lambda answer: problems_of(answer, situation, names)
            )
            attempts, version = reasoned.attempts, self._reasoning.prompt.version
            if reasoned.answer is not None and reasoned.model is not None:
                found = _amounts_to(reasoned.answer, situation, briefing, MODEL)
                return Thought(
                    situation, briefing, reasoned.answer, reasoned.model, None, found, attempts,
                    version,
                )  # fmt: skip
        played = play(self._playbook, situation, names)
        found = _amounts_to(played.answer, situation, briefing, played.rule or PLAYBOOK)
        return Thought(
            situation, briefing, played.answer, PLAYBOOK, played.rule, found, attempts, version
        )


def _amounts_to(answer: Answer, situation: Situation, briefing: Briefing, by: str) -> Judged | None:
    if isinstance(answer, NoChange):
        return None
    found, problems = judged(answer, situation, briefing.names, by=by)
    if problems:
        raise PolicyRejected(problems)
    return found
