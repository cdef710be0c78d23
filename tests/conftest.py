"""What every test shares: one cache of compiled rules, apart from the person's own, and who runs beside whom."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

LAB = Path(__file__).parent / "lab"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker of `pytest -n` run all of the lab, which there is once, and each other file as a whole."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group("lab" if LAB in item.path.parents else str(item.path)))
    items.sort(key=lambda item: LAB not in item.path.parents)  # the longest comes first


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
