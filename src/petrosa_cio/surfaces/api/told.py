"""What is answered: the data inside the envelope. Exact numbers are text, times are UTC."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class Answer(BaseModel):
    """Data of an answer, taken from values or fields of the same names."""

    model_config = ConfigDict(from_attributes=True)


class Page(Answer, Generic[Item]):
    """Some of many."""

    items: list[Item] = Field(description="What was found, in order.")
    cursor: str | None = Field(
        description="Where the next page begins, for the parameter of that name; null at the end."
    )


class Who(Answer):
    """Who calls."""

    name: str = Field(description="By name.", examples=["bob"])
    role: str = Field(description="By role.", examples=["risk_officer"])
    token_id: str = Field(description="By which token.", examples=["3db2f32b2d835b84"])
    expires_at: datetime | None = Field(description="Until when it counts; null for ever.")
    may: list[str] = Field(description="What the role may.", examples=[["look", "halt"]])


class StatusAnswer(Answer):
    """How the program is."""

    fund: str = Field(description="The fund.", examples=["main"])
    version: str = Field(description="Version of the program.", examples=["0.1.0"])
    mode: str = Field(description="`enforce` or `observe`.", examples=["enforce"])
    ready: bool = Field(description="Whether a gate decides intents now.")
    gates: int = Field(description="Gates that are heard.", examples=[1])
    problems: list[str] = Field(description="Why none is ready, a sentence each.")
    notes: list[str] = Field(description="What else is wrong; it keeps nobody from deciding.")
    trading_state: str | None = Field(
        description="The fund's trading state; null counts as halted.", examples=["active"]
    )
    policy_revision: int | None = Field(description="The revision in force.", examples=[3])


class MovedField(Answer):
    """One field that a change moves."""

    path: str = Field(description="The field.", examples=["fund.max_order_notional_usd"])
    change: str = Field(description="`tighter`, `looser` or `mixed`.", examples=["tighter"])
    old: str = Field(description="What it was; empty where nobody stated it.", examples=["1000"])
    new: str = Field(description="What it would be, alike.", examples=["500"])


class ComparisonAnswer(Answer):
    """What a change does."""

    change: str = Field(
        description="All in all: `tighter`, `looser`, `mixed` or `equal`.", examples=["tighter"]
    )
    fields: list[MovedField] = Field(description="Every field that it moves.")


class RevisionRow(Answer):
    """A revision of the policy, without its document."""

    fund: str = Field(description="The fund.", examples=["main"])
    revision: int = Field(description="Its number.", examples=[3])
    parent: int = Field(description="The revision that it was made from.", examples=[2])
    content_of: int | None = Field(description="The revision whose content it repeats.")
    document_hash: str = Field(description="SHA-256 of its document, hexadecimal.")
    tightened_revision: int = Field(description="The newest one that tightened anything.")
    author: str = Field(description="Who made it.", examples=["ann"])
    role: str = Field(description="What they were trusted with.", examples=["risk_officer"])
    thought: str = Field(description="Why.")
    change: str = Field(description="Beside its parent.", examples=["tighter"])
    diff: list[MovedField] = Field(description="Every field that it moved.")
    at: datetime = Field(description="When it was made.")
    key_id: str = Field(description="Which key signed it.")
    signature: str = Field(description="The ed25519 signature, base64.")


class RevisionAnswer(RevisionRow):
    """A revision of the policy."""

    document: dict[str, Any] = Field(description="`policy` and `overlays`, as they are in force.")


class FindingRow(Answer):
    """Something to be said of a policy."""

    path: str = Field(description="The field.", examples=["symbols.BTCUSDT.max_position_usd"])
    sentence: str = Field(description="What is the matter.")
    fix: str = Field(description="What to do.")


class CheckAnswer(Answer):
    """A draft beside the newest revision."""

    parent: int = Field(description="The newest revision.", examples=[3])
    may_govern: bool = Field(description="Whether nothing refuses it.")
    waits_for_approval: bool = Field(
        description="Whether it would wait for approval, as it loosens something, or may."
    )
    errors: list[FindingRow] = Field(description="Why it may not govern.")
    warnings: list[FindingRow] = Field(description="What else is to be said of it.")
    comparison: ComparisonAnswer = Field(description="What it would change.")


class ApprovalNeeded(Answer):
    """What a proposal waits for."""

    people: int = Field(description="People who must yet approve it.", examples=[1])
    roles: list[str] = Field(description="Who may approve.", examples=[["admin", "risk_officer"]])
    cooling_off_s: int | None = Field(
        description="Where one person decides alone: seconds until they may confirm it."
    )


class OutcomeAnswer(ComparisonAnswer):
    """What became of a change: in force, or waiting for approval."""

    in_force: int | None = Field(
        description="The revision that is in force now; null where the change waits.", examples=[4]
    )
    proposal: str | None = Field(description="The proposal that waits; null where none does.")
    expires_at: datetime | None = Field(description="Until when it can be approved.")
    needs: ApprovalNeeded | None = Field(description="What it waits for.")
    what_if: dict[str, Any] | None = Field(
        description="What it would have made otherwise of the recent past, where it waits."
    )
    findings: list[str] = Field(description="What else is to be said about it.")
    is_recorded: bool = Field(
        description="Whether it is in the record too; it stands all the same."
    )


class StepRow(Answer):
    """What somebody did about a proposal."""

    kind: str = Field(description="`approve`, `confirm` or `reject`.", examples=["approve"])
    author: str = Field(description="Who.", examples=["bob"])
    reason: str = Field(description="Why.")
    at: datetime = Field(description="When.")


class ProposalRow(Answer):
    """A proposal, and where it stands."""

    proposal: str = Field(description="Its name: SHA-256 of all of it.")
    stage: str = Field(description="Where it stands.", examples=["open"])
    parent: int = Field(description="The revision that it is to replace.", examples=[3])
    content_of: int | None = Field(description="The revision whose content it repeats.")
    author: str = Field(description="Who wants it.", examples=["ann"])
    role: str = Field(description="What they were trusted with.", examples=["risk_officer"])
    at: datetime = Field(description="When it was made.")
    expires_at: datetime = Field(description="Until when it can be approved and activated.")
    thought: str = Field(description="Why.")
    what_if: dict[str, Any] | None = Field(
        description="What it would have made otherwise of the recent past."
    )
    behind: list[str] = Field(description="Who stands behind it.", examples=[["ann"]])
    confirm_from: datetime | None = Field(
        description="Where one person decides alone, when it may be confirmed."
    )
    steps: list[StepRow] = Field(description="What people did about it, the oldest first.")


class ProposalAnswer(ProposalRow):
    """A proposal, and all that it would change."""

    comparison: ComparisonAnswer = Field(description="Beside the revision it was made from.")


class InForce(Answer):
    """What is in force."""

    in_force: int = Field(description="The revision.", examples=[4])


class CharterAnswer(Answer):
    """The bounds that people set in a file."""

    name: str = Field(description="Its name.", examples=["starter"])
    hash: str = Field(description="SHA-256, which each verdict names.")
    document: dict[str, Any] = Field(description="What it states.")


class LimitOfControl(Answer):
    """A limit that a control reads."""

    name: str = Field(description="Its field.", examples=["max_order_notional_usd"])
    unit: str = Field(description="Its unit.", examples=["USD"])
    description: str = Field(description="What it limits.")
    when_to_change: str = Field(description="When people change it.")
    bounds: dict[str, Any] = Field(description="What it may be, as JSON schema.")


class ControlRow(Answer):
    """A reason that a verdict can carry."""

    code: str = Field(description="The reason code.", examples=["ORDER_NOTIONAL_ABOVE_MAX"])
    meaning: str = Field(description="What it means.")
    applies_to: str = Field(description="What it looks at.", examples=["openings"])
    limits: list[LimitOfControl] = Field(description="Limits that it reads.")


class RegimeRow(Answer):
    """What counts as the market regime of a symbol."""

    symbol: str = Field(description="The symbol, or *.", examples=["BTCUSDT"])
    regime: str = Field(description="The regime.", examples=["transitional"])
    confidence: str = Field(description="How sure, 0 to 1.", examples=["0.8"])
    stated_for: str = Field(description="The symbol that it is stated for.", examples=["*"])
    source: str = Field(description="Who says so.", examples=["data-manager"])
    reason: str = Field(description="Why, where it is a person's word.")
    age_s: int = Field(description="How old it is, seconds.", examples=[30])
    until: str | None = Field(description="Until when an override counts.")
    observed: str | None = Field(description="What the feed says.")
    observed_age_s: int | None = Field(description="How old that is, seconds.")


class OverrideAnswer(Answer):
    """A regime that counts by a person's word."""

    symbol: str = Field(description="The symbol, or *.", examples=["BTCUSDT"])
    regime: str = Field(description="The regime.", examples=["turbulent_illiquidity"])
    confidence: str = Field(description="How sure.", examples=["1"])
    until: str = Field(description="Until when.")
    remarks: list[str] = Field(description="What is to be known besides.")
    is_recorded: bool = Field(
        description="Whether it is in the record too; it stands all the same."
    )


