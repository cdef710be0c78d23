"""A text as it was meant: without colours, escapes, quoting and the console's line breaks.

Nothing is thrown away that a pattern could need; each line keeps its number in the person's text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kdoctor.errors import UsageError

_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,40}[ -/]{0,10}[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)|[@-Z\\^_()][0-9A-B]?)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_QUOTING = re.compile(r"^\s{0,8}(?:(?:[>|│┃]|#(?![0-9])|//(?=\s))\s{0,4}){1,6}")
_COMMENT = re.compile(
    r"[ \t]{0,8}(?:#|//)[ \t]{1,4}(?!\s{0,20}(?:error\b|warning\b|fatal\b|e[0-9]{4} |(?:time|level|msg)=))",
    re.IGNORECASE,
)
"""A comment's sign and no heading's; behind it is prose, not a message that begins with its level."""

_ESCAPED_QUOTE = re.compile(r"\\{1,8}([\"'])")
_ESCAPED_BREAK = re.compile(r"\\{1,8}(?:r\\{1,8})?n")
_ESCAPED_TAB = re.compile(r"\\{1,8}t(?=[^a-z]|\[)")
_ESCAPED_BYTE = re.compile(r"\\{2,8}(?=x[0-9a-f]{2})")
_ESCAPED_SIGN = re.compile(r"\\u00(22|26|27|3[ce])", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:(quot|apos|lt|gt|amp|nbsp)|#(\d{2,3})|#[xX]([0-9a-fA-F]{2}));")
_SIGNS = {"quot": '"', "apos": "'", "lt": "<", "gt": ">", "amp": "&", "nbsp": " "}
# A line that has nothing to be cleaned: no quoting, escapes, control characters, entities, links or emphasis
_BARE = re.compile(r"[ \t]{0,80}[\w\"'(\[{:.=+-][\t !-%'-)+-;=-\[\]-~]{0,500}", re.ASCII)
_BOLD = re.compile(r"(?<![\w*])\*\*(?=[^\s*])([^*]{1,120}[^\s*])\*\*(?!\*)")  # Markdown's emphasis in a pasted text
_LINK = re.compile(r"\[(https?://[^\]\s]{1,900})\]\(https?://[^)\s]{1,900}\)")  # a URL that Markdown links to itself
_AUTOLINK = re.compile(r"<(https?://[^\s<>]{1,900})>")
_TYPOGRAPHIC = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "\u00a0": " ", "：": ": "}
)
_WIDEST_LINE = 100_000
_LONG_LINE = 600
_SIGN = r"[\w./:@-]"
_SHORTEST_RUN = 300
_RUN = re.compile(rf"(?<!{_SIGN}){_SIGN}{{600,}}|([^\w\s])\1{{{_SHORTEST_RUN - 1},}}|(?<![^\w\s])[^\w\s]{{600,}}")
"""What no message has and every pattern would try at each sign: no name, image or path is as long."""

_ENDS = 260


# What CI systems and tools put before every line; it says nothing of the failure.
_STAMPED = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z(?: |$)"  # GitHub Actions
    r"|#\d{1,4} \d{1,5}\.\d{1,4} "  # buildkit
    r"|[a-zA-Z0-9][\w.-]{0,60}[-_]\d{1,3} {1,30}\| "  # a compose service
)
_COMMAND = re.compile(
    r"##\[(?:error|warning|debug|command)\]|::(?:error|warning)(?: [^:\n]{0,200})?::"
)  # GitHub's, Azure's
_BAR = re.compile(r"[a-zA-Z0-9][\w.-]{0,60} {1,30}\| ")
_POWERSHELL = re.compile(r"^[\w.-]{1,40} : (?!The term )")
# What a PowerShell without a console writes to standard error ([MS-PSRP], CLIXML): a console's lines, each in a tag
_CLIXML_NEXT = re.compile(r"_x000D__x000A_</S><S S=\"\w{1,20}\">(?=At |\+ | {4}\+ |\w[\w.-]{0,40} : )")
_NEXT = "\x1e"
_CLIXML_BREAK = re.compile(r"_x000D__x000A_(?:</S><S S=\"\w{1,20}\">)?")
_CLIXML = re.compile(
    r"#< CLIXML|<Obj S=\"progress\"[^\n]{0,2000}?</Obj>"
    r"|</?(?:Objs|Obj|S|TN|T|MS|LST|I32|I64|B|PR|AV|AI|Nil|PI|PC|SR|SD|ToString)(?: [^<>]{0,200})?/?>"
)
_YAML_QUOTED = re.compile(r"( {0,80}(?:- )?[a-zA-Z]\w{0,40}: )'((?:[^']|''){1,4000})'$")
_YAML_FOLD = re.compile(r"(?P<indent> {2,80})(?:- )?[a-zA-Z]\w{0,40}: '(?:[^']|''){10,400}$")


class Line(NamedTuple):
    """A cleaned line; several may share a number where one line held escaped line breaks.

    `width` is how wide the line was before cleaning, 0 where it did not end there; `blank` tells
    that it ended with one; `mark` is the comment's sign (`# `, `// `) that stood before it.
    """

    number: int
    text: str
    width: int = 0
    blank: bool = False
    mark: str = ""


def decode(data: bytes) -> str:
    """Return the text of `data`: UTF-8, UTF-16 and UTF-32 as PowerShell writes them, or a code page as cmd does.

    Raises:
        UsageError: it is not text.
    """
    return data.decode(encoding_of(data), "replace")


def encoding_of(data: bytes) -> str:
    """Return Python's name of the encoding in which a text begins.

    UTF-16 is told by its byte order mark, or where every other byte of the beginning is NUL. Runs of NUL
    are none: a log that was cut while its writer had it open begins with a hole.

    Raises:
        UsageError: it is not text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if data.startswith(b"LPKSHHRH"):
        raise UsageError(
            "this is a journal of systemd's, not text; use kdoctor explain --unit NAME, "
            "or journalctl --file FILE | kdoctor explain -"
        )
    head = data.lstrip(b"\0")[:_HEAD] if data[:1] == b"\0" and data[1:2] == b"\0" else data[:_HEAD]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if even + odd > len(head) // 5 and min(even, odd) * 8 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    said = head.replace(b"\0", b"")
    odd_signs = len(said) - len(said.translate(None, _UNUSUAL))
    if odd_signs > max(4, len(said) // 10) or (even + odd) * 2 > max(len(head), 1):
        raise UsageError("this is not text (it is binary); give the error text itself")
    return "utf-8" if data.isascii() else _eight_bits(data[:_SAMPLE].replace(b"\0", b""))


def _eight_bits(data: bytes) -> str:
    """Return `utf-8`, or a code page of Windows where more signs are none of UTF-8 than are."""
    sample = data.decode("utf-8", "replace")
    wrong = sample.count("\ufffd")
    if not wrong or wrong < sum(sign > "\x7f" for sign in sample) - wrong:
        return "utf-8"
    from kdoctor.reading.codepages import code_page

    found = code_page(data)
    if found is None:
        raise UsageError("this is not text (it is binary); give the error text itself")
    return found


_HEAD = 8192
_SAMPLE = 256 * 1024
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8"),
)
_UNUSUAL = bytes({*range(32), 127} - {7, 8, 9, 10, 11, 12, 13, 27})


