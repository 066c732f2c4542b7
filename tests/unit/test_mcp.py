"""What agents are told: texts that are bounded, faults that say what would unlock them."""

import json

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcp_types import TextContent

from petrosa_cio.errors import (
    CioError,
    Misconfigured,
    NotAllowed,
    PolicyRejected,
    Problem,
    TooSoon,
    Unavailable,
)
from petrosa_cio.governance.authority import MAY, Act
from petrosa_cio.office.limit_semantics import limits_described
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.surfaces.mcp.answer import LONGEST_TEXT, bounded, tool_fault
from petrosa_cio.surfaces.mcp.table import LONGEST_ARGUMENT, PROMPTS, RESOURCES, TOOLS, prompted

ONLY_PEOPLE = {
    "approve_proposal", "activate_proposal", "resume", "set_market_regime",
    "clear_market_regime", "fleet_approve", "fleet_apply", "approve_override",
}  # fmt: skip


def test_an_agent_may_all_but_what_takes_a_person() -> None:
    refused = {name for name, tool in TOOLS.items() if "agent" not in tool.roles}
    assert refused == ONLY_PEOPLE
    assert all(set(one.roles) == set(map(str, MAY[one.act])) for one in TOOLS.values())
    viewer = {name for name, tool in TOOLS.items() if "viewer" in tool.roles}
    assert viewer == {name for name, tool in TOOLS.items() if tool.is_question}


def test_no_tool_touches_tokens() -> None:
    assert not [name for name, tool in TOOLS.items() if tool.act is Act.TOKENS or "token" in name]


@pytest.mark.parametrize("name", TOOLS)
def test_every_argument_is_described_and_what_is_misspelt_is_refused(name: str) -> None:
    schema = TOOLS[name].takes.model_json_schema()
    assert schema["additionalProperties"] is False
    assert all(one.get("description") for one in schema.get("properties", {}).values())


def test_every_resource_is_a_question_without_arguments() -> None:
    for tool, _, _ in RESOURCES.values():
        assert TOOLS[tool].is_question
        TOOLS[tool].takes.model_validate({})


def test_every_limit_is_described_from_its_model() -> None:
    described = {one["name"]: one for one in limits_described()}
    assert described.keys() == LIMIT_KINDS.keys()
    for name, one in described.items():
        assert one["unit"] == LIMIT_KINDS[name].unit
        assert all((one["description"], one["bounds"], one["impact"], one["when_to_change"]))
        assert f"- {name} (" in TOOLS["propose_policy"].about


def test_texts_are_cut_and_show_no_hidden_signs() -> None:
    said = {"na\u202eme": ["a\x1b[2J\u200bb\nc", "x" * (LONGEST_TEXT + 5)], "n": 3}
    told = bounded(said)
    assert told["na\ufffdme"][0] == "a\ufffd[2J\ufffdb\nc"
    assert told["na\ufffdme"][1].endswith("x... (5 characters more)")
    assert told["n"] == 3


@pytest.mark.parametrize(
    ("error", "code", "unlocks", "retry_after_s"),
    [
        (NotAllowed("no", roles=["admin"], waits=True), "NOT_ALLOWED", True, None),
        (NotAllowed("it is over"), "NOT_ALLOWED", False, None),
        (PolicyRejected(["one", "two"]), "POLICY_REJECTED", False, None),
        (TooSoon("one a minute", 60), "TOO_SOON", False, 60),
        (Unavailable("mongo", "no word of this"), "UNAVAILABLE", False, 2),
        (
            Misconfigured([Problem("CIO_X", "user:word", "Mend it.")]), "MISCONFIGURED",
            False, None,
        ),
    ],
)  # fmt: skip
def test_a_fault_says_what_would_unlock_it_and_nothing_of_servers(
    error: CioError, code: str, unlocks: bool, retry_after_s: int | None
) -> None:
    fault = tool_fault(error, "t")
    assert (fault.code, fault.retry_after_s, fault.trace_id) == (code, retry_after_s, "t")
    assert fault.approval is not None
    assert fault.approval.would_unlock is unlocks
    assert "word" not in fault.model_dump_json()


def test_a_prompt_quotes_and_cuts_what_it_is_given() -> None:
    for name, asking in PROMPTS.items():
        said = 'say "yes" \n' + "y" * LONGEST_ARGUMENT
        (message,) = prompted(name, {asking.argument: said}).messages
        assert isinstance(message.content, TextContent)
        assert json.dumps(said[:LONGEST_ARGUMENT]) in message.content.text


@pytest.mark.parametrize("name", TOOLS)
def test_every_answer_has_a_schema_that_describes_each_field(name: str) -> None:
    schema = TOOLS[name].listed().output_schema
    assert schema is not None
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert all(one.get("description") for one in schema["properties"].values())
