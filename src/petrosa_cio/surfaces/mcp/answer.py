"""What a tool answers: bounded texts, and refusals that say what would unlock them."""

import unicodedata
from typing import Any, Final

import orjson
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import to_jsonable_python

from petrosa_cio.errors import CioError, Unavailable
from petrosa_cio.surfaces.api.envelope import RETRY_S, Fault, Unlock, fault_of

LONGEST_TEXT: Final = 10_000
"""Characters of one text; a thought may have as many."""

FAULT: Final = "petrosa-cio/fault"
"""Under this name of the metadata a refusal is told to programs."""

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs"})
_KEPT: Final = frozenset("\n\t")


class ToolFault(Fault):
    """What is wrong with a call of a tool."""

    approval: Unlock | None = Field(
        description="Whether anybody's approval would unlock it, and which roles could."
    )
    retry_after_s: int | None = Field(
        None, description="Seconds after which it may be tried again, where that could help."
    )
    trace_id: str = Field(description="The trace of the call.")


NOBODY = Unlock(would_unlock=False, roles=[])


def tool_fault(error: CioError, trace_id: str) -> ToolFault:
    """Return an error as an agent is told."""
    fault = fault_of(error)
    wait_s = getattr(error, "retry_after_s", None)
    if wait_s is None and isinstance(error, Unavailable):
        wait_s = RETRY_S
    stated = fault.model_dump(exclude={"approval"})
    approval = fault.approval or NOBODY
    return ToolFault(**stated, approval=approval, retry_after_s=wait_s, trace_id=trace_id)


def plain_fault(code: str, message: str, problems: list[str], trace_id: str) -> ToolFault:
    """Return what is wrong where no error of ours says so."""
    return ToolFault(
        code=code, message=message, problems=problems, approval=NOBODY, trace_id=trace_id
    )


def invalid_fault(error: ValidationError, trace_id: str) -> ToolFault:
    """Name every problem with arguments, and nothing of what was sent."""
    problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return plain_fault("INVALID", "the arguments are not what is expected", problems, trace_id)


def refusal(fault: ToolFault) -> CallToolResult:
    """Return the answer that something is wrong: the fault is its text, and stands beside it.

    It is no structured content: some clients compare that with the schema of the answer, refused
    or not.
    """
    content = fault.model_dump(mode="json")
    text = TextContent(text=json_text(content))
    return CallToolResult(content=[text], is_error=True, meta={FAULT: content})


def told(data: Any, tells: type[BaseModel]) -> CallToolResult:
    """Return the answer that all is well.

    Args:
        data: The answer.
        tells: Its model.
    """
    shaped = tells.model_validate(data)
    content = bounded(to_jsonable_python(shaped, fallback=str))
    return CallToolResult(
        content=[TextContent(text=json_text(content))], structured_content=content
    )


def bounded(value: Any) -> Any:
    """Return JSON whose texts are of bounded length, with no signs that nobody sees."""
    if isinstance(value, str):
        return _bounded_text(value)
    if isinstance(value, dict):
        return {_bounded_text(str(key)): bounded(one) for key, one in value.items()}
    return [bounded(one) for one in value] if isinstance(value, list) else value


def json_text(value: Any) -> str:
    """Return JSON as text."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _bounded_text(text: str) -> str:
    seen = "".join(map(_seen, text[:LONGEST_TEXT]))
    left = len(text) - LONGEST_TEXT
    return seen if left <= 0 else f"{seen}... ({left} characters more)"


def _seen(sign: str) -> str:
    hidden = sign not in _KEPT and unicodedata.category(sign) in _INVISIBLE
    return "\N{REPLACEMENT CHARACTER}" if hidden else sign