def clean(text: str, first: int = 1) -> list[Line]:
    """Return the cleaned lines of a text, empty ones left out; `first` is the first line's number."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "</S>" in text:
        text = _CLIXML.sub("", _CLIXML_BREAK.sub("", _CLIXML_NEXT.sub(_NEXT, text)))
    lines: list[Line] = []
    raw = _dedented(text.split("\n"))
    bare = _unstamped(raw, "FullyQualifiedErrorId" in text)
    known: dict[str, tuple[tuple[str, ...], str, int]] = {}
    for number, (line, whole) in enumerate(zip(bare, raw, strict=True), first):
        if line not in known:
            known[line] = _cleaned(line)
        parts, mark, quoted = known[line]
        if not parts:
            continue
        lines += [Line(number, part, mark=mark) for part in parts[:-1] if part.strip()]
        if parts[-1].strip():
            lines.append(Line(number, parts[-1], len(whole) - quoted, whole.endswith(" "), mark))
    if ": \\\n" in text:
        lines = _continued(lines)
    return _unfolded(lines) if ": '" in text else lines


def _cleaned(line: str) -> tuple[tuple[str, ...], str, int]:
    """Return a line's parts without what hides a message, a comment's sign before it, how long its quoting is."""
    if not line or line.isspace():
        return (), "", 0
    if _BARE.fullmatch(line) and "](" not in line:
        return (line.rstrip(),), "", 0
    quoting = _QUOTING.match(line)
    mark = quoting[0] if quoting and _COMMENT.match(line) else ""
    parts = [part for one in line[:_WIDEST_LINE].split(_NEXT) for part in _plain(one)]
    return tuple(parts), mark, quoting.end() if quoting else 0


def _continued(lines: list[Line]) -> list[Line]:
    """Return the lines with a message made one where its author broke it behind a colon with a backslash."""
    out: list[Line] = []
    for line in lines:
        if out and out[-1].text.endswith(": \\") and len(out[-1].text) < _LONG_LINE:
            out[-1] = Line(out[-1].number, out[-1].text[:-1] + line.text.lstrip())
        else:
            out.append(line)
    return out


def _dedented(lines: list[str]) -> list[str]:
    """Return the lines without what stands before every one of them: quoting, a service's bar, indentation."""
    for _ in range(_MOST_COMMON):
        full = [line for line in lines if line and not line.isspace()]
        common = next((end for mark in _COMMON if (end := _common(mark, full))), 0)
        if not common:
            return lines
        lines = [line[common:] for line in lines]
    return lines


