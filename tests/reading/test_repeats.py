"""Lines that are counted instead of read: only those whose likes mean the same."""

import re

import pytest

from kdoctor.reading.repeats import Likes, Repeats
from kdoctor.rules.book import Book, open_book
from kdoctor.rules.match import match
from kdoctor.rules.scan import telling

HEAD = "2026-11-26T10:00:00Z node containerd[1]: "
NUMBER = re.compile(r"(?<![A-Za-z0-9%])[A-Za-z]*\d+[A-Za-z0-9]*")


def ids(book: Book, line: str) -> list[str]:
    return sorted(candidate.rule.id for candidate in match(book, line))


def mark(repeats: Repeats, line: str) -> bytes:
    return repeats.of(line.encode(), 0, len(line.encode()))[0]


def test_a_number_that_changes_what_a_line_says_is_no_variable_part() -> None:
    book = open_book()
    repeats = Repeats(telling=telling(book))
    tried = 0
    for rule_id in book.ids:
        for line in [HEAD + one.text.strip() for one in book.rule(rule_id).examples.positive[:2]]:
            if "\n" in line:
                continue
            said = ids(book, line)
            for found in list(NUMBER.finditer(line, len(HEAD)))[:12]:
                other = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), found[0])
                changed = line[: found.start()] + other + line[found.end() :]
                tried += 1
                if mark(repeats, changed) == mark(repeats, line):
                    assert ids(book, changed) == said, changed
    assert tried > 300


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10:00:22 pod web-122-5 (uid 0a1b2c) took 12.443s", "11:53:40 pod web-407-6 (uid 77ff00) took 3.127s"),
        ("dial tcp 10.244.3.17:8080", "dial tcp 10.244.9.44:8080"),
        ("2026-11-26T10:11:12.443Z 53 bytes of 123456", "2026-11-26T11:52:13.503Z 53 bytes of 9912"),
    ],
)
def test_times_names_and_addresses_are_variable(one: str, other: str) -> None:
    repeats = Repeats(telling=telling(open_book()))
    assert mark(repeats, HEAD + one) == mark(repeats, HEAD + other)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("status 404 after 730 ms", "status 404 after 912 ms", True),
        ("status 404 after 730 ms", "status 503 after 730 ms", False),
        ("status 404 after 730 ms", "status 730 after 404 ms", False),
        ("pod web-1204 at 10:11:12", "pod web-9377 at 23:59:58", True),
        ("pod web-1204", "pod web-937", False),
        ("IPv4 forwarding", "IPV4 forwarding", False),
        ("IPv4 forwarding is off", "IPv6 forwarding is off", False),
    ],
)
def test_texts_are_alike_where_the_same_stands_at_the_same_places(one: str, other: str, alike: bool) -> None:
    likes = Likes(telling(open_book()))
    assert (likes.key(one.encode()) == likes.key(other.encode())) is alike
