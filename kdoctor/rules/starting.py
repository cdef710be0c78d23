"""A pattern from one text: its variable parts become facts and fragments, its envelope is dropped.

Pure. `kdoctor.rules.drafting` makes a rule file of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kdoctor.errors import UsageError
from kdoctor.masking import MASK
from kdoctor.reading import extract
from kdoctor.reading.clean import clean
from kdoctor.rules.patterns import compiled, expand

_LONGEST = 600
_FEWEST_WORDS, _FEWEST_LETTERS = 2, 12
_COMPLAINT = re.compile(
    r"error|fail|fatal|panic|invalid|illegal|denied|refused|reject|forbidden|unauthori[sz]ed|unreachable|unavailable"
    r"|unable|cannot|can't|could ?n[o']t|not (?:found|supported|allowed|permitted|ready)|no such|missing|timed? ?out"
    r"|exceed|abort|crash|killed|broken|corrupt|gave up|declin|expired|exhaust|(?-i:\bE[A-Z]{4,}\b)",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"HTTP/[\d.]{1,3} [1-5]|(?:\S{0,80}[#$%>] )?(?:[A-Za-z_]\w{0,60}=\S+ )*(?:sudo )?"
    r"(?:docker|podman|nerdctl|crictl|ctr|skopeo|kubectl|kubeadm|helm|minikube|kind|k3[sd]|make|curl|wget|ssh|systemctl"
    r"|journalctl|ansible\S{0,20}|terraform|git|npm|echo|export) [\w./-]+(?: |$)"
)
"""What was typed, or an answer's head; the failure's words follow it."""
_POWERSHELL = re.compile(
    r"\s*(?:\+ |At (?:line|[A-Z]:\\[^\n]{1,200}):\d+ char:\d+|CategoryInfo\s+: |FullyQualifiedErrorId : )"
)
"""What PowerShell prints around a program's message."""
_WIDE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_WIDE}]{{2,}}|[^\W\d_{_WIDE}]{{3,}}")
_WIDE_LETTER = re.compile(rf"[{_WIDE}]")
_ENVELOPES = (
    r"(?:\d+\s+)?\[?\d{4}[-/]\d\d[-/]\d\d[T _]\d\d:\d\d(?::\d\d)?[\d.,]*(?:Z|[+-]\d\d:?\d\d)?\]?",  # ISO 8601
    r"[A-Z][a-z]{2} {1,2}\d{1,2} [\d:]{8} [\w.-]+ [\w./@-]+(?:\[\d+\])?:",  # syslog, journald
    r"[IWEF]\d{4} [\d:.]{8,20}\s+\d+ [\w./-]+:\d+\]",  # klog
    r"time=\"?[^\s\"]+\"? level=\w+",  # logrus
    # events of Kubernetes, in `kubectl get events` and described
    r"[\d.]+[smhd]\w*(?: \(x\d+ over [\w.]+\))?\s+(?:Warning|Normal)\s+[A-Z]\w+\s+[a-z.]+/[\w.-]+\s+",
    r"(?:Warning|Normal)\s+[A-Z]\w+\s+(?:[\d.]+[smhd]\w*|<\w+>)(?: \(x\d+ over [\w.]+\))?\s+[\w.,-]+(?:\s\s+)?",
    r"\[(?:ERROR|WARN|WARNING|INFO|FATAL|DEBUG|TRACE)\]:?(?=\s)|(?:ERROR|WARN|WARNING|INFO|FATAL|DEBUG|TRACE):?(?=\s)",
    r"[\w.-]{1,60}\s+\|",  # compose
    r"#\d+ (?:\[[^\]]{1,60}\] )?(?:[\d.]+ )?",  # buildkit
    r"[^\w\s\"'\[(/<{$.-]+(?=\s)|[X!*](?=\s)",  # minikube's signs
)
_ENVELOPE = re.compile(rf"\s*(?:{'|'.join(_ENVELOPES)})\s*")
_MESSAGE = re.compile(r"^.{0,200}?\b(?:msg|message|err|error)=\"(?P<v>.{3,}?)\"(?:\s+[\w.-]+=.*)?$")
_JSON_KEYS = ("msg", "message", "log", "error", "err")

