"""A share of the random and mutated texts of `tests/benchmarks/fuzz.py`, small enough for every run."""

from tests.benchmarks.fuzz import run


def test_no_text_crashes_or_takes_long() -> None:
    """Two hundred texts of another seed than the benchmark's own."""
    outcome = run(200, seed=7)
    assert outcome.crashes == ()
    assert outcome.slow == ()
