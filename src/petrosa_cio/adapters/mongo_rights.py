"""Who may write: what a user may do to the record in MongoDB, and the role that may do least."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from petrosa_cio.adapters.mongo_connection import MongoClient, is_stand_in, translated
from petrosa_cio.adapters.mongo_schema import COLLECTIONS

ROLE: Final = "cio_record"

GRANTED: Final = ("find", "insert", "listIndexes")
"""What the role may do with each collection of the record. The last shows that no two records can
have one place."""

HARMLESS: Final = frozenset(
    {*GRANTED, "listCollections", "createCollection", "listSearchIndexes", "collStats", "dbStats",
     "indexStats", "dbHash", "changeStream", "killCursors", "planCacheRead", "changeOwnPassword",
     "changeOwnCustomData", "viewRole", "viewUser"}
)  # fmt: skip
"""Actions that cannot change what is stored. Any other counts as one that can."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What the signed-in user may do to the record.

    Attributes:
        user: The user; empty where nobody is signed in, so that everybody may do everything.
        excess: Actions beyond what storing the record needs, in order.
        is_stand_in: Whether the server is the stand-in, which does not say what users may do.
    """

    user: str
    excess: tuple[str, ...]
    is_stand_in: bool = False

    @property
    def is_broad(self) -> bool:
        """Whether the record could be changed or deleted, as far as the server tells."""
        return not self.is_stand_in and (not self.user or bool(self.excess))


async def rights(client: MongoClient, database: str) -> Rights:
    """Return what the signed-in user may do to the record. Raises Unavailable."""
    with translated():
        stand_in = await is_stand_in(client)
        status = await client.admin.command("connectionStatus", showPrivileges=True)
    return rights_in(status["authInfo"], database, is_stand_in=stand_in)


def rights_in(info: Mapping[str, Any], database: str, *, is_stand_in: bool = False) -> Rights:
    """Return what ``connectionStatus`` says that a user may do to the record.

    Args:
        info: Its part ``authInfo``, with privileges.
        database: Database of the record.
        is_stand_in: Whether the server is the stand-in.
    """
    users = [f"{one['user']}@{one['db']}" for one in info["authenticatedUsers"]]
    excess = {
        action
        for privilege in info.get("authenticatedUserPrivileges", ())
        if _concerns(privilege["resource"], database)
        for action in privilege["actions"]
        if action not in HARMLESS
    }
    return Rights(", ".join(users), tuple(sorted(excess)), is_stand_in)


def _concerns(resource: Mapping[str, Any], database: str) -> bool:
    """Return whether a resource takes in the record, or the users and roles that guard it."""
    if resource.get("anyResource"):
        return True
    names = {one.name for one in COLLECTIONS}
    own = resource.get("db") == database and resource.get("collection") in {"", *names}
    every = resource.get("db") == "" and resource.get("collection") in {"", *names}
    guards = resource.get("db") == "admin" and resource.get("collection") in {
        "", "system.users", "system.roles"
    }  # fmt: skip
    return own or every or guards


async def make_role(client: MongoClient, database: str) -> str:
    """Make the role that may only insert and find; repeatable. Return what was done, in words.

    Raises:
        Unavailable: MongoDB is away, or does not allow it.
    """
    privileges = [
        {"resource": {"db": database, "collection": one.name}, "actions": list(GRANTED)}
        for one in COLLECTIONS
    ]
    target = client[database]
    with translated():
        found = await target.command("rolesInfo", ROLE)
        order = "updateRole" if found["roles"] else "createRole"
        await target.command(order, ROLE, privileges=privileges, roles=[])
    names = ", ".join(one.name for one in COLLECTIONS)
    return f"role {ROLE} in {database}: may {', '.join(GRANTED)}, in {names}"


async def has_user(client: MongoClient, database: str, user: str) -> bool:
    """Return whether a user is there. Raises Unavailable."""
    with translated():
        return bool((await client[database].command("usersInfo", user))["users"])


async def make_user(client: MongoClient, database: str, user: str, password: str | None) -> str:
    """Make a user that has that role and no other; repeatable. Return what was done, in words.

    Args:
        client: Signed in as somebody who may make users.
        database: Database of the record; the user signs in there.
        user: The user.
        password: Its password; None to leave that of a user that is there.

    Raises:
        Unavailable: MongoDB is away, or does not allow it.
    """
    stated: dict[str, Any] = {"roles": [ROLE]} | ({"pwd": password} if password else {})
    is_there = await has_user(client, database, user)
    with translated():
        await client[database].command("updateUser" if is_there else "createUser", user, **stated)
    changed = "its password is as it was" if password is None else "with the password stated"
    return f"user {user} in {database}: has the role {ROLE} and no other, {changed}"
