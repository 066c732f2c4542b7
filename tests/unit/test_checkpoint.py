from base64 import b64decode
from dataclasses import replace

import orjson
import pytest
from nacl.signing import VerifyKey

from petrosa_cio.audit.checkpoint import (
    Signer,
    is_signed_with,
    read_checkpoint,
    read_checkpoints,
    written_checkpoint,
)
from tests.chains import SIGNER, chain_of, signed
from tests.records import NOON

MADE = signed(chain_of(3)[2], NOON.replace(microsecond=123_456))


def test_what_is_signed_can_be_checked_with_nothing_of_ours() -> None:
    said = orjson.loads(written_checkpoint(MADE))
    signature = b64decode(said.pop("signature"))
    message = b"petrosa-cio checkpoint 1\n" + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    VerifyKey(SIGNER.public_key).verify(message, signature)
    assert said["at"] == "2026-11-23T12:00:00.123Z"


@pytest.mark.parametrize(
    "change", [{"seq": 4}, {"hash": "f" * 64}, {"chain": "x"}, {"at": NOON}, {"key_id": "x"}]
)
def test_nothing_in_it_can_be_changed(change: dict[str, object]) -> None:
    assert is_signed_with(MADE, SIGNER.public_key)
    assert not is_signed_with(replace(MADE, **change), SIGNER.public_key)  # type: ignore[arg-type]


def test_it_is_read_as_it_was_written() -> None:
    line = written_checkpoint(MADE)
    assert read_checkpoints(line) == [MADE]
    assert read_checkpoints(line + b"\n\n" + line + b"\n") == [MADE, MADE]
    assert read_checkpoints(orjson.dumps(orjson.loads(line), option=orjson.OPT_INDENT_2)) == [MADE]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"7", b"{}", b"x", written_checkpoint(MADE).replace(b":3", b":true")]
)
def test_what_is_no_checkpoint_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_checkpoints(content)


@pytest.mark.parametrize("change", [{"seq": 1.0}, {"hash": 7}, {"at": "noon"}, {"at": None}])
def test_what_is_of_another_type_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_checkpoint(orjson.loads(written_checkpoint(MADE)) | change)


def test_a_seed_of_another_length_makes_no_key() -> None:
    with pytest.raises(ValueError, match="32"):
        Signer(b"short")