class ClearAnswer(Answer):
    """A regime that was ended."""

    symbol: str = Field(description="The symbol, or *.", examples=["BTCUSDT"])
    ended: str | None = Field(description="Which it was; null: there was none.")
    is_recorded: bool = Field(
        description="Whether it is in the record too; it stands all the same."
    )


class StatesAnswer(Answer):
    """The kill switch."""

    fund: str | None = Field(
        description="`active`, `reducing` or `halted`; null counts as halted.", examples=["active"]
    )
    strategies: dict[str, str] = Field(description="By strategy, where stated; paused among them.")
    symbols: dict[str, str] = Field(description="By symbol, where stated.")
    epoch: int = Field(description="Grows with every change.", examples=[1])


class SwitchAnswer(Answer):
    """A trading state that stands now."""

    scope: str = Field(description="Of what.", examples=["fund"])
    state: str = Field(description="The state.", examples=["halted"])
    epoch: int = Field(description="Epoch of the states after it.", examples=[2])
    is_recorded: bool = Field(
        description="Whether it is in the record too; it stands all the same."
    )


class UseRow(Answer):
    """What is used of a limit."""

    about: str = Field(description="Of what.", examples=["gross"])
    used: str = Field(description="How much.", examples=["500"])
    limit: str | int | None = Field(description="Of how much.", examples=["5000"])
    share: str | None = Field(description="What share that is.", examples=["0.1"])
    band: str | None = Field(description="`ok`, `50 %`, `80 %` or `full`.", examples=["ok"])


