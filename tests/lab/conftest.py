"""The lab as a fixture: one for the whole run, healed after each test."""

import os
from collections.abc import Callable, Generator, Iterator

import pytest

from . import Lab, unavailable
from .breaks import Break, Witness

REQUIRED = os.environ.get("KDOCTOR_LAB") == "required"
"""Set in CI, where a lab test that is skipped is a failed one."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skipped test fail where the lab is required."""
    report = yield
    if REQUIRED and report.skipped and item.get_closest_marker("where_possible") is None:
        report.outcome = "failed"
        report.longrepr = f"skipped, though KDOCTOR_LAB=required: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def lab_possible() -> None:
    """Skip, with the reason, where the lab cannot run."""
    if reason := unavailable():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def running_lab(lab_possible: None) -> Iterator[Lab]:
    """Yield a lab that is up."""
    with Lab() as lab:
        yield lab


@pytest.fixture
def lab(running_lab: Lab) -> Iterator[Lab]:
    """Yield the healed lab, to be broken by one test."""
    yield running_lab
    try:
        running_lab.heal()
    except (OSError, RuntimeError):
        running_lab.down()  # a test that wrecked it must not fail the next one
        running_lab.up()


@pytest.fixture(scope="session")
def witnesses() -> dict[str, Witness]:
    """Return what was said about each break in this run."""
    return {}


@pytest.fixture
def witness(lab: Lab, witnesses: dict[str, Witness]) -> Callable[[Break], Witness]:
    """Return a function that gives the words of an applied break, got once in a run.

    Some breaks make dockerd wait for 20 seconds; the second test to ask need not.
    """
    return lambda fault: _words(lab, fault, witnesses)


@pytest.fixture(scope="class")
def broken_lab(running_lab: Lab, fault: Break) -> Iterator[Lab]:
    """Yield the lab with `fault`, a parameter of the class, applied once for its tests; healed, it must pull."""
    if reason := fault.missing():
        pytest.skip(reason)
    try:
        fault.apply(running_lab)
        yield running_lab
        running_lab.heal()
        ok, text = running_lab.pull()
        assert ok, f"healed of {fault.id}, it pulls nothing: {text}"
    except BaseException:
        running_lab.down()
        running_lab.up()
        raise


@pytest.fixture(scope="class")
def said(broken_lab: Lab, fault: Break, witnesses: dict[str, Witness]) -> Witness:
    """Return the words of the class's break."""
    return _words(broken_lab, fault, witnesses)


def _words(lab: Lab, fault: Break, witnesses: dict[str, Witness]) -> Witness:
    if fault.id not in witnesses:
        witnesses[fault.id] = fault.witness(lab)
    return witnesses[fault.id]
