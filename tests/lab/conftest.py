"""The lab as a fixture: one for the whole run, healed after each test."""

from collections.abc import Iterator

import pytest

from . import Lab, unavailable


@pytest.fixture(scope="session")
def running_lab() -> Iterator[Lab]:
    """A lab that is up; tests that cannot have one are skipped with the reason."""
    if reason := unavailable():
        pytest.skip(reason)
    with Lab() as lab:
        yield lab


@pytest.fixture
def lab(running_lab: Lab) -> Iterator[Lab]:
    """The healed lab, to be broken by one test."""
    yield running_lab
    try:
        running_lab.heal()
    except (OSError, RuntimeError):
        running_lab.down()  # a test that wrecked it must not fail the next one
        running_lab.up()
