"""The nameservers of a vantage asked in turn, as Go's pure resolver does, in seconds instead of minutes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kdoctor.probes.nameserver import FINAL, Answer, ask_server
from kdoctor.probes.streams import settle

SERVER_LIMIT = 2.0
"""Seconds that one nameserver gets; Go gives it twice 5."""
_STAGGER = 0.8
_ATTEMPTS = 2
_LEAST = 0.3

Server = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Turn:
    """The answers to one absolute name, in the order of the nameservers; the last one decided."""

    name: str
    answers: tuple[Answer, ...]

    @property
    def last(self) -> Answer:
        """Return the answer that decided."""
        return self.answers[-1]


async def ask_names(servers: Sequence[Server], names: Sequence[str], budget: float) -> Turn:
    """Ask for each absolute name until one has addresses; else return the turn that Go reports.

    That is the turn of the first name, or of the last one, the bare name with few dots.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + budget
    turns: list[Turn] = []
    for name in names:
        left = deadline - loop.time()
        if turns and left < _LEAST:
            break
        turn = await ask_name(servers, name, left)
        if turn.last.outcome == "ok":
            return turn
        turns.append(turn)
        if turn.last.outcome not in FINAL and _slow(turn.answers):
            break  # they would be silent for the next name too
    bare = min(names, key=len)
    return next((turn for turn in turns if turn.name == bare), turns[0])


async def ask_name(servers: Sequence[Server], name: str, budget: float) -> Turn:
    """Ask each nameserver in turn for one name, all of them twice when they fail at once."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + budget
    answers: list[Answer] = []
    for _ in range(_ATTEMPTS):
        left = deadline - loop.time()
        if answers and left < _LEAST:
            break
        answers = await _pass(servers, name, max(left, _LEAST))
        if answers[-1].outcome in FINAL or _slow(answers):
            break
    return Turn(name, tuple(answers))


def _slow(answers: Iterable[Answer]) -> bool:
    """Tell whether time was lost on a server that would lose as much again."""
    return any(answer.outcome in ("timeout", "malformed") for answer in answers)


async def _pass(servers: Sequence[Server], name: str, budget: float) -> list[Answer]:
    """Ask the nameservers once. The next one starts when one failed, or was silent for a while.

    An earlier answer wins over a later one, so the result is that of asking strictly in turn.
    """
    limit = min(SERVER_LIMIT, budget * (0.9 if len(servers) == 1 else 0.55))
    stagger = min(_STAGGER, (budget - limit) / max(len(servers) - 1, 1) * 0.9)
    started = [asyncio.Event() for _ in servers]
    failed = [asyncio.Event() for _ in servers]

    async def one(at: int) -> Answer:
        if at:
            await started[at - 1].wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(failed[at - 1].wait(), stagger)
        started[at].set()
        answer = await ask_server(*servers[at], name, limit)
        if answer.outcome not in FINAL:
            failed[at].set()
        return answer

    tasks = [asyncio.create_task(one(at)) for at in range(len(servers))]
    answers: list[Answer] = []
    try:
        for task in tasks:
            answers.append(await task)
            if answers[-1].outcome in FINAL:
                break
    finally:
        await settle(tasks)
    return answers
