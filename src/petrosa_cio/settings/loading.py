"""From the environment to `Settings`, and back for a child process or a person's eyes."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from petrosa_cio.errors import Misconfigured, Problem
from petrosa_cio.settings.model import PREFIX, Settings
from petrosa_cio.settings.rules import RULES

_FIELDS = Settings.model_fields
_NOT_INHERITED = ("mongo_admin_url", "mongo_prune_url", "token", "token_file")
_EMBEDDED = ("nats_url", "redis_url", "mongo_url")

# Kubernetes tells every pod of the services beside it; one named `cio` gives CIO_SERVICE_HOST etc.
_KUBERNETES = re.compile(
    r"CIO_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)"
)
# Greedy on purpose: hiding one host too many is better than showing half a password.
_URL_PASSWORD = re.compile(r"(?<=//).*@")


class _Environment(EnvSettingsSource):
    """The library's own reading of variables, but from a given mapping; an empty one is unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {name.lower(): value for name, value in environ.items() if value}


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`.

    Raises:
        Misconfigured: with every problem found, each with its variable and how to mend it.
    """
    problems = list(_unknown_names(environ))
    values = {name: value for name, value in _Environment(environ)().items() if name in _FIELDS}
    settings, faults = _validate(values)
    bad = {str(fault["loc"][0]) for fault in faults}
    problems += [_field_problem(fault) for fault in faults]
    problems += [
        Problem(variable(rule.fields[0]), rule.message, rule.mend)
        for rule in RULES
        if bad.isdisjoint(rule.fields) and rule.broken(settings)
    ]
    if problems:
        raise Misconfigured(problems)
    return settings


def variable(field: str) -> str:
    """Return the name of the environment variable that sets `field`."""
    return PREFIX + field.upper()


def describe(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return (variable, value) for every setting, fit to be shown: no secret is in it."""
    return tuple((variable(name), _shown(name, getattr(settings, name))) for name in _FIELDS)


def child_environ(settings: Settings) -> dict[str, str]:
    """Return the variables that give a child process these very settings, secrets included."""
    values = ((name, getattr(settings, name)) for name in _FIELDS if name not in _NOT_INHERITED)
    return {variable(name): _written(value) for name, value in values if value is not None}


def _validate(values: dict[str, Any]) -> tuple[Settings, list[ErrorDetails]]:
    try:
        return Settings(**values), []
    except ValidationError as error:
        faults = error.errors(include_url=False)
        bad = {fault["loc"][0] for fault in faults}
        return Settings(**{k: v for k, v in values.items() if k not in bad}), faults


def _unknown_names(environ: Mapping[str, str]) -> Iterator[Problem]:
    known = [variable(name) for name in _FIELDS]
    for name in sorted(environ):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known or _KUBERNETES.fullmatch(upper):
            continue
        near = difflib.get_close_matches(upper, known, n=1)
        mend = f"Did you mean {near[0]}?" if near else "Remove it, or see docs/SETTINGS.md."
        yield Problem(name, "there is no such setting", mend)


def _field_problem(fault: ErrorDetails) -> Problem:
    name = str(fault["loc"][0])
    field = _FIELDS[name]
    message = fault["msg"].removeprefix("Value error, ")
    if not _is_sensitive(name):
        message += f", was {fault['input']!r}"
    usual = "" if field.default is None else f"; unset, it is {_written(field.default)}"
    return Problem(variable(name), message, f"Expected: {field.description}{usual}.")


_SECRETS = frozenset({"nats_password", "nats_token", "token", "webhook_secret"})


def _is_sensitive(name: str) -> bool:
    return name.endswith("_url") or name in {
        "nats_password",
        "nats_token",
        "token",
        "webhook_secret",
    }


def _shown(name: str, value: object) -> str:
    if value is None:
        return "embedded" if name in _EMBEDDED else "-"
    if isinstance(value, SecretStr):
        return "********"
    if name == "webhook_url":  # who knows all of such an address may often write there
        parts = urlsplit(str(value))
        return f"{parts.scheme}://{parts.hostname}/..."
    return _URL_PASSWORD.sub("********@", _written(value))


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
