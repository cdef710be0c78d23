from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A person's environment with an own home and no proxy."""
    kept = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith(("LC_", "GITHUB_"))}
    return {**kept, "HOME": str(tmp_path), "LANG": "C.UTF-8"}
