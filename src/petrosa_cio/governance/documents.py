"""Reads policy and charter, from the store or from files, and names every problem at once.

Where a file has mistakes, what is left without them is read all the same (`read_policy_file`), so
that problems of the rest are found in one go too. Nothing acts on a document that has problems.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
import yaml
from pydantic import BaseModel, ValidationError

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.policy import Charter, Policy, PolicyDocument, charter_problems

Document = TypeVar("Document", bound=BaseModel)

_HOLD_LIMITS = ("fund", "symbols", "strategies", "strategy_symbols", "regimes", "bounds")


@dataclass(frozen=True, slots=True)
class Read(Generic[Document]):
    """What was read of a file.

    Attributes:
        document: What it says where it makes sense.
        problems: All that does not, one sentence each; what is here governs nothing.
    """

    document: Document
    problems: tuple[str, ...] = ()


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
    return _validated(PolicyDocument, _load_json(document))


def policy_document_of(content: object) -> PolicyDocument:
    """Return the policy document that mappings say. Raises PolicyRejected with every problem."""
    return _validated(PolicyDocument, content)


def read_value(text: str) -> object:
    """Return one value as a policy file would state it. Raises PolicyRejected."""
    try:
        return _StrictLoader(text).get_single_data()
    except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise PolicyRejected([f"{text!r} cannot be read: {error}"]) from error


def read_charter_document(document: bytes) -> Charter:
    """Return a recorded charter. Raises PolicyRejected with every problem."""
    return _validated(Charter, _load_json(document))


def read_policy_file(path: Path) -> Read[PolicyDocument]:
    """Read a policy in YAML, or a whole document of ``policy`` and ``overlays``."""
    try:
        content = _load_yaml(path)
    except PolicyRejected as rejected:
        return Read(PolicyDocument(policy=Policy()), rejected.problems)
    if isinstance(content, Mapping) and "policy" in content:
        return _read(PolicyDocument, content, {"policy": {}})
    found = _read(Policy, content, {})
    return Read(PolicyDocument(policy=found.document), found.problems)


def read_charter_file(path: Path) -> Read[Charter]:
    """Read a charter in YAML."""
    try:
        return _read(Charter, _load_yaml(path), {})
    except PolicyRejected as rejected:
        return Read(Charter(), rejected.problems)


def check_against_charter(policy: Policy, charter: Charter) -> None:
    """Raise PolicyRejected with every entry of the policy that is looser than the charter."""
    problems = charter_problems(policy, charter)
    if problems:
        raise PolicyRejected(problems)


def _load_json(document: bytes) -> object:
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise PolicyRejected([f"not JSON: {error}"]) from error


def _load_yaml(path: Path) -> object:
    try:
        content = _StrictLoader(path.read_text("utf-8")).get_single_data()
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise PolicyRejected([f"{path.name} cannot be read: {error}"]) from error
    return {} if content is None else content


def _validated(kind: type[Document], content: object) -> Document:
    """Return a document. Raises PolicyRejected with every problem."""
    if not isinstance(content, Mapping):
        raise PolicyRejected([_no_mapping(content)])
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise PolicyRejected(_sentences(error)) from error


def _no_mapping(content: object) -> str:
    return f"expected a mapping, was {type(content).__name__}"


def _sentences(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, one['loc'])) or 'document'}: {one['msg']}" for one in error.errors()
    ]


def _read(kind: type[Document], content: object, nothing: Mapping[str, object]) -> Read[Document]:
    """Read what makes sense: what is wrong is named and left out until the rest is right."""
    if not isinstance(content, Mapping):
        return Read(kind.model_validate(nothing), (_no_mapping(content),))
    left, problems = deepcopy(dict(content)), list[str]()
    while True:
        try:
            return Read(kind.model_validate(left), tuple(problems))
        except ValidationError as error:
            problems += _sentences(error)
            if not _leave_out(error, left):
                return Read(kind.model_validate(nothing), tuple(problems))
            left = dict(nothing) | left


def _leave_out(error: ValidationError, content: dict[str, Any]) -> bool:
    """Take out what is wrong; return whether anything was taken out."""
    taken = [_take(content, one["loc"]) for one in error.errors()]
    # What stands where it means nothing is found by the whole, and so has no place of its own.
    return any(taken) or _take_misplaced(content)


def _take(content: dict[str, Any], place: Sequence[int | str]) -> bool:
    """Take out what stands at a place, or the nearest thing around it that has a name."""
    at: Any = content
    found: tuple[dict[Any, Any], int | str] | None = None
    for step in place:
        if isinstance(at, dict) and step in at:
            found = (at, step)
        elif not (isinstance(at, list) and isinstance(step, int) and step < len(at)):
            break
        at = at[step]
    if found is not None:
        del found[0][found[1]]
    return found is not None


def _take_misplaced(content: dict[str, Any]) -> bool:
    """Take out limits that may not stand where they do, and required ones that do not exist."""
    taken = False
    named = content.get("required_limits")
    if isinstance(named, list) and not LIMIT_KINDS.keys() >= set(named):
        content["required_limits"] = [name for name in named if name in LIMIT_KINDS]
        taken = True
    for part in (content, content.get("policy"), *(content.get("overlays") or ())):
        for family in _HOLD_LIMITS if isinstance(part, dict) else ():
            for limits in _mappings(part.get(family)):
                for field in [name for name in limits if _is_misplaced(name, family)]:
                    del limits[field]
                    taken = True
    return taken


def _mappings(content: object) -> Iterator[dict[str, Any]]:
    """Iterate over a mapping and all that are in it."""
    if isinstance(content, dict):
        yield content
        for inner in content.values():
            yield from _mappings(inner)


def _is_misplaced(name: object, family: str) -> bool:
    kind = LIMIT_KINDS.get(name) if isinstance(name, str) else None
    return kind is not None and bool(kind.families) and family not in kind.families
