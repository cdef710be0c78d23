"""Whose network a probe uses: this process's own, or another machine's that does the work by a script.

Every place that opens a socket or asks getaddrinfo looks here first, so that no probe of another
machine falls back to this one's network.
"""

from __future__ import annotations

import datetime as dt
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kdoctor.remote.vantage import Far

FAR: ContextVar[Far | None] = ContextVar("far", default=None)
"""The machine whose network the running probe uses, None for this process's."""


def now() -> dt.datetime:
    """Return the time by the clock of the machine that is looked from: certificates are judged by it."""
    far = FAR.get()
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=far.ahead if far else 0)
