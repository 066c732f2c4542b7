"""Who could change or delete records, by what MongoDB says of a user."""

from typing import Any

import pytest

from petrosa_cio.adapters.mongo_rights import PRIVILEGES, PRUNE_ROLE, ROLE, Rights, rights_in
from petrosa_cio.errors import Misconfigured
from petrosa_cio.servers import refuse_broad

NARROW, PRUNING = (
    [
        {"resource": {"db": "records", "collection": name}, "actions": list(actions)}
        for name, actions in PRIVILEGES[role].items()
    ]
    for role in (ROLE, PRUNE_ROLE)
)
READ = ["changeStream", "collStats", "dbHash", "dbStats", "find", "killCursors", "listCollections",
        "listIndexes", "listSearchIndexes", "planCacheRead"]  # fmt: skip


def found(*privileges: dict[str, Any], user: str = "cio") -> Rights:
    users = [{"user": user, "db": "records"}] if user else []
    info = {"authenticatedUsers": users, "authenticatedUserPrivileges": list(privileges)}
    return rights_in(info, "records")


def may(*actions: str, db: str = "records", collection: str = "") -> dict[str, Any]:
    return {"resource": {"db": db, "collection": collection}, "actions": list(actions)}


def test_a_user_who_may_only_insert_and_find_is_not_broad() -> None:
    narrow = found(*NARROW, may(*READ), may("listDatabases", db="x"))
    assert not narrow.is_broad
    refuse_broad(narrow)


@pytest.mark.parametrize(
    ("privilege", "excess"),
    [
        (may("find", "update"), "update"),
        (may("remove", collection="traces"), "remove"),
        (may("update", db=""), "update"),
        (may("dropDatabase"), "dropDatabase"),
        (may("createIndex", collection="traces"), "createIndex"),  # one may let documents expire
        (may("bypassDocumentValidation"), "bypassDocumentValidation"),
        (may("grantRole", db="admin"), "grantRole"),
        ({"resource": {"anyResource": True}, "actions": ["anyAction"]}, "anyAction"),
    ],
)
def test_a_user_who_could_change_records_is_refused(privilege: dict[str, Any], excess: str) -> None:
    broad = found(*NARROW, privilege)
    assert (broad.is_broad, broad.excess) == (True, (excess,))
    with pytest.raises(Misconfigured, match=f"cio@records may also {excess}"):
        refuse_broad(broad)


def test_who_may_delete_what_is_archived_cannot_run_the_service() -> None:
    broad = found(*PRUNING)
    assert (broad.is_broad, broad.excess) == (True, ("remove",))
    with pytest.raises(Misconfigured, match="cio@records may also remove"):
        refuse_broad(broad)


def test_the_service_may_not_say_that_its_chain_begins_later() -> None:
    assert "insert" not in PRIVILEGES[ROLE]["beginnings"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        may("update", db="other"),
        may("update", collection="policies"),
        {"resource": {"cluster": True}, "actions": ["serverStatus"]},
    ],
)
def test_what_a_user_may_do_elsewhere_does_not_matter(elsewhere: dict[str, Any]) -> None:
    assert not found(*NARROW, elsewhere).is_broad


def test_a_server_that_asks_nobody_who_they_are_is_refused() -> None:
    with pytest.raises(Misconfigured, match="nobody signs in"):
        refuse_broad(found(user=""))
