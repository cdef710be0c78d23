from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.folders import RuleFolder


@pytest.fixture
def folder(tmp_path: Path) -> RuleFolder:
    """An empty folder of rules with a few layers, one fragment and one context."""
    return RuleFolder(tmp_path / "rules")
