import os
import signal
from pathlib import Path

import pytest

from tests.integration.processes import alive, numbers, python
from tests.waiting import eventually

pytestmark = pytest.mark.integration

SUPERVISOR = """
import asyncio, os, sys
from petrosa_cio.supervisor import hearing_signals, supervise

grace, *roles = sys.argv[1:]
commands = {f"role{n}": [sys.executable, "-c", *role.split("|")] for n, role in enumerate(roles)}

async def house():
    with hearing_signals() as word:
        return await supervise(commands, os.environ, word, drain_timeout_s=float(grace))

sys.exit(asyncio.run(house()))
"""
STARTING = """
import asyncio, os, sys
from petrosa_cio.supervisor import hearing_signals, supervise

async def start():
    print("starting", flush=True)
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        asyncio.current_task().uncancel()

async def house():
    with hearing_signals() as word:
        await start()
        role = [sys.executable, "-c", "import time; time.sleep(3600)"]
        return await supervise({"role": role}, os.environ, word, drain_timeout_s=10)

sys.exit(asyncio.run(house()))
"""
OBEDIENT = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with open(sys.argv[1], "a") as file: print(os.getpid(), file=file)
while True: signal.pause()
"""
STUBBORN = OBEDIENT.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
MISCONFIGURED = "import os, sys; sys.exit(os.EX_CONFIG)"


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    return tmp_path / "pids"


async def test_a_signal_ends_every_role_and_then_the_supervisor(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    async with python(SUPERVISOR, 10, *(f"{OBEDIENT}|{file}" for file in files)) as house:
        await eventually(lambda: all(numbers(file) for file in files))
        house.send_signal(signal.SIGTERM)
        assert await house.wait() == 0
    assert not [file for file in files if alive(numbers(file)[0])]


async def test_a_signal_while_starting_is_kept_though_a_driver_swallows_it() -> None:
    async with python(STARTING) as house:
        assert house.stdout is not None
        assert await house.stdout.readline() == b"starting\n"
        house.send_signal(signal.SIGINT)
        assert await house.wait() == 0


async def test_a_role_that_dies_is_started_again(pids: Path) -> None:
    async with python(SUPERVISOR, 10, f"{OBEDIENT}|{pids}") as house:
        first = (await eventually(lambda: numbers(pids)))[0]
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: len(numbers(pids)) > 1)
        house.send_signal(signal.SIGINT)
        assert await house.wait() == 0
    assert not alive(numbers(pids)[-1])


async def test_a_role_that_does_not_end_in_time_is_killed(pids: Path) -> None:
    async with python(SUPERVISOR, 0.2, f"{STUBBORN}|{pids}") as house:
        await eventually(lambda: numbers(pids))
        house.send_signal(signal.SIGTERM)
        assert await house.wait() == 1
    assert not alive(numbers(pids)[0])


async def test_a_second_signal_ends_the_waiting(pids: Path) -> None:
    async with python(SUPERVISOR, 3600, f"{STUBBORN}|{pids}") as house:
        await eventually(lambda: numbers(pids))
        house.send_signal(signal.SIGINT)
        house.send_signal(signal.SIGTERM)
        assert await house.wait() == 1
    assert not alive(numbers(pids)[0])


async def test_a_role_that_is_set_up_wrongly_ends_all(pids: Path) -> None:
    async with python(SUPERVISOR, 10, f"{OBEDIENT}|{pids}", MISCONFIGURED) as house:
        assert await house.wait() == os.EX_CONFIG
    assert not [pid for pid in numbers(pids) if alive(pid)]


async def test_no_role_outlives_a_supervisor_that_is_killed(pids: Path) -> None:
    async with python(SUPERVISOR, 10, f"{OBEDIENT}|{pids}") as house:
        pid = (await eventually(lambda: numbers(pids)))[0]
        house.kill()
        await house.wait()
        await eventually(lambda: not alive(pid))
