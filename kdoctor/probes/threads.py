"""Blocking calls (getaddrinfo, psutil) beside the event loop, in threads that do not hold the exit up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a daemon thread and return its result.

    Unlike asyncio.to_thread, whose threads asyncio.run and the interpreter wait for at exit, a call
    that hangs is left behind when the wait for it is cancelled.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():  # cancelled meanwhile
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T allows it

    def work() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = call(*args, **kwargs)
        except BaseException as raised:  # noqa: BLE001 - carried over to whoever waits
            error = raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop was closed: nobody waits any more
            return

    threading.Thread(target=work, name="kdoctor-blocking", daemon=True).start()
    return await future
