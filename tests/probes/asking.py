"""Asks a probe as the runner does, and holds the answer against the probe's kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdoctor.machine import Machine
from kdoctor.model import CUT, UNSEEN, Evidence
from kdoctor.probes.kinds import KINDS
from kdoctor.probes.runner import Place, Runner
from kdoctor.vantages import Shell, Vantage


def machine_at(root: Path, **env: str) -> Machine:
    """A machine whose whole file system is `root`."""
    return Machine(root=root, env={"PATH": "/usr/bin", **env}, uid=1000, home=Path("/home/ann"))


def put(root: Path, path: str, text: str = "", mode: int = 0o644) -> Path:
    """Write a file of that machine."""
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(mode)
    return place


def program(root: Path, path: str) -> None:
    put(root, path, "#!/bin/sh\n", 0o755)


async def asked(kind: str, machine: Machine | Vantage, seconds: float = 5.0, **params: str) -> Evidence:
    """Run a probe from the shell, or from the vantage given; outcome and fields must be its kind's."""
    vantage: Any = Shell(machine) if isinstance(machine, Machine) else machine
    evidence = await Runner(seconds, frozenset()).ask(Place(vantage.name, vantage), kind, params)
    assert evidence.outcome in (*KINDS[kind].outcomes, UNSEEN, CUT), evidence
    assert "itself failed" not in evidence.detail, evidence
    assert evidence.detail
    fields = KINDS[kind].fields
    types: dict[str, Any] = {"text": str, "number": int | float, "bool": bool, "list": tuple}
    for name, value in evidence.data.items():
        assert name in fields, name
        assert isinstance(value, types[fields[name]]), (name, value)
    return evidence
