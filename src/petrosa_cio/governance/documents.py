"""Reads policy and charter, from the store or from files, and names every problem at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import orjson
import yaml
from pydantic import BaseModel, ValidationError

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.risk.policy import Charter, Policy, PolicyDocument, charter_problems

Document = TypeVar("Document", bound=BaseModel)


class _StrictLoader(yaml.SafeLoader):
    """YAML without duplicate keys, and with numbers kept as they were written."""


def _unique_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[object, object]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    twice = sorted({str(key) for key in keys if keys.count(key) > 1})
    if twice:
        raise yaml.constructor.ConstructorError(
            None, None, f"stated twice: {', '.join(twice)}", node.start_mark
        )
    return dict(loader.construct_pairs(node, deep=True))


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _as_written(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_StrictLoader.add_constructor("tag:yaml.org,2002:float", _as_written)


def read_policy_document(document: bytes) -> PolicyDocument:
    """Return a stored policy document. Raises PolicyRejected with every problem."""
    try:
        content = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise PolicyRejected([f"not JSON: {error}"]) from error
    return _validated(PolicyDocument, content)


def load_policy(path: Path) -> Policy:
    """Return the policy in a YAML file. Raises PolicyRejected with every problem."""
    return _validated(Policy, _load_yaml(path))


def load_charter(path: Path) -> Charter:
    """Return the charter in a YAML file. Raises PolicyRejected with every problem."""
    return _validated(Charter, _load_yaml(path))


def check_against_charter(policy: Policy, charter: Charter) -> None:
    """Raise PolicyRejected with every entry of the policy that is looser than the charter."""
    problems = charter_problems(policy, charter)
    if problems:
        raise PolicyRejected(problems)


def _load_yaml(path: Path) -> object:
    try:
        content = _StrictLoader(path.read_text("utf-8")).get_single_data()
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise PolicyRejected([f"{path.name} cannot be read: {error}"]) from error
    return {} if content is None else content


def _validated(kind: type[Document], content: object) -> Document:
    if not isinstance(content, Mapping):
        raise PolicyRejected([f"expected a mapping, was {type(content).__name__}"])
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise PolicyRejected(
            [
                f"{'.'.join(map(str, one['loc'])) or 'document'}: {one['msg']}"
                for one in error.errors()
            ]
        ) from error
