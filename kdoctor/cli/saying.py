"""What the commands that change something say on the way: pages, sentences, and progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable

from kdoctor.cli.shared import Shared, page_of
from kdoctor.report.fixwords import fix_sentence


def say(options: Shared, key: str, **values: str | int) -> None:
    """Print one of the sentences of report.fixwords."""
    page = page_of(options)
    page.text(clean(fix_sentence(options.lang, key, **values)))
    options.print_page(page)


def teller(options: Shared) -> Callable[[str], None]:
    """Return what tells on standard error what is done now."""

    def tell(sentence: str) -> None:
        if not options.quiet:
            print(f"kdoctor: {clean(sentence)}", file=sys.stderr, flush=True)

    return tell


def clean(text: str) -> str:
    """Return a text on one line, secrets masked, without control characters."""
    from kdoctor.masking import mask
    from kdoctor.report.safety import one_line

    return one_line(mask(text))
