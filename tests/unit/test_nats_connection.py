"""The border to NATS: nothing of the library's passes it."""

import asyncio
from pathlib import Path

import nats.errors
import nats.js.errors
import pytest

from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats, translated
from petrosa_cio.errors import Misconfigured, Unavailable

RAISED = [
    *(
        found
        for module in (nats.errors, nats.js.errors)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Exception)
    ),
    OSError,
    TimeoutError,
    ConnectionResetError,
    asyncio.TimeoutError,
]


def bare(raised: type[Exception]) -> type[Exception]:
    """Return the same class, but with a constructor that wants nothing."""
    body = {"__init__": lambda *_: None, "__str__": lambda _: "bare"}
    return type(raised.__name__, (raised,), body)


@pytest.mark.parametrize("raised", RAISED, ids=lambda raised: raised.__qualname__)
def test_every_exception_of_the_library_becomes_unavailable(raised: type[Exception]) -> None:
    with pytest.raises(Unavailable) as found, translated("journal"):
        raise bare(raised)
    assert found.value.dependency == "journal"
    assert raised.__name__ in found.value.detail


def test_the_list_of_exceptions_is_not_empty() -> None:
    assert len(RAISED) > 50


@pytest.mark.parametrize("ours", [KeyError, Misconfigured])
def test_a_bug_and_our_own_errors_are_not_hidden(ours: type[Exception]) -> None:
    with pytest.raises(ours), translated():
        raise ours([])


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await connect_nats(NatsAccess("nats://127.0.0.1:1"), name="test", reconnects=False)


def test_secrets_stay_out_of_the_text_form() -> None:
    access = NatsAccess("nats://ann:secret@h", user="ann", password="secret", token="secret")
    assert "secret" not in repr(access)


def test_tls_is_used_where_a_file_is_named(tmp_path: Path) -> None:
    assert NatsAccess("tls://h").tls() is None
    with pytest.raises(OSError, match="No such file"):
        NatsAccess("tls://h", ca_file=tmp_path / "missing.pem").tls()
