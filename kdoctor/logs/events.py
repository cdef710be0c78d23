"""What a Docker engine says of the past: `GET /events` up to now, as lines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kdoctor.errors import SourceError
from kdoctor.settings import jsonfile
from kdoctor.settings.engine import EngineError, endpoint, engine_get

if TYPE_CHECKING:
    from kdoctor.machine import Machine


async def docker_events(machine: Machine, since: float | None, seconds: float) -> str:
    """Return the engine's past events as `docker events` prints them; it keeps the last 256.

    Raises:
        SourceError: the engine cannot be asked, or has no events.
    """
    path = f"/events?since={max(since or 0.0, 0.0):.0f}&until={time.time():.3f}"
    where = endpoint(machine)
    try:
        status, answer = await engine_get(machine, where, path, seconds)
    except EngineError as error:
        raise SourceError(f"the events of Docker cannot be read: {error.detail}") from error
    if status != 200:
        said = jsonfile.text(jsonfile.mapping(answer).get("message")) or f"status {status}"
        raise SourceError(f"the events of Docker cannot be read: {where.url} answers: {said[:200]}")
    text = "\n".join(_line(event) for event in _events(answer))
    if not text:
        raise SourceError("Docker has no events of that time; it keeps the last 256 since its start")
    return text + "\n"


def _events(answer: object) -> Iterator[Mapping[str, object]]:
    """Yield the events of an answer: one JSON document, or one on each line."""
    if not isinstance(answer, str):
        yield jsonfile.mapping(answer)
        return
    for line in answer.splitlines():
        try:
            event = jsonfile.mapping(json.loads(line))
        except (ValueError, RecursionError):
            continue
        if event:
            yield event


def _line(event: Mapping[str, object]) -> str:
    """Return an event as `docker events` prints it."""
    actor = jsonfile.mapping(event.get("Actor"))
    nanoseconds = event.get("timeNano")
    when = nanoseconds / 1e9 if isinstance(nanoseconds, int) else 0.0
    attributes = jsonfile.mapping(actor.get("Attributes"))
    said = ", ".join(f"{key}={value}" for key, value in sorted(attributes.items()))
    stamp = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    words = (stamp, *(jsonfile.text(one) for one in (event.get("Type"), event.get("Action"), actor.get("ID"))))
    return " ".join(" ".join(words).split()) + (f" ({said})" if said else "")
