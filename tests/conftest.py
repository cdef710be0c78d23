"""What every test shares: one cache of compiled rules, apart from the person's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def compiled_rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let all commands of a run share the compiled rules: compiling takes two seconds, whatever HOME is."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the fault lab's tests to one worker: they wait more than they compute."""
    lab = Path(__file__).parent / "lab"
    for item in items:
        if lab in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("lab"))
