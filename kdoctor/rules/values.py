"""What a fact of each type may look like before it becomes part of a command or a file.

A text is untrusted: what stands where an image or a proxy would stand need not be one. A value that
does not have its type's form is not put into a fix at all (DESIGN.md, section 7).
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping

_LONGEST = 1000
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL}){{0,126}}\.?"
_IPV4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_IPV6 = r"[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]{1,20})?"
_HOST = rf"(?:{_NAME}|\[{_IPV6}\])"
_PORT = r"[0-9]{1,5}"
_PLAIN_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,200}"
# RFC 3986's signs but for the quotes, `$`, `;`, `(`, `)`, `*` and the `@` of a userinfo.
_URL = rf"[A-Za-z][A-Za-z0-9+.-]{{0,20}}://{_HOST}(?::{_PORT})?(?:[/?#][A-Za-z0-9\-._~:/?#@!&+,=%\[\]]{{0,800}})?"

_FORMS: Mapping[str, str] = {
    "registry": rf"{_HOST}(?::{_PORT})?",
    # distribution/reference: the characters of names, tags and digests. Old engines print capitals, too.
    "image": r"[A-Za-z0-9](?:[A-Za-z0-9._/:@+-]{0,500}[A-Za-z0-9_])?",
    "proxy": rf"(?:[A-Za-z][A-Za-z0-9+.-]{{0,20}}://)?{_HOST}(?::{_PORT})?/?",
    "resolver": rf"(?:{_IPV4}|\[{_IPV6}\]|{_NAME})(?:[:#]{_PORT})?|{_IPV6}(?:#{_PORT})?",
    "host": rf"{_HOST}|{_IPV6}",
    "address": rf"{_HOST}?:{_PORT}|{_HOST}|{_IPV6}",
    "port": _PORT,
    "status": r"[1-9][0-9]{2}",
    "url": _URL,
    "urls": rf"{_URL}(?:, {_URL})*",
    "platform": r"[A-Za-z0-9_]{1,30}(?:/[A-Za-z0-9_.:-]{1,40}){0,3}",
    "socket": r"[A-Za-z0-9_./\\~][A-Za-z0-9_./:\\+@%~\[\]-]{0,300}",
    "engine": _PLAIN_NAME,
    "tool": r"[A-Za-z0-9_./\\:~][A-Za-z0-9_./\\:+@~-]{0,300}",
    "profile": _PLAIN_NAME,
    "driver": _PLAIN_NAME,
    "cluster": _PLAIN_NAME,
}
"""Forms of the types that have one; paths and other texts are any printable line."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,-]*")


def fits(type_: str, value: str) -> bool:
    """Tell whether a value has the form of its type (one of `kdoctor.probes.kinds.FACT_TYPES`)."""
    if not value or len(value) > _LONGEST or not is_printable(value):
        return False
    if type_ in _FORMS:
        return _compiled(type_).fullmatch(value) is not None
    return type_ != "path" or not value.startswith("-")


@functools.cache
def _compiled(type_: str) -> re.Pattern[str]:
    """Compile when first needed: a text has facts of few types."""
    return re.compile(_FORMS[type_])


def is_printable(value: str) -> bool:
    """Tell whether a value is a single line without control, format (bidi) or unassigned characters."""
    return not any(unicodedata.category(sign)[0] == "C" or sign in "\u2028\u2029" for sign in value)


def is_plain(value: str) -> bool:
    """Tell whether no shell, sed or other language reads more than the text itself in a value."""
    return _PLAIN.fullmatch(value) is not None
