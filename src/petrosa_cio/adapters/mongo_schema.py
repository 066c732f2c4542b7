"""The collections of the record in MongoDB: what a document must be, and what is found quickly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from petrosa_cio.errors import Misconfigured, Problem

log = structlog.get_logger()

TRACES: Final = "traces"
THOUGHTS: Final = "thoughts"
"""A view of the changes among the records: who changed what governs, and why."""

POISONED: Final = "poisoned"
CHECKPOINTS: Final = "checkpoints"
POLICIES: Final = "policies"
PROPOSALS: Final = "proposals"
APPROVALS: Final = "approvals"
OVERRIDES: Final = "overrides"
TOKENS: Final = "tokens"
REVOCATIONS: Final = "revocations"
ALERTS: Final = "alerts"
BEGINNINGS: Final = "beginnings"
SHADOWS: Final = "shadows"
SHADOW_ENDINGS: Final = "shadow_endings"
SHADOW_PAGES: Final = "shadow_pages"

PLACE_IN_CHAIN: Final = "place_in_chain"
"""Name of the index that keeps two records from having one place."""

_UNAUTHORIZED: Final = 13
_EXISTS: Final = 48

_TEXT: Final = {"bsonType": "string"}
_MAYBE_TEXT: Final = {"bsonType": ["string", "null"]}
_COUNT: Final = {"bsonType": ["int", "long"], "minimum": 0}
_POSITION: Final = {"bsonType": ["int", "long"], "minimum": 1}
_INSTANT: Final = {"bsonType": "date"}
_HASH: Final = {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"}
_PLACE: Final = {"journal_sequence": _COUNT, "journal_index": _COUNT, "journaled_at": _INSTANT}
_MEASURED: Final = {"sha256": _HASH, "bytes": _COUNT, "error": _TEXT}

_CHANGED_FIELD: Final = {
    "bsonType": "object",
    "required": ["path", "change", "old", "new"],
    "properties": dict.fromkeys(("path", "change", "old", "new"), _TEXT),
}


def _schema(required: Mapping[str, Any], optional: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "$jsonSchema": {
            "bsonType": "object",
            "required": list(required),
            "properties": {**required, **optional},
        }
    }


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection: its schema as MongoDB reads it, and its indexes."""

    name: str
    schema: dict[str, Any]
    indexes: tuple[IndexModel, ...]


def _by(field: str) -> IndexModel:
    return IndexModel([(field, ASCENDING)])


def _newest_by(field: str) -> IndexModel:
    return IndexModel([(field, ASCENDING), ("at", DESCENDING)])


_PROPOSAL: Final = _schema(
    {"_id": _HASH, "fund": _TEXT, "parent": _COUNT, "document": _TEXT, "author": _TEXT,
     "role": _TEXT, "thought": _TEXT, "at": _INSTANT, "expires_at": _INSTANT},
    {"content_of": {"bsonType": ["int", "long", "null"]}, "what_if": _TEXT},
)  # fmt: skip

