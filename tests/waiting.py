"""Wait for what becomes true, instead of sleeping and hoping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

_EVERY_S = 0.02


@overload
async def eventually(condition: Callable[[], Awaitable[T]], *, timeout_s: float = ...) -> T: ...
@overload
async def eventually(condition: Callable[[], T], *, timeout_s: float = ...) -> T: ...
async def eventually(condition: Callable[[], object], *, timeout_s: float = 20.0) -> object:
    """Return the first true value of `condition`; fail if none comes in `timeout_s` seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                value = condition()
                result = await value if inspect.isawaitable(value) else value
                if result:
                    return result
                await asyncio.sleep(_EVERY_S)
    except TimeoutError:
        raise AssertionError(f"not true within {timeout_s} s: {condition!r}") from None
