"""Who people and agents are: tokens as they are made, tried and revoked."""

from base64 import b32encode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.errors import NotAllowed
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.tokens import PREFIX, MadeToken, hash_of, is_token, new_token_text
from tests.governing import ADA, ANN, BOT, Fund

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # pragma: allowlist secret


@pytest.fixture
async def fund() -> Fund:
    return Fund()


async def made(fund: Fund, name: str = "ann", role: Role = Role.RISK_OFFICER) -> MadeToken:
    return await fund.tokens.create(name, role, by=ADA, maker="", expires_at=None)


async def first(fund: Fund) -> MadeToken:
    return await fund.tokens.create("ada", Role.ADMIN, by=None, maker="root", expires_at=None)


def test_tokens_are_long_differ_and_are_known_by_their_form() -> None:
    tokens = {new_token_text() for _ in range(100)}
    assert len(tokens) == 100
    assert all(one.startswith(PREFIX) and is_token(one) for one in tokens)


@given(st.integers(0, 57), st.sampled_from(ALPHABET))
def test_one_wrong_sign_makes_it_none(place: int, sign: str) -> None:
    token = new_token_text()
    at = len(PREFIX) + place
    wrong = token[:at] + sign + token[at + 1 :]
    assert is_token(wrong) is (wrong == token)


@given(st.text())
def test_any_other_text_is_none(text: str) -> None:
    assert not is_token(text)
    assert not is_token(PREFIX + text)


async def test_who_shows_a_token_is_known_by_name_and_role(fund: Fund) -> None:
    token = await made(fund)
    assert await fund.tokens.who(token.text) == ANN
    assert (fund.recorded[0].subject, fund.recorded[0].value) == ("token", "ann: risk_officer")


async def test_what_is_kept_and_recorded_does_not_tell_the_token(fund: Fund) -> None:
    token = await made(fund)
    secret = token.text.removeprefix(PREFIX)
    with pytest.raises(NotAllowed):
        await fund.tokens.who(token.text + "a")
    for kept in (token.entry, token, await fund.tokens.listed(), fund.recorded):
        assert secret not in repr(kept)
        assert secret[:12] not in repr(kept)
    assert token.entry.token_hash == hash_of(token.text)


async def test_a_token_with_one_wrong_byte_leaves_a_record_and_nothing_else(fund: Fund) -> None:
    token = (await made(fund)).text
    other = "a" if token[-8] != "a" else "b"
    for wrong in (token[:-8] + other + token[-7:], new_token_text(), token.upper(), "", "admin"):
        with pytest.raises(NotAllowed, match="not known, was revoked, or has expired"):
            await fund.tokens.who(wrong)
    assert len(fund.refused) == 5
    assert {one.author for one in fund.recorded[1:]} == {"unknown"}


async def test_one_whose_short_name_alone_fits_is_none(fund: Fund) -> None:
    token = await made(fund)
    entries = fund.token_store._tokens
    entries[token.entry.token_id] = replace(token.entry, token_hash="0" * 64)
    with pytest.raises(NotAllowed):
        await fund.tokens.who(token.text)


async def test_another_way_to_write_the_same_bytes_is_another_token() -> None:
    secret = bytes(36)
    assert not is_token(PREFIX + b32encode(secret).decode().rstrip("=").lower()[:-1] + "b")


async def test_a_token_that_is_revoked_or_expired_counts_no_more(fund: Fund) -> None:
    ends = fund.now + timedelta(hours=1)
    short = await fund.tokens.create("bob", Role.OPERATOR, by=ADA, maker="", expires_at=ends)
    gone = await made(fund)
    revoked = await fund.tokens.revoke(ADA, gone.entry.token_id, reason="left")
    assert revoked.revocation is not None
    assert (await fund.tokens.who(short.text)).name == "bob"
    fund.pass_time(hours=1)
    for one in (short, gone):
        with pytest.raises(NotAllowed):
            await fund.tokens.who(one.text)
    assert [one.counts for one in await fund.tokens.listed()] == [False, False]
    with pytest.raises(NotAllowed, match="before"):
        await fund.tokens.revoke(ADA, gone.entry.token_id, reason="again")
    with pytest.raises(NotAllowed, match="no token"):
        await fund.tokens.revoke(ADA, "f" * 16, reason="none")


async def test_the_first_token_is_an_admins_and_there_is_one_first(fund: Fund) -> None:
    assert not await fund.tokens.exist()
    for role, ends in ((Role.OPERATOR, None), (Role.ADMIN, fund.now + timedelta(days=1))):
        with pytest.raises(NotAllowed, match="first token"):
            await fund.tokens.create("ann", role, by=None, maker="root", expires_at=ends)
    assert (await first(fund)).entry.made_by == "root"
    assert await fund.tokens.exist()
    with pytest.raises(NotAllowed, match="made by an admin"):
        await first(fund)


async def test_the_last_admin_is_not_revoked(fund: Fund) -> None:
    one = await first(fund)
    await fund.tokens.create(
        "tmp", Role.ADMIN, by=ADA, maker="", expires_at=fund.now + timedelta(days=1)
    )
    with pytest.raises(NotAllowed, match="last token of an admin"):
        await fund.tokens.revoke(ADA, one.entry.token_id, reason="oops")
    await made(fund, "eva", Role.ADMIN)
    await fund.tokens.revoke(ADA, one.entry.token_id, reason="left")


Attempt = Callable[[Fund, Actor], Awaitable[object]]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN}))
@pytest.mark.parametrize(
    "attempt",
    [
        lambda fund, who: fund.tokens.create("me", Role.ADMIN, by=who, maker="", expires_at=None),
        lambda fund, who: fund.tokens.revoke(who, "f" * 16, reason="mine"),
    ],
)
async def test_only_an_admin_makes_and_revokes_tokens(
    fund: Fund, role: Role, attempt: Attempt
) -> None:
    with pytest.raises(NotAllowed, match="make and revoke tokens"):
        await attempt(fund, Actor("me", role))
    assert len(fund.refused) == 1


@pytest.mark.parametrize(
    "name", ["", " ann", "ann\n", "\u0430nn", "ann; role: admin", "x" * 65, "-", "ann bob"]
)
async def test_a_name_is_plain(fund: Fund, name: str) -> None:
    with pytest.raises(NotAllowed, match="a name is of letters"):
        await made(fund, name)


async def test_an_agent_does_not_become_a_person_under_its_name(fund: Fund) -> None:
    await made(fund, BOT.name, Role.AGENT)
    await made(fund, "ann")
    for name, role in ((BOT.name.upper(), Role.OPERATOR), ("Ann", Role.AGENT)):
        with pytest.raises(NotAllowed, match="choose another name"):
            await made(fund, name, role)
    await made(fund, "ann", Role.OPERATOR)
