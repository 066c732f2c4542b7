"""The real program in a folder that vanishes: servers, roles, and the ways to them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from petrosa_cio.adapters.children import start_child, stop_child
from petrosa_cio.adapters.nats_messages import NatsMessenger, listen
from petrosa_cio.app import GATE_STATUS, Role
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.desk import Desk
from petrosa_cio.launch import Running, open_desk, open_messenger, running
from petrosa_cio.servers import Servers, open_servers
from petrosa_cio.settings import Settings, load_settings

READY_TIMEOUT_S = 30.0
ROLES_LOG = "roles.log"
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class House:
    """The running program.

    Attributes:
        settings: How it is set up.
        servers: What the demo watches with.
        desk: Where regimes are set and switches thrown, with a person's patience.
        fleet: What the bots and the order engine publish with.
        roles: The program's processes, by role.
        log: What they say.
    """

    settings: Settings
    servers: Servers
    desk: Desk
    fleet: NatsMessenger
    roles: dict[Role, subprocess.Popen[bytes]]
    log: Path

    def raise_if_fallen(self) -> None:
        """Raise Unavailable, with the end of the log, if a role has ended."""
        for role, process in self.roles.items():
            code = process.poll()
            if code is not None:
                tail = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
                raise Unavailable(role, "\n".join([f"ended with code {code}", *tail]))


def policy_file() -> Path:
    """Return the path of the demo's policy."""
    with as_file(files(__package__) / "policy.yaml") as path:
        return path


def demo_settings(folder: Path) -> Settings:
    """Return the settings of a demo in a folder: nothing of the environment, no server of yours."""
    return load_settings(
        {
            "CIO_DATA_DIR": str(folder),
            "CIO_POLICY_FILE": str(policy_file()),
            "CIO_HTTP_PORT": "0",
            "CIO_LOG_LEVEL": "warning",
        }
    )


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    """Start the program with servers of its own in a folder, and end all of it afterwards.

    Raises:
        Unavailable: A server or a role did not come up.
    """
    log = folder / ROLES_LOG
    async with (
        running(demo_settings(folder)) as started,
        open_servers(started.settings, name="demo") as servers,
        open_desk(started.settings) as desk,
        open_messenger(started.settings) as fleet,
        _roles(started, log) as roles,
    ):
        yield House(started.settings, servers, desk, fleet, roles, log)


@asynccontextmanager
async def _roles(started: Running, log: Path) -> AsyncIterator[dict[Role, subprocess.Popen[bytes]]]:
    """Run every role as a process, as `cio run` does, but with its log in a file."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("CIO_")}
    roles: dict[Role, subprocess.Popen[bytes]] = {}
    try:
        with log.open("ab") as output:
            for role in Role:
                command = [sys.executable, "-m", "petrosa_cio", "run", "--role", role]
                environ = ours | started.child_environ
                roles[role] = start_child(command, environ=environ, output=output)
        yield roles
    finally:
        grace_s = started.settings.drain_timeout_s
        await asyncio.gather(*(stop_child(one, grace_s) for one in roles.values()))


async def until_ready(house: House) -> None:
    """Wait until a gate decides. Raises Unavailable."""
    ready = asyncio.Event()
    await listen(house.servers.nats, GATE_STATUS, lambda _: ready.set())
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not ready.is_set():
                house.raise_if_fallen()
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise Unavailable("gate", f"not ready after {READY_TIMEOUT_S:g} s") from None
