from petrosa_cio import errors
from petrosa_cio.errors import (
    AlreadyRunning,
    CioError,
    LedgerLost,
    Misconfigured,
    PolicyRejected,
    Problem,
    Unavailable,
)


def every_class() -> list[type[CioError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, CioError)
    ]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in every_class()]
    assert len(set(codes)) == len(codes)


def test_the_module_docstring_draws_every_error() -> None:
    assert all(error.__name__ in (errors.__doc__ or "") for error in every_class())


def test_a_lost_ledger_is_an_unavailable_redis() -> None:
    error = LedgerLost()
    assert isinstance(error, Unavailable)
    assert error.dependency == "redis"


def test_an_unavailable_dependency_is_named_with_what_was_seen() -> None:
    assert str(Unavailable("nats")) == "nats"
    assert str(Unavailable("nats", "no answer")) == "nats: no answer"


def test_a_rejected_policy_carries_every_problem() -> None:
    error = PolicyRejected(["a is above b", "c is missing"])
    assert error.problems == ("a is above b", "c is missing")
    assert str(error) == "a is above b; c is missing"


def test_a_misconfiguration_says_how_to_mend_each_problem() -> None:
    error = Misconfigured([Problem("CIO_X", "is wrong", "Right it."), Problem("CIO_Y", "too", "-")])
    assert str(error) == "CIO_X: is wrong. Right it.\nCIO_Y: too. -"


def test_a_held_data_folder_names_its_holder_where_known() -> None:
    assert "another cio run (pid 7) uses /data" in str(AlreadyRunning("/data", 7))
    assert "another cio run uses /data" in str(AlreadyRunning("/data", None))
