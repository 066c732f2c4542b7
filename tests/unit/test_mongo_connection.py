from collections.abc import Callable, Iterator
from pathlib import Path

import bson.errors
import pytest
from pymongo import errors

from petrosa_cio.adapters.mongo_connection import connect_mongo, translated
from petrosa_cio.errors import Misconfigured, Unavailable

MADE_OTHERWISE: dict[type[Exception], Callable[[], Exception]] = {
    errors.BulkWriteError: lambda: errors.BulkWriteError({"writeErrors": []}),
    errors.ClientBulkWriteException: lambda: errors.ClientBulkWriteException({}, verbose=False),
    errors.EncryptionError: lambda: errors.EncryptionError(ValueError("why")),
    errors.EncryptedCollectionError: lambda: errors.EncryptedCollectionError(ValueError("why"), {}),
}


def every_error() -> Iterator[Exception]:
    """Make one of each exception that the library can raise."""
    for found in (*vars(errors).values(), *vars(bson.errors).values()):
        if not (isinstance(found, type) and issubclass(found, Exception)):
            continue
        yield MADE_OTHERWISE[found]() if found in MADE_OTHERWISE else found("why")


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: type(error).__name__)
def test_every_error_of_the_library_becomes_ours(error: Exception) -> None:
    with pytest.raises(Unavailable, match="mongo") as raised, translated():
        raise error
    assert type(error).__name__ in raised.value.detail
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), OSError("no route")])
def test_errors_of_the_network_become_ours(error: Exception) -> None:
    with pytest.raises(Unavailable), translated():
        raise error


@pytest.mark.parametrize("error", [ValueError("ours"), KeyError("ours")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)), translated():
        raise error


def test_a_url_that_is_none_is_a_matter_of_configuration() -> None:
    with pytest.raises(Misconfigured, match="CIO_MONGO_URL"):
        connect_mongo("mongodb://")


def test_a_ca_file_for_a_url_without_tls_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="CIO_MONGO_URL"):
        connect_mongo("mongodb://127.0.0.1/?tls=false", tmp_path / "ca.pem")
