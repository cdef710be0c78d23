"""`kdoctor platforms` and `kdoctor settings`."""

from __future__ import annotations

from kdoctor.cli.shared import Shared

SECONDS = 10.0


def platforms(options: Shared) -> int:
    """Print what is installed here; always 0: there is no wrong answer."""
    from kdoctor.run import inventory
    from kdoctor.run.situation import run

    return options.deliver(run(inventory.platforms(options.lang, options.timeout or SECONDS)))


def settings(options: Shared) -> int:
    """Print every puller's settings; always 0: they are shown, not judged."""
    from kdoctor.run import inventory
    from kdoctor.run.situation import run

    return options.deliver(run(inventory.settings(options.lang, options.timeout or SECONDS)))
