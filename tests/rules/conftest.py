from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rules.folders import RuleFolder


@pytest.fixture
def folder(tmp_path: Path) -> RuleFolder:
    """An empty folder of rules with a few layers, one fragment and one context."""
    return RuleFolder(tmp_path / "rules")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A root whose name is short enough for the path of a Unix socket, and where containerd listens."""
    short = Path(f"/tmp/kr{os.getpid()}")
    short.symlink_to(tmp_path)
    place = short / "run/containerd/containerd.sock"
    place.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()
        yield short
    short.unlink()
