"""Servers of our own, for a start without any: NATS, Redis and a stand-in for MongoDB.

The code that talks to them does not know: they differ from production ones in their URLs only.
Each comes from a package of the extra `embedded`, listens on 127.0.0.1 alone, keeps its data in a
folder of its own and can be started by itself, which is what tests do to take one away.
"""

from petrosa_cio.adapters.embedded.mongo import start_mongo
from petrosa_cio.adapters.embedded.nats import start_nats
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.embedded.redis import start_redis
from petrosa_cio.adapters.embedded.servers import EmbeddedServers

__all__ = ["EmbeddedServers", "ServerProcess", "start_mongo", "start_nats", "start_redis"]