def _common(mark: re.Pattern[str], full: list[str]) -> int:
    """Return how long the mark is that stands before all lines, 0 where one has it not or wider."""
    first = mark.match(full[0]) if len(full) > (mark is not _INDENT) else None
    if first is None or (mark is _INDENT and len(full[0]) in _WIDTHS and len(full[0]) == max(map(len, full))):
        return 0  # of a line that a console broke, the rest may begin with a blank that stands between words
    shortest = first.end()
    for line in full:
        found = mark.match(line)
        if found is None or (mark is not _INDENT and found.end() != shortest):
            return 0
        shortest = min(shortest, found.end())
    return shortest


_INDENT = re.compile(r"[ \t]+")
_COMMON = (_BAR, re.compile(r"> ?"), _INDENT)
_MOST_COMMON = 4


def _unstamped(lines: list[str], powershell: bool) -> list[str]:
    """Return the lines without the stamp of a CI system or tool, and PowerShell's name of the failed command."""
    lines = [line[found.end() :] if (found := _STAMPED.match(line)) else line for line in lines]
    lines = [_COMMAND.sub("", line, count=1) if line.startswith(("##[", "::")) else line for line in lines]
    if powershell:
        return [_POWERSHELL.sub("", line, count=1) for line in lines]
    return lines


def _unfolded(lines: list[Line]) -> list[Line]:
    """Return the lines with YAML's folded scalars in single quotes (a long `message: '...'`) made one line each."""
    out: list[Line] = []
    i = 0
    while i < len(lines):
        line = lines[i]
        i += 1
        found = _YAML_FOLD.match(line.text)
        if found is None:
            quoted = _YAML_QUOTED.match(line.text)
            out.append(line._replace(text=quoted[1] + quoted[2].replace("''", "'")) if quoted else line)
            continue
        parts = [line.text]
        while i < len(lines) and len(parts) < _MOST_FOLDS and lines[i].text.startswith(found["indent"] + "  "):
            parts.append(lines[i].text.strip())
            i += 1
            if parts[-1].endswith("'") and not parts[-1].endswith("''"):
                break
        out.append(Line(line.number, " ".join(parts).replace("''", "'")))
    return out


_MOST_FOLDS = 60