_IPV4 = r"\d{1,3}(?:\.\d{1,3}){3}"
_NAME = r"[a-zA-Z0-9](?:[\w-]*[a-zA-Z0-9])?"
_DOTTED = rf"{_NAME}(?:\.{_NAME})+"
_IPV6 = r"\[[0-9a-fA-F:.%a-z]{2,60}\]"
_URL = r"https?://[^\s\"'<>|`)\]}]{1,400}?(?=[.,:;]?(?:[\s\"'<>|`)\]}]|$))"
_FILE = (
    r"(?:go|py|yaml|yml|json|toml|conf|log|sh|js|ts|java|rs|md|txt|service|exe|dll|xml|crt|pem|key|gz|zip|iso|sock"
    r"|rb|mount|scope|slice|target)"
)


_FIXED = (
    r"x509|ipv[46]|inet6|k8s|k3s|k3d|k0s|rke2|http2|h2c?|utf-?(?:8|16)|sha-?\d+|md5|base64|amd64|arm64|arm-?v\d|aarch64"
    r"|x86(?:_64)?|i[3-6]86|s390x|ppc64le|tls1|oauth2|s3|cgroups?-?v?[12]|ext[234]|overlay2|v\d+(?:alpha\d+|beta\d+)?"
    r"|pkcs\d+|p256|ed25519|socks[45]h?|[a-z]+32|[a-z]+64|iptables\d|e2e|i18n|2nd|1st|3rd|\dth"
)
"""Words with digits that are terms, not names of this machine's."""


