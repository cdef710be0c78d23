"""Random and mutated texts through `explain`'s reading: no crash, and none slower than a second per megabyte.

    python -m tests.benchmarks.fuzz [COUNT] [SEED]

Half of the texts are positive examples of the rules with parts cut, doubled, swapped, joined and
damaged; the other half is made of words of the patterns, bytes, brackets, escapes and long runs.
Then one megabyte each of what readers of logs stumble over: one sign, escapes in escapes, colours, a line
without end, a failure on every line. Prints the count, the slowest text relative to its size, and exits with 1
where something went wrong. Times are those of the processor, which a loaded machine makes longer, too.
"""

from __future__ import annotations

import base64
import gc
import itertools
import json
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kdoctor.errors import UsageError
from kdoctor.reading.clean import decode
from kdoctor.rules.book import Book, shipped_folder
from kdoctor.rules.compiling import as_book
from kdoctor.rules.load import read_folder
from kdoctor.rules.match import match

SLOWEST = 1.0
"""Seconds per megabyte that a text may take."""
LEAST = 0.25
"""Seconds that any text may take, however short: the first of a pattern is compiled meanwhile."""
Mutation = Callable[[random.Random, str, Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found: how many texts, the slowest in seconds per allowed second, and what failed."""

    count: int
    megabytes: float
    slowest: float
    crashes: tuple[str, ...]
    slow: tuple[str, ...]


def _cut(rng: random.Random, text: str, _: Sequence[str]) -> str:
    a, b = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    return text[:a] + text[b:]


def _doubled(rng: random.Random, text: str, _: Sequence[str]) -> str:
    a, b = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    return text[:b] + text[a:b] * rng.choice((1, 1, 2, 2, 5, 400) if b - a < 500 else (1, 2, 5)) + text[b:]


def _damaged(rng: random.Random, text: str, _: Sequence[str]) -> str:
    signs = list(text)
    for _number in range(rng.randrange(1, 20)):
        signs[rng.randrange(len(signs))] = chr(
            rng.choice((0, 7, 10, 13, 27, 34, 92, 0x202E, 0xFFFD, 0x1F40B, rng.randrange(0xD800)))
        )
    return "".join(signs)


def _joined(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    return rng.choice(("\n", " ", ": ", "")).join([text, *rng.sample(texts, rng.randrange(1, 6))])


def _spread(rng: random.Random, text: str, _: Sequence[str]) -> str:
    return text.replace(" ", rng.choice(("  ", "\n", " " * 90, "\t", "\u00a0", "\\n")))


def _escaped(rng: random.Random, text: str, _: Sequence[str]) -> str:
    return text.replace('"', "\\" * rng.choice((1, 2, 3, 9)) + '"')


def _long(rng: random.Random, text: str, _: Sequence[str]) -> str:
    """One very long line around the text: what backtracking patterns suffer from."""
    return (
        rng.choice(("a", "/", "1.", ": ", '"', "x509: ", "dial tcp ", "https://", "[", "lookup "))
        * rng.choice((100, 300, 1000, 20_000))
        + text
    )


_MUTATIONS: tuple[Mutation, ...] = (_cut, _doubled, _damaged, _joined, _spread, _escaped, _long)

_LIGHT: tuple[Mutation, ...] = (_cut, _damaged, _joined, _escaped)


def mutated(rng: random.Random, texts: Sequence[str]) -> str:
    """Return a known text with one to four mutations."""
    text = rng.choice(texts)
    for _ in range(rng.randrange(1, 5)):
        text = rng.choice(_MUTATIONS if rng.random() < 0.3 else _LIGHT)(rng, text or " ", texts)[:200_000]
    return text


def scrambled(rng: random.Random, words: Sequence[str]) -> str:
    """Return words of the patterns, addresses, escapes and noise in any order."""
    noise = (
        "\n",
        "\x1b[31m",
        "\x1b]8;;",
        "\\n",
        '\\"',
        "{",
        "}",
        "[",
        "'",
        "> ",
        "10.0.0.1:443",
        "https://a.example/v2/",
        "\t",
        "|",
        "#12 0.3 ",
    )
    return "".join(
        rng.choice(words if rng.random() < 0.6 else noise) + rng.choice((" ", "", "\n", ": "))
        for _ in range(rng.randrange(1, 120))
    )


def noise(rng: random.Random, _: Sequence[str]) -> str:
    """Return what random bytes read as."""
    try:
        return decode(rng.randbytes(rng.randrange(1, 4000)).replace(b"\0", b" "))
    except UsageError:
        return ""


def texts(book: Book, examples: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """Yield `count` texts, the same for the same seed."""
    rng = random.Random(seed)
    words = sorted(set(book.literals) | {word for one in examples for word in one.split()[:40]})
    for i in range(count):
        yield mutated(rng, examples) if i % 2 else scrambled(rng, words) if i % 8 else noise(rng, words)


_FAILURE = 'Get "https://reg.example.com/v2/": dial tcp: lookup reg.example.com on 10.0.0.53:53: no such host'


def extremes(size: int = 1_000_000) -> Iterator[str]:
    """Yield texts of about `size` characters, each of one kind that costs a careless reader most."""
    rng = random.Random(1)
    for sign in ("a", '"', "\\", " ", "/", "1.", ": ", "\n", "\x1b[31m", "\\n", '\\"', "&quot;", "dial tcp ", "é"):
        yield sign * (size // len(sign))
        line = sign * (900 // len(sign))
        yield "\n".join(f"{line}{_FAILURE} {i}" for i in range(size // 1000))
    nested = _FAILURE
    while len(nested) < size // 2:
        nested = json.dumps({"msg": nested})
    yield nested
    yield "".join(f"\x1b[38;5;{i % 256}m{sign}\x1b[0m" for i, sign in enumerate(_FAILURE * (size // 1500)))
    yield base64.b64encode(rng.randbytes(size * 3 // 4)).decode()
    yield "".join(chr(rng.choice((rng.randrange(32, 0xD7FF), rng.randrange(0xE000, 0x10FFFF)))) for _ in range(size))
    yield f"{_FAILURE}\n" * (size // 100)
    yield "\n".join(f"2026-03-01T09:12:{i % 60:02}.{i:06}Z {_FAILURE}" for i in range(size // 130))
    yield "\n".join(
        f"dial tcp: lookup h{i}.example.com on 10.0.0.{i % 256}:53: no such host" for i in range(size // 70)
    )
    yield "\n".join(
        f'2026-03-01T09:12:05Z Failed to pull image "reg.example.com/a/b{i}:v{i}": not found' for i in range(size // 85)
    )


def run(count: int, seed: int = 1, *, large: bool = False) -> Outcome:
    """Read `count` texts, with `large` the extremes, too, and time each."""
    folder = read_folder(shipped_folder())
    book = as_book(folder)
    examples = [example.text for rule in folder.rules.values() for example in rule.examples.positive]
    match(book, "\n".join(examples))  # compiles the patterns
    gc.collect()
    gc.freeze()  # the command, too, looks for no garbage among its rules: a look would take a tenth of a second
    crashes: list[str] = []
    slow: list[str] = []
    slowest, size = 0.0, 0
    for text in itertools.chain(extremes() if large else (), texts(book, examples, count, seed)):
        size += len(text)
        began = time.process_time()
        try:
            match(book, text)
        except Exception:  # noqa: BLE001  any crash is a finding
            crashes.append(f"{traceback.format_exc(limit=-3)}\n{text[:500]!r}")
            continue
        seconds = time.process_time() - began
        allowed = max(LEAST, SLOWEST * len(text) / 1e6)
        slowest = max(slowest, seconds / allowed)
        if seconds > allowed:
            slow.append(f"{seconds:.3f} s for {len(text)} characters: {text[:300]!r}")
    return Outcome(count, size / 1e6, slowest, tuple(crashes), tuple(slow))


def main() -> int:
    """Print the figures."""
    count, seed = (int(sys.argv[i]) if len(sys.argv) > i else number for i, number in ((1, 100_000), (2, 1)))
    outcome = run(count, seed, large=True)
    print(f"{outcome.count} texts, {outcome.megabytes:.1f} MB; the slowest took {outcome.slowest:.0%} of its time")
    for failure in (*outcome.crashes[:10], *outcome.slow[:10]):
        print(failure)
    print(f"{len(outcome.crashes)} crashes, {len(outcome.slow)} too slow")
    return 1 if outcome.crashes or outcome.slow else 0


if __name__ == "__main__":
    sys.exit(main())