COLLECTIONS: Final = (
    Collection(
        TRACES,
        _schema(
            {"_id": _TEXT, "seq": _POSITION, "prev_hash": _HASH, "hash": _HASH, "kind": _TEXT,
             "decision_id": _MAYBE_TEXT, "at": _INSTANT, **_PLACE},
            {"record": _TEXT, "fund": _MAYBE_TEXT, "strategy": _MAYBE_TEXT, "symbol": _MAYBE_TEXT,
             "action": _MAYBE_TEXT, "stated_id": _MAYBE_TEXT, "trace_id": _MAYBE_TEXT,
             "verdict": _TEXT, "codes": {"bsonType": "array", "items": _TEXT},
             "policy_revision": {"bsonType": ["int", "long", "null"]}, "reason": _MAYBE_TEXT,
             **dict.fromkeys(("subject", "scope", "author", "thought"), _MAYBE_TEXT),
             "aside": _TEXT, **_MEASURED},
        ),
        (
            IndexModel([("seq", ASCENDING)], name=PLACE_IN_CHAIN, unique=True),
            *map(_newest_by, ("strategy", "symbol", "verdict", "codes", "kind")),
            IndexModel([("at", DESCENDING)]),
            *map(_by, ("trace_id", "decision_id", "stated_id")),
            IndexModel([("journaled_at", DESCENDING)]),
        ),
    ),
    Collection(POISONED, _schema({"_id": _TEXT, "raw": _TEXT, **_MEASURED, **_PLACE}, {}), ()),
    Collection(
        CHECKPOINTS,
        _schema(
            {"_id": _TEXT, "chain": _TEXT, "seq": _POSITION, "hash": _HASH, "at": _INSTANT,
             "key_id": _TEXT, "signature": _TEXT},
            {},
        ),
        (IndexModel([("seq", ASCENDING)]),),
    ),
    Collection(
        POLICIES,
        _schema(
            {"_id": _TEXT, "fund": _TEXT, "revision": _POSITION, "parent": _COUNT,
             "content_of": {"bsonType": ["int", "long", "null"]}, "document": _TEXT,
             "document_hash": _HASH, "tightened_revision": _POSITION, "author": _TEXT,
             "role": _TEXT, "thought": _TEXT, "change": _TEXT, "at": _INSTANT, "key_id": _TEXT,
             "signature": _TEXT, "diff": {"bsonType": "array", "items": _CHANGED_FIELD}},
            {},
        ),
        (IndexModel([("fund", ASCENDING), ("revision", DESCENDING)], unique=True),),
    ),
    Collection(PROPOSALS, _PROPOSAL, (_newest_by("fund"),)),
    Collection(OVERRIDES, _PROPOSAL, (_newest_by("fund"),)),
    Collection(
        APPROVALS,
        _schema(
            {"_id": _TEXT, "fund": _TEXT, "proposal_id": _HASH,
             "kind": {"enum": ["approve", "confirm", "reject"]}, "author": _TEXT, "role": _TEXT,
             "reason": _TEXT, "at": _INSTANT},
            {},
        ),
        (_by("proposal_id"),),
    ),
    Collection(
        SHADOWS,
        _schema(
            {"_id": _TEXT, "shadow_id": _HASH, "fund": _TEXT, "number": _POSITION,
             "parent": _POSITION, "document": _TEXT, "author": _TEXT, "role": _TEXT,
             "thought": _TEXT, "at": _INSTANT, "ends_at": _INSTANT},
            {},
        ),
        (IndexModel([("fund", ASCENDING), ("number", DESCENDING)], unique=True),),
    ),
    Collection(
        SHADOW_ENDINGS,
        _schema(
            {"_id": _HASH, "fund": _TEXT, "kind": {"enum": ["drop", "promote"]}, "author": _TEXT,
             "role": _TEXT, "thought": _TEXT, "at": _INSTANT, "became": _TEXT},
            {},
        ),
        (),
    ),
    Collection(
        SHADOW_PAGES,
        _schema(
            {"_id": _TEXT, "fund": _TEXT, "shadow_id": _HASH, "number": _POSITION,
             "after_seq": _COUNT, "until_seq": _POSITION, "until": _INSTANT,
             "counts": {"bsonType": "array"}, "flips": {"bsonType": "array"},
             "is_last": {"bsonType": "bool"}},
            {"other_reasons": _COUNT, "other_versions": _COUNT},
        ),
        (IndexModel([("shadow_id", ASCENDING), ("number", ASCENDING)], unique=True),),
    ),
    Collection(
        TOKENS,
        _schema(
            {"_id": _TEXT, "fund": _TEXT, "token_hash": _HASH, "name": _TEXT, "role": _TEXT,
             "made_by": _TEXT, "made_at": _INSTANT},
            {"expires_at": {"bsonType": ["date", "null"]}},
        ),
        (_by("fund"),),
    ),
    Collection(
        REVOCATIONS,
        _schema(
            {"_id": _TEXT, "fund": _TEXT, "author": _TEXT, "reason": _TEXT, "at": _INSTANT}, {}
        ),
        (_by("fund"),),
    ),
    Collection(
        ALERTS,
        _schema(
            {"_id": _TEXT, "fund": _TEXT, "kind": _TEXT, "decision_id": _MAYBE_TEXT,
             "found_at": _INSTANT, "detail": {"bsonType": "object"}},
            {"at": _INSTANT, "of": _TEXT, "ends": _TEXT, "began_at": _INSTANT},
        ),
        (
            IndexModel([("fund", ASCENDING), ("kind", ASCENDING), ("found_at", DESCENDING)]),
            IndexModel([("fund", ASCENDING), ("of", ASCENDING), ("began_at", DESCENDING)]),
        ),
    ),
    Collection(
        BEGINNINGS,
        _schema(
            {"_id": _TEXT, "chain": _TEXT, "seq": _POSITION, "hash": _HASH,
             "manifest_sha256": _HASH, "at": _INSTANT, "key_id": _TEXT, "signature": _TEXT},
            {},
        ),
        (),
    ),
)  # fmt: skip
"""Every collection: of the record and the findings about it, and of how policy changes."""