_MIXED = (
    rf"(?<![\w./:@%=-])(?P<v>(?!(?:{_FIXED})\b)(?=[a-z_-]*[0-9])(?=[0-9_-]*[a-z])[a-z0-9]+(?:[_-][a-z0-9]+)*)"
    r"(?![\w./=-]|:\S)"
)
_MIXED_REGEX = "[a-z0-9][a-z0-9_-]{0,400}"
_ANY = r"[^\s\"']{1,400}"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of variable part: where it stands (`v`), what the pattern says there, and which fact it is."""

    finder: str
    regex: str
    fact: str = ""
    type: str = ""


_KINDS: tuple[_Kind, ...] = (
    _Kind(rf"proxyconnect tcp: dial tcp (?P<v>(?:{_IPV6}|[\w.-]+):\d{{1,5}})", "%ADDRESS%", "proxy", "proxy"),
    _Kind(
        rf"\b(?P<v>(?:Get|Head|Post|Put|Patch|Delete) \"?(?P<inner>{_URL})\"?)(?=:? )",
        r'%METHOD% "?(?P<{name}>https?://[^\s"]{1,400}?)"?',
        "url",
        "url",
    ),
    _Kind(rf"(?P<v>{_URL})", r"https?://[^\s\"'<>|`)\]}]{1,400}", "url", "url"),
    _Kind(
        rf"\blookup \S{{1,255}} on (?P<v>{_IPV4}:\d{{1,5}}|{_IPV6}:\d{{1,5}}|[0-9a-fA-F:.]{{2,45}}:53)",
        "(?:%RESOLVER%)",
        "resolver",
        "resolver",
    ),
    _Kind(rf"\blookup \"?(?P<v>{_NAME}(?:\.{_NAME})*)(?=\.?\"?(?: on |: ))", "%HOST%", "host", "host"),
    _Kind(
        r"(?P<v>(?:unix|npipe|tcp)://[^\s\"'<>)]{3,120})",
        r"(?:unix|npipe|tcp)://[^\s\"'<>)]{3,120}",
        "socket",
        "socket",
    ),
    _Kind(r"(?<![\w/.])(?P<v>/[\w./-]{3,80}\.sock)\b", r"/[\w./-]{3,80}\.sock", "socket", "socket"),
    _Kind(rf"(?<!x)(?P<v>{MASK}x*(?::{MASK}x*)?)", _ANY),  # where a secret stood
    _Kind(
        rf"(?<![\w./:@-])(?P<v>{_DOTTED}(?::\d{{2,5}})?(?:/[a-z0-9][a-z0-9._-]*)+"
        rf"(?:(?<!\.go)(?<!\.py)(?<!\.rs):\w(?:[\w.-]{{0,126}}\w)?|@sha256:[0-9a-f]{{6,64}}))(?![\w/@-])",
        "%IMAGE%",
        "image",
        "image",
    ),
    _Kind(r"(?P<v>sha(?:256|512):[0-9a-f]{6,128})", r"sha(?:256|512):[0-9a-f]{6,128}"),
    _Kind(
        r"\b(?P<v>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\b",
        r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    ),
    _Kind(
        r"(?P<v>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?[\d.,]*(?:Z|[ ]?[+-]\d\d:?\d\d)?)",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{5,30}(?:Z|[ ]?[+-][0-9:]{4,6})?",
    ),
    _Kind(r"(?<![\w.-])(?P<v>\d{4}-\d\d-\d\d)(?![\w-])", r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    _Kind(
        rf"(?<![\w.])(?P<v>(?:{_IPV6}|{_IPV4}|{_DOTTED}|localhost):\d{{2,5}})(?![\w.])",
        "%ADDRESS%",
        "address",
        "address",
    ),
    _Kind(r"(?<![\w.\]])(?P<v>:\d{2,5})(?![\w.])(?=[:\s]|$)", r"(?:(?:%HOST%|%IPV6%)?:[0-9]{1,5})"),
    _Kind(rf"(?<![\w.])(?P<v>{_IPV4})(?![\w.:])", "%IPV4%"),
    _Kind(
        r"\b(?:status(?: ?code)?:? ?\[?|HTTP/[\d.]{1,3} |code: )(?P<v>[1-5]\d\d)\b", "[1-5][0-9]{2}", "status", "status"
    ),
    _Kind(
        r"\b(?P<v>[45]\d\d) (?=[A-Z][a-z]+)",
        "[1-5][0-9]{2}",
        "status",
        "status",
    ),
    _Kind(r"(?<![\w/.])(?P<v>(?:/[\w.+@~-]+){2,}/?)(?![\w/])", r"/[^\s:\"',)]{1,200}", "path", "path"),
    _Kind(r"\b(?P<v>[A-Za-z]:\\[^\s:\"',)]{1,200})", r"[A-Za-z]:\\[^\s:\"',)]{1,200}", "path", "path"),
    _Kind(r"\bport (?P<v>\d{2,5})\b", "[0-9]{1,5}", "port", "port"),
    _Kind(r"\"(?P<v>[^\s\"]{1,200})\"", r"[^\s\"]{1,200}"),
    _Kind(_MIXED.replace("+)*)", "+)+)"), _MIXED_REGEX),  # of several parts, before one of them is taken for a hash
    _Kind(r"(?<![\w.])(?P<v>(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,64})(?![\w.])", "[0-9a-f]{6,64}"),
    _Kind(r"(?<![\w.])(?P<v>(?:\d+(?:\.\d+)?(?:ms|µs|us|ns|h|m|s))+)(?!\w)", "[0-9][0-9.hmsnuµ]{0,30}"),
    _Kind(rf"(?<![\w./@-])(?P<v>(?:{_NAME}\.)+[a-z]{{2,24}})(?![\w./-])", "%HOST%", "host", "host"),
    _Kind(r"(?<![\w.])(?P<v>v?\d+(?:\.\d+){1,3}(?:[-+][\w.-]+)?)(?![\w])", r"v?[0-9][\w.+-]{0,60}"),
    _Kind(_MIXED, _MIXED_REGEX),
    _Kind(r"(?<![\w.:-])(?<!exit status )(?<!exit code )(?<!code = )(?P<v>\d+)(?![\w.])", "[0-9]{1,20}"),
)
_SAME_WORDS = ("REFUSED", "DIAL_TIMEOUT", "UNREACHABLE", "RESET", "NO_SUCH_HOST", "TEMPORARY")
"""Fragments of words.yaml that say the same failure in other words, by operating system."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a text comes to: the message that names the failure, its pattern, and the facts in it.

    `fixed` is the message without its variable parts; `facts` are the values as the pattern captures
    them, `types` their types.
    """

    message: str
    line: int
    regex: str
    fixed: str
    facts: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Span:
    start: int
    end: int
    regex: str
    name: str = ""


def start(text: str, fragments: Mapping[str, str]) -> Start:
    """Return the pattern of the line of a text that names the failure; it matches the text.

    Raises:
        UsageError: the text holds no line with words that a failure could be recognised by.
    """
    line, message = telling(text)
    types: dict[str, str] = {}
    spans = _spans(message, fragments, types)
    regex = _pattern(message, spans)
    fixed = _without(message, spans)
    said = _WORD.findall(fixed)
    if len(said) < _FEWEST_WORDS or sum(map(_weight, said)) < _FEWEST_LETTERS:
        raise UsageError(
            f'"{message[:60]}": too few fixed words to recognise a failure by; give the line that names it'
        )
    found = compiled(expand(regex, fragments)).search("\n".join(one.text for one in clean(text)))
    if found is None:
        raise UsageError(f'no pattern could be made from "{message[:60]}"; write the rule by hand (docs/rules.md)')
    facts = {
        name: extract.without_userinfo(value.strip(" \"'`,;")) for name, value in found.groupdict().items() if value
    }
    return Start(message, line, regex, fixed, facts, types)


def telling(text: str) -> tuple[int, str]:
    """Return number and message of the line that most looks like the failure's name, its envelope dropped.

    Raises:
        UsageError: there is no line with words.
    """
    best: tuple[float, int, str] | None = None
    for line in clean(text):
        message = "" if _POWERSHELL.match(line.text) else without_envelope(line.text)
        words = _WORD.findall(message)
        if len(words) < _FEWEST_WORDS:
            continue
        score = 3.0 * min(3, len({word.lower() for word in _COMPLAINT.findall(message)})) + min(len(words), 12) / 4
        score -= 3.0 * (_COMMAND.match(message) is not None)
        if best is None or score >= best[0]:
            best = (score, line.number, message)
    if best is None:
        raise UsageError("the text holds no line with words that a failure could be recognised by")
    return best[1], best[2]


def _weight(word: str) -> int:
    """Return how much a word tells, in letters: a Chinese, Japanese or Korean sign is worth three."""
    return len(word) + 2 * len(_WIDE_LETTER.findall(word))


def without_envelope(line: str) -> str:
    """Return the message of a log line: without times, levels, hosts, processes and the signs before them."""
    message = _of_json(line) or line
    for _ in range(6):
        found = _ENVELOPE.match(message)
        if found is None or not message[found.end() :].strip():
            break
        message = message[found.end() :]
    inside = _MESSAGE.match(message)
    message = inside["v"] if inside else message
    message = " ".join(message.split())
    return message if len(message) <= _LONGEST else message[:_LONGEST].rpartition(" ")[0]


def _of_json(line: str) -> str | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        held = json.loads(line)
    except ValueError:
        found = re.search(rf"\"(?:{'|'.join(_JSON_KEYS)})\":\s?\"(?P<v>.{{3,}}?)\"(?:,\s?\"[\w.@-]+\":|\}}\s*$)", line)
        return found["v"] if found else None
    said = next(_messages(held), "")
    return " ".join(said.split("\n")[0].split()) or None


def _messages(held: object) -> Iterator[str]:
    """Yield the messages of a JSON document, the outermost first; a registry's answer holds a list of errors."""
    if isinstance(held, dict):
        yield from (held[key] for key in _JSON_KEYS if isinstance(held.get(key), str) and held[key].strip())
    inner = held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()
    for one in inner:
        yield from _messages(one)