class LimitRow(Answer):
    """A limit as it stands."""

    name: str = Field(description="Its field.", examples=["max_order_notional_usd"])
    value: Any = Field(description="What is in force; null where nobody states it.")
    unit: str = Field(description="Its unit.", examples=["USD"])
    entry: str | None = Field(description="The entry that binds.", examples=["fund"])
    is_missing: bool = Field(description="Whether the charter requires it and nobody states it.")
    description: str = Field(description="What it limits.")
    uses: list[UseRow] = Field(description="What is used of it, the most used first.")


class LimitsAnswer(Answer):
    """Every limit in force for somebody."""

    strategy: str = Field(description="For this strategy; * for any.", examples=["*"])
    symbol: str = Field(description="For this symbol; * for any.", examples=["*"])
    regime: str | None = Field(description="In this market regime.")
    source: str = Field(description="Where this comes from.")
    charter: str = Field(description="Under this charter.", examples=["starter"])
    use_is_known: bool = Field(description="Whether the ledger could say what is used.")
    limits: list[LimitRow] = Field(description="Every limit.")


class RecordRow(Answer):
    """A record, and its place in the chain."""

    seq: int = Field(description="Its position in the chain.", examples=[17])
    hash: str = Field(description="Its hash, and so that of all before it.")
    kind: str = Field(description="What it tells.", examples=["verdict"])
    decision_id: str | None = Field(description="The decision, or the identity of a change.")
    at: datetime = Field(description="The moment that it tells of.")
    fund: str | None = Field(description="The fund.")
    mode: str | None = Field(description="`enforce` or `observe`.")
    strategy: str | None = Field(description="The strategy.")
    symbol: str | None = Field(description="The symbol.")
    action: str | None = Field(description="What the bot wants to do.")
    intent_id: str | None = Field(description="What the bot calls its intent.")
    trace_id: str | None = Field(description="Its trace.")
    verdict: str | None = Field(description="`approve`, `reduce` or `deny`.", examples=["deny"])
    codes: list[str] = Field(description="Reason codes.")
    reasons: list[str] = Field(description="Reasons with their numbers.")
    requested_quantity: str | None = Field(description="The size that was asked for.")
    quantity: str | None = Field(description="The size that was approved.")
    price: str | None = Field(description="The price at which it was judged.")
    first_decision: str | None = Field(description="Of a repeated id, its first decision.")
    first_verdict: str | None = Field(description="And what was decided then.")
    policy_revision: int | None = Field(description="The revision under which it was decided.")
    reason: str | None = Field(description="Why an approval came to nothing.")
    change: dict[str, Any] | None = Field(description="What was changed, by whom and why.")
    record: str | None = Field(description="The record's own JSON, as journaled.")


class ReasonRow(Answer):
    """One reason in plain words."""

    code: str = Field(description="The reason code.", examples=["CONFIDENCE_BELOW_MIN"])
    effect: str = Field(description="Whether it denies or reduces.", examples=["deny"])
    found: str = Field(description="What was objected to.")
    passes: str = Field(description="What would have passed.")
    stated_by: str = Field(description="Which entry states the limit.")
    change: str = Field(description="When people change it.")


class ExplanationAnswer(Answer):
    """A verdict in plain words."""

    decision_id: str = Field(description="The decision.")
    at: str = Field(description="When it was made.")
    policy_revision: int | None = Field(description="Under which revision.")
    verdict: str = Field(description="`approve`, `reduce` or `deny`.", examples=["deny"])
    asked: str = Field(description="What the bot wanted.")
    decided: str = Field(description="What the gate said.")
    reasons: list[ReasonRow] = Field(description="Every reason.")
    instead: str = Field(description="Which size would have passed, where that is the matter.")
    afterwards: list[str] = Field(description="What became of it.")


class TokenRow(Answer):
    """What is known of a token."""

    token_id: str = Field(description="Its short name.", examples=["3db2f32b2d835b84"])
    name: str = Field(description="Whose it is.", examples=["bob"])
    role: str = Field(description="What they are trusted with.", examples=["operator"])
    made_by: str = Field(description="Who made it.", examples=["ada"])
    made_at: datetime = Field(description="When.")
    expires_at: datetime | None = Field(description="Until when it counts; null for ever.")
    counts: bool = Field(description="Whether whoever shows it is believed.")
    revoked: dict[str, str] | None = Field(description="By whom it was revoked, and why.")


class NewToken(TokenRow):
    """A token that was just made."""

    token: str = Field(description="The token itself. It is told this once and kept nowhere.")
    is_recorded: bool = Field(
        description="Whether it is in the record too; it counts all the same."
    )