def _plain(line: str) -> list[str]:
    if not line.isascii():
        line = line.translate(_TYPOGRAPHIC)
    line = _QUOTING.sub("", _CONTROL.sub("", line)).rstrip()
    if "&" in line:
        line = _ENTITY.sub(_sign, _ENTITY.sub(_sign, line))  # some escape twice
    if "**" in line:
        line = _BOLD.sub(r"\1", line)
    if "](http" in line:
        line = _LINK.sub(r"\1", line)
    if "<http" in line:
        line = _AUTOLINK.sub(r"\1", line)
    if len(line) >= _SHORTEST_RUN and max(map(len, line.split()), default=0) >= _SHORTEST_RUN:
        line = _RUN.sub(lambda found: f"{found[0][:_ENDS]} ... {found[0][-_ENDS:]}", line)
    if "\\" not in line:
        return [line]
    escaped = '\\"' in line or line.lstrip()[:1] in "{[" or '="' in line or '": "' in line
    line = _ESCAPED_SIGN.sub(lambda found: chr(int(found[1], 16)), line)
    line = _ESCAPED_BYTE.sub(r"\\", _ESCAPED_QUOTE.sub(r"\1", line))
    if not escaped:
        return [line]
    return _ESCAPED_BREAK.sub("\n", _ESCAPED_TAB.sub(" ", line)).split("\n")


def _sign(found: re.Match[str]) -> str:
    """Return the sign that an HTML entity stands for; of numbers only those of printed ASCII."""
    if found[1]:
        return _SIGNS[found[1]]
    number = int(found[2]) if found[2] else int(found[3], 16)
    return chr(number) if 32 <= number < 127 else found[0]


def lowered(text: str) -> str:
    """Return a text in lower case and as long as before: a Turkish dotted capital I is two characters otherwise."""
    return text.replace("\u0130", "I").lower()


def unwrap(lines: list[Line]) -> str | None:
    """Return the lines with a console's line breaks undone, or None where none are seen.

    A console breaks in the middle of a word at its width: the broken lines are equally long and
    the longest. Such a line is joined with the next without a blank.
    """
    full = broken(lines)
    if not full:
        return None
    parts = []
    for i, line in enumerate(lines):
        parts.append(line.text)
        if i not in full:
            parts.append("\n")
        elif line.blank:
            parts.append(" ")
    return _ESCAPED_QUOTE.sub(r"\1", "".join(parts))


def broken(lines: list[Line], *, certain: bool = False) -> frozenset[int]:
    """Return the places of the lines that a console broke: equally wide, and the widest but for the last.

    A single one is none before a sentence, and at an unusual width only inside an address `certain`.
    """
    width = max((line.width for line in lines), default=0)
    full = [i for i, line in enumerate(lines[:-1]) if line.width == width]
    if width >= 40 and len(full) > 1:
        return frozenset(full)
    full = [i for i in full if not _SENTENCE.search(_beside(lines, i))]
    if width in _WIDTHS:
        return frozenset(full)
    inside = _IN_WORD if width >= 40 and not certain else _IN_ADDRESS
    return frozenset(i for i in full if inside.search(_beside(lines, i)))


def _beside(lines: list[Line], i: int) -> str:
    """Return what stands before and behind the end of a line."""
    return f"{lines[i].text[-8:]}{' ' * lines[i].blank}\n{lines[i + 1].text[:12]}"


_IN_ADDRESS = re.compile(r"\d[.:]?\d{0,4}\n\d{1,5}: |\d\n:\d{1,5}: ")
"""A break in an address, whatever the width."""

_IN_WORD = re.compile(r"[a-zA-Z0-9.:/]\n[a-z0-9.:/]")
"""A break that may be inside a word."""

_SENTENCE = re.compile(r"[a-zA-Z0-9]\n[A-Z][a-z]+ ")
"""A line that begins with a word of its own."""

_WIDTHS = frozenset({72, 76, 78, 79, 80, 90, 99, 100, 119, 120, 132, 140, 150, 160, 180, 200})