def _spans(message: str, fragments: Mapping[str, str], types: dict[str, str]) -> list[_Span]:
    """Return the variable parts and the words with a fragment, in order, none overlapping another."""
    taken: list[_Span] = []
    named: dict[tuple[str, str], str] = {}

    def take(at: int, end: int, regex: str, fact: str, type_: str, value: str) -> None:
        if at >= end or any(at < one.end and one.start < end for one in taken):
            return
        name = ""
        if fact and (fact, value) not in named:
            name = fact if fact not in types else f"{fact}_{sum(one[0] == fact for one in named) + 1}"
            named[fact, value] = name
            types[name] = type_
        taken.append(_Span(at, end, regex, name))

    for kind in _KINDS[:2]:
        _take_all(kind, message, take)
    for value in _images(message):
        for found in re.finditer(rf"(?<![\w./:@-]){re.escape(value)}(?![\w/@-]|[.:]\w)", message):
            take(found.start(), found.end(), "%IMAGE%", "image", "image", value)
    for kind in _KINDS[2:]:
        _take_all(kind, message, take)
    for name in _SAME_WORDS:
        if name in fragments:
            for found in compiled(expand(f"%{name}%", fragments)).finditer(message):
                take(found.start(), found.end(), f"%{name}%", "", "", "")
    return list(_apart(sorted(taken, key=lambda one: one.start)))


