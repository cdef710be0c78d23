from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder in which the rules are compiled once for all tests."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def env(tmp_path: Path, cache: str) -> dict[str, str]:
    """A person's environment with an own home and no proxy."""
    kept = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith(("LC_", "GITHUB_"))}
    return {**kept, "HOME": str(tmp_path), "XDG_CACHE_HOME": cache, "LANG": "C.UTF-8"}
