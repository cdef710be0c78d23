"""A machine of its own for each test: files in a temporary root, an empty environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kdoctor.machine import Machine

MakeMachine = Callable[..., Machine]


@pytest.fixture
def make_machine(tmp_path: Path) -> MakeMachine:
    """Return a function that writes files under a root of its own and returns the machine."""

    def make(files: dict[str, str] | None = None, env: dict[str, str] | None = None, os: str = "linux") -> Machine:
        for name, text in (files or {}).items():
            path = tmp_path / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Machine(root=tmp_path, env=env or {}, os=os, uid=1000, home=Path("/home/u"))

    return make