def _apart(spans: Iterable[_Span]) -> Iterator[_Span]:
    """Yield the parts, those that touch as one: repeats side by side would take an endless time to search."""
    held: _Span | None = None
    for span in spans:
        if held is not None and held.end == span.start and not (held.name or span.name):
            held = _Span(held.start, span.end, _ANY)
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held


def _take_all(kind: _Kind, message: str, take: Callable[[int, int, str, str, str, str], None]) -> None:
    for found in re.finditer(kind.finder, message):
        value = found["inner"] if "inner" in found.re.groupindex else found["v"]
        if kind.fact == "host" and re.search(rf"\.{_FILE}$", value):
            continue
        take(found.start("v"), found.end("v"), kind.regex, kind.fact, kind.type, value)


def _images(message: str) -> Iterator[str]:
    seen = dict.fromkeys(value for value in extract.facts("image", message, len(message)))
    yield from sorted((value for value in seen if message.count(value)), key=len, reverse=True)


def _pattern(message: str, spans: list[_Span]) -> str:
    out, at = "", 0
    for span in spans:
        out += _literal(message[at : span.start])
        if "{name}" in span.regex:
            out += span.regex.replace("(?P<{name}>", f"(?P<{span.name}>" if span.name else "(?:")
        else:
            out += f"(?P<{span.name}>{span.regex})" if span.name else span.regex
        at = span.end
    return (out + _literal(message[at:])).replace('\\"', '"')


def _literal(text: str) -> str:
    """Return a text as a pattern of itself; `%NAME%` in it names no fragment."""
    escaped = re.sub(r"([\\.^$*+?{}\[\]|()#])", r"\\\1", text)
    return re.sub(r"%(?=[A-Z])", "[%]", escaped)


def _without(message: str, spans: list[_Span]) -> str:
    out, at = "", 0
    for span in spans:
        # words that have a fragment are fixed words all the same
        out += message[at : span.end] if span.regex.strip("%") in _SAME_WORDS else message[at : span.start] + " "
        at = span.end
    return out + message[at:]
