"""Who may write: what a user may do to the record in MongoDB, and the roles that may do least."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from petrosa_cio.adapters.mongo_connection import MongoClient, is_stand_in, translated
from petrosa_cio.adapters.mongo_schema import (
    BEGINNINGS,
    CHECKPOINTS,
    COLLECTIONS,
    POISONED,
    THOUGHTS,
    TRACES,
)

ROLE: Final = "cio_record"
PRUNE_ROLE: Final = "cio_prune"
"""Of whoever deletes what is archived and old enough. The service refuses to run with it."""

GRANTED: Final = ("find", "insert", "listIndexes")
"""What the role may do with each collection of the record. The last shows that no two records can
have one place."""

READ: Final = ("find", "listIndexes")

PRIVILEGES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    ROLE: {
        **{one.name: READ if one.name == BEGINNINGS else GRANTED for one in COLLECTIONS},
        THOUGHTS: ("find",),
    },
    PRUNE_ROLE: {
        TRACES: (*READ, "remove"),
        POISONED: (*READ, "remove"),
        CHECKPOINTS: (*READ, "remove"),
        BEGINNINGS: GRANTED,
    },
}
"""What each role may do, by collection. The service may not state that its chain begins later."""

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


async def make_role(client: MongoClient, database: str, role: str) -> str:
    """Make one of the roles; repeatable. Return what was done, in words.

    Args:
        client: Signed in as somebody who may make roles.
        database: Database of the record.
        role: `ROLE` or `PRUNE_ROLE`.

    Raises:
        Unavailable: MongoDB is away, or does not allow it.
    """
    allowed = PRIVILEGES[role]
    privileges = [
        {"resource": {"db": database, "collection": name}, "actions": list(actions)}
        for name, actions in allowed.items()
    ]
    target = client[database]
    with translated():
        found = await target.command("rolesInfo", role)
        order = "updateRole" if found["roles"] else "createRole"
        await target.command(order, role, privileges=privileges, roles=[])
    may = "; ".join(f"{name}: {', '.join(actions)}" for name, actions in allowed.items())
    return f"role {role} in {database}: {may}"


async def has_user(client: MongoClient, database: str, user: str) -> bool:
    """Return whether a user is there. Raises Unavailable."""
    with translated():
        return bool((await client[database].command("usersInfo", user))["users"])


async def make_user(
    client: MongoClient, database: str, user: str, password: str | None, role: str = ROLE
) -> str:
    """Make a user that has one role and no other; repeatable. Return what was done, in words.

    Args:
        client: Signed in as somebody who may make users.
        database: Database of the record; the user signs in there.
        user: The user.
        password: Its password; None to leave that of a user that is there.
        role: The role.

    Raises:
        Unavailable: MongoDB is away, or does not allow it.
    """
    stated: dict[str, Any] = {"roles": [role]} | ({"pwd": password} if password else {})
    is_there = await has_user(client, database, user)
    with translated():
        await client[database].command("updateUser" if is_there else "createUser", user, **stated)
    changed = "its password is as it was" if password is None else "with the password stated"
    return f"user {user} in {database}: has the role {role} and no other, {changed}"
