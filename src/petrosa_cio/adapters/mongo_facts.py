"""What a MongoDB server is like, for whoever wants to look. Nothing is changed."""

from dataclasses import dataclass

from petrosa_cio.adapters.mongo_connection import MongoClient, translated


@dataclass(frozen=True, slots=True)
class MongoFacts:
    """A server that answers.

    Attributes:
        version: The version it states.
        is_stand_in: Whether it is the stand-in that comes with this program.
    """

    version: str
    is_stand_in: bool


async def mongo_facts(client: MongoClient) -> MongoFacts:
    """Return what the server says of itself. Raises Unavailable."""
    with translated():
        found = await client.admin.command("buildInfo")
    return MongoFacts(str(found["version"]), "secantusVersion" in found)