async def prepare_collections(database: AsyncDatabase[dict[str, Any]]) -> list[str]:
    """Make sure of collections, schemas and indexes, as far as this user may; repeatable.

    A user who may only insert and find cannot make them: then they must be there, made by
    ``cio audit init``. A server that knows no schemas goes without, which is logged.

    Returns:
        What was made sure of, in words.

    Raises:
        Misconfigured: What keeps the chain from forking is missing, or the database holds records
            from before there was a chain.
    """
    done = []
    try:
        for collection in COLLECTIONS:
            done.append(await _make_sure_of(database, collection))
        done.append(await _make_sure_of_thoughts(database))
    except OperationFailure as refused:
        if refused.code != _UNAUTHORIZED:
            raise
    await _need_the_place_index(database)
    return done


async def _make_sure_of(database: AsyncDatabase[dict[str, Any]], collection: Collection) -> str:
    name = collection.name
    await _create(database, name)
    await _set_schema(database, collection)
    if name == TRACES:
        await _need_no_unchained(database)
    if collection.indexes:
        await database[name].create_indexes(list(collection.indexes))
    return f"collection {name}: its schema and {len(collection.indexes)} indexes"


async def _make_sure_of_thoughts(database: AsyncDatabase[dict[str, Any]]) -> str:
    await _create(database, THOUGHTS, viewOn=TRACES, pipeline=[{"$match": {"kind": "change"}}])
    return f"view {THOUGHTS}: the changes in {TRACES}, and the thoughts behind them"


async def _create(database: AsyncDatabase[dict[str, Any]], name: str, **options: Any) -> None:
    try:
        await database.create_collection(name, check_exists=False, **options)
    except OperationFailure as error:
        if error.code != _EXISTS:
            raise


async def _set_schema(database: AsyncDatabase[dict[str, Any]], collection: Collection) -> None:
    try:
        await database.command("collMod", collection.name, validator=collection.schema)
    except OperationFailure as error:
        if error.code == _UNAUTHORIZED:
            raise
        log.warning("schema_not_set", collection=collection.name, detail=str(error))


async def _need_no_unchained(database: AsyncDatabase[dict[str, Any]]) -> None:
    if await database[TRACES].find_one({"seq": {"$exists": False}}, {"_id": True}):
        raise Misconfigured(
            [
                Problem(
                    "CIO_MONGO_DATABASE",
                    f"{database.name} holds records from before records were chained",
                    "Name another database; keep this one as it is, for its old records.",
                )
            ]
        )


async def _need_the_place_index(database: AsyncDatabase[dict[str, Any]]) -> None:
    try:
        found = await database[TRACES].index_information()
    except OperationFailure as error:
        if error.code != _UNAUTHORIZED:
            raise
        found = {}
    if not found.get(PLACE_IN_CHAIN, {}).get("unique"):
        raise Misconfigured(
            [
                Problem(
                    "CIO_MONGO_DATABASE",
                    f"the collection {TRACES} of {database.name} lacks its unique index, and "
                    "this user may not make or see it",
                    "Run `cio audit init` with a user that may.",
                )
            ]
        )
