"""What must not leave the machine: passwords, tokens and signatures are taken out of every text.

Masking prefers to hide too much: where a URL's password cannot be told from its path, both go.
Addresses and host names stay, they are the diagnosis.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from kdoctor.model import Report

MASK = "xxxxx"
"""What stands where a secret stood, as Go's url.Redacted and `docker info` write it."""

_Replacement = str | Callable[[re.Match[str]], str]

# An `@` before a digest (name@sha256:...) does not end a userinfo.
_AT = r"@(?!sha(?:256|384|512):)"
# A userinfo with a password, or one without that ends before the path; a password may hold `/?#@"`.
_USERINFO = (
    r"(?P<begin>:(?:\\*/){2})(?=[^\s/?#@]{0,1024}[:@])"
    rf"(?P<user>[^\s@]{{0,1024}}(?:{_AT}[^\s@]{{0,1024}}){{0,16}})(?={_AT})"
)
# A blank or a quote inside the password: only behind `user:` and something that is no port.
_LOOSE = (
    r"(?P<begin>:(?:\\*/){2})(?P<user>[^\s/:@\"'<>]{1,256}:"
    r"(?!\d{1,5}(?![^\s/?#\"'\]),;:\\]|\\u))[^\s@][^\r\n@]{0,256}(?:"
    + _AT
    + r"[^\s@]{0,256}){0,8})(?="
    + _AT
    + r"[\w\[])"
)
_BARE = rf"(?<![\w/@:.%-])[^\s:/@\"'=,(\[<]{{1,128}}:[^\s/@\"]{{1,256}}(?={_AT}[\w.\-\[\]:]{{1,253}}:\d{{1,5}}(?!\w))"
_ENCODED = r"(?i)(%3a%2f%2f)(?:(?!%40)[^\s\"'&/@]){1,1024}(?=%40)"
_ASSIGNED = (
    r"(?i)((?<![a-z])[a-z_]*proxy[a-z]*[\"']?\s{0,4}[=:]\s{0,4}[\"']?)(?!\w{1,10}:/)[^\s:/@\"']{1,128}:[^\s@]{1,256}(?="
    + _AT
    + r")"
)
_WORDS = (
    r"pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|secret[_-]?key|"
    r"client[_-]?secret|private[_-]?key|account[_-]?key|shared[_-]?access[_-]?key|auth[_-]?token|credentials?"
)
# Keys whose value is a secret wherever they stand, in YAML, INI and messages; a lone `token:` may be prose.
_KEYS = (
    r"client-key-data|\.?docker(?:config(?:json)?|cfg)|certificate[_-]?key|"
    r"(?:identity|registry|_auth|session|refresh|access)_?token|"
    r"client[_-]?secret|secret[_-]?access[_-]?key|aws_[a-z]{1,20}_(?:key|token)|(?:account|shared[_-]?access)[_-]?key"
)
# Keys whose value is a secret at the beginning of a line of YAML.
_LINE_KEY = r"(?:pass(?:word|wd|phrase)|client-key-data|token|auth):[ \t]{1,4}"
_HEADERS = (
    r"x-[a-z0-9-]{0,40}(?:token|key|secret|art-api)|(?:private|job|deploy)-token|"
    r"(?:[a-z-]{0,40}api-?key|[a-z-]{1,40}-subscription-key)(?=\W{1,5}\S{0,512}\d)"
)
_QUERY = (
    r"sig|signature|x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|token|"
    r"access_token|refresh_token|id_token|key|apikey|api_key|code|password|pwd|secret|client_secret|policy|"
    r"key-pair-id|awsaccesskeyid|googleaccessid|hmac|verify|auth|se?ss(?:ion)?(?:id)?|assertion"
)


def _basic(match: re.Match[str]) -> str:
    """Mask what follows `Basic` only if it is base64 of `user:password` ("basic authentication" stays)."""
    try:
        decoded = base64.b64decode(match[2] + "=" * (-len(match[2]) % 4), validate=True)
    except (binascii.Error, ValueError):
        return match[0]
    return f"{match[1]}{MASK}" if b":" in decoded else match[0]


def _userinfo(match: re.Match[str]) -> str:
    return f"{match['begin']}{MASK}:{MASK}" if ":" in match["user"] else f"{match['begin']}{MASK}"


# (literals of which every match contains one, lower case; pattern; replacement), applied in order.
_PATTERNS: tuple[tuple[tuple[str, ...], str, _Replacement], ...] = (
    (
        ("private key-----",),
        r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)(?s:.{1,20000}?)(?:(?=-----END)|\Z)",
        rf"\1 {MASK} ",
    ),
    (("@",), _USERINFO, _userinfo),
    (("@",), _LOOSE, _userinfo),
    (("proxy",), _ASSIGNED, rf"\1{MASK}:{MASK}"),
    (("@",), _BARE, f"{MASK}:{MASK}"),
    (("%40",), _ENCODED, rf"\1{MASK}"),
    (("digest",), r"(?i)((?:proxy-|x-)?authorization\W{1,6}digest\s{1,4})[^\r\n]{1,8192}", rf"\1{MASK}"),
    (
        ("authorization", "cookie", "x-registry-auth", "x-registry-config", "auth-token"),
        (
            r"(?i)\b((?:proxy-|x-)?authorization|(?:set-)?cookie|x-registry-(?:auth|config)|x-auth-token)"
            r"((?:\\?[\"'])?\s{0,4}[:=]\s{0,4}(?:\\?[\"'])?\[?)((?:basic|bearer|negotiate|ntlm|digest|token|aws4-hmac-sha256)\s+)?"
            r"[^\r\n\"'\\]{1,8192}"
        ),
        rf"\1\2\3{MASK}",
    ),
    (("bearer",), r"(?i)\b(bearer\s{1,4})[A-Za-z0-9._~+/=-]{16,}", rf"\1{MASK}"),
    (("basic",), r"(?i)\b(basic\s{1,4})([A-Za-z0-9+/]{4,}={0,2})", _basic),
    (("eyj",), r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,3}", MASK),
    (
        ("=",),
        rf"(?i)([?&;](?:amp;)?(?:{_QUERY})=)[^\s&\"'<>\\#]{{1,8192}}",
        rf"\1{MASK}",
    ),
    (
        ("=",),
        (
            rf"(?i)((?<![a-z0-9])(?:[a-z0-9]{{1,40}}[_-]){{0,6}}(?:{_WORDS}|(?<=_)pass)(?:[_-][a-z0-9]{{1,40}}){{0,2}}=)"
            rf"(?=\S)(?:(\\?[\"'])[^\r\n]*?(?:\2|(?=[\r\n])|\Z))?[^\s\"'&,;\\]*"
        ),
        rf"\1{MASK}",
    ),
    (
        ('"', "'"),
        (
            rf"(?i)((\\?[\"'])(?:[\w-]{{0,40}}(?:{_WORDS})|auth|(?:identity|registry)token|client-key-data)\2"
            rf"\s{{0,4}}:\s{{0,4}}(\\?[\"']))(?:(?!\3).){{1,16384}}(?=\3)"
        ),
        rf"\1{MASK}",
    ),
    (
        ("key", "token", "secret", "docker"),
        rf"(?i)((?<![a-z0-9])(?:{_KEYS})(?:\\?[\"'])?\s{{0,4}}[:=]\s{{0,4}}(?:\\?[\"'])?)(?!{MASK})[^\s\"',;\\]{{8,16384}}",
        rf"\1{MASK}",
    ),
    (
        ("-token", "key", "-secret", "-api"),
        rf"(?i)(?<![\w/.-])((?:{_HEADERS})\s{{0,4}}[:=]\s{{0,4}}[\"']?)(?!{MASK})[^\s\"',;\\]{{6,8192}}",
        rf"\1{MASK}",
    ),
    (
        (" = ",),
        (
            rf"(?i)((?<![a-z0-9])(?:[a-z0-9]{{1,40}}[_-]){{0,6}}(?:{_WORDS})\s{{1,4}}=\s{{1,4}}(\\?[\"']))"
            r"[^\r\n]*?(?=\2|[\r\n]|\Z)"
        ),
        rf"\1{MASK}",
    ),
    (
        ("|", ">"),
        (
            rf"(?im)^(\s{{0,40}}{_LINE_KEY}[|>][-+]?[ \t]*\n"
            r"[ \t]{1,40})\S+"
        ),
        rf"\1{MASK}",
    ),
    (
        ("密", "口令", "contrase", "passe", "парол", "비밀번호", "パスワード"),
        (
            r"(?i)((?:密[码碼]|口令|contraseña|mot de passe|пароль|비밀번호|パスワード)\s{0,2}[:：=]\s{0,2})"
            r"[^\s\"',;，。]{4,256}"
        ),
        rf"\1{MASK}",
    ),
    (
        ("hooks.slack.com",),
        r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[^\s\"'<>]{4,400}",
        rf"\1{MASK}",
    ),
    (("token",), r"(?i)(\btokens?\b[^\r\n]{0,20}?)(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.-])", rf"\1{MASK}"),
    (("::",), r"\bK10[0-9a-f]{16,80}::[\w-]{1,40}:[^\s\"']{4,}", MASK),
    (
        (" login ",),
        (
            r"(\becho\s{1,3}(?:-n\s{1,3})?[\"']?)(?![$\s\"'])[^\s|\"']{1,512}"
            r"(?=[\"']?\s{0,3}\|[^\r\n|]{0,80} login [^\r\n]{0,300}--password-stdin)"
        ),
        rf"\1{MASK}",
    ),
    (("sshpass",), r"(\bsshpass\s{1,3}-p\s{0,3})\S+", rf"\1{MASK}"),
    (
        (":",),
        rf"(?im)^(\s{{0,40}}(?:-\s{{1,4}})?{_LINE_KEY})\S{{4,}}[ \t]*$",
        rf"\1{MASK}",
    ),
    (  # in the middle of a line only what looks like one: prose may follow the word
        ("pass", "pwd"),
        (
            r"(?i)((?<![a-z0-9])(?:[a-z0-9]{1,40}[_-]){0,6}(?:pass(?:word|wd|phrase)|pwd):[ \t]{1,4}[\"']?)"
            r"(?=\S{0,256}\d)(?=\S{0,256}[^\W\d])[^\s\"',;]{4,256}(?<!:)(?=[\s\"',;]|\Z)"
        ),
        rf"\1{MASK}",
    ),
    (
        ("password ", "passphrase "),
        (
            r"(?i)(\bpass(?:word|phrase) {1,3})(?=[^\s\"',;]{0,256}\d)(?=[^\s\"',;]{0,256}[^\W\d])"
            r"[^\s\"',;:=(/]{6,256}(?=[\s\"',;]|\Z)"
        ),
        rf"\1{MASK}",
    ),
    (
        ("--",),
        r"(?i)(--(?:docker-|registry-|proxy-|src-|dest-)?(?:password|token|secret|creds|certificate-key)(?:=|\s{1,4}))[^\s-]\S*",
        rf"\1{MASK}",
    ),
    (("--",), r"(?i)(--(?:proxy-)?user(?:=|\s{1,4}))[^\s:]+:\S+", rf"\1{MASK}"),
    ((" login ",), r"(\blogin\b[^\r\n]{0,200}?\s-p[\s=]{0,2})[^\s-]\S*", rf"\1{MASK}"),
    (("curl ",), r"(\bcurl\b[^\r\n]{0,200}?\s-[uU]\s{0,2})[^\s:]+:\S+", rf"\1{MASK}"),
    (
        (
            "akia",
            "asia",
            "ghp_",
            "gho_",
            "ghu_",
            "ghs_",
            "ghr_",
            "github_pat_",
            "glpat-",
            "dckr_",
            "xox",
            "npm_",
            "aiza",
            "hvs.",
            "ya29.",
            "hf_",
            "sk-",
            "sg.",
        ),
        (
            r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|"
            r"dckr_[op]at_[\w-]{15,}|xox[abprs]-[\w-]{10,}|npm_[A-Za-z0-9]{30,}|AIza[\w-]{35}|hvs\.[\w-]{20,}|ya29\.[\w-]{20,}|"
            r"hf_[A-Za-z0-9]{20,}|sk-(?:proj-|ant-)?(?=[\w-]{0,80}\d)[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,})"
        ),
        MASK,
    ),
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def mask(text: str) -> str:
    """Return `text` without passwords of URLs, authorization headers, tokens, signatures and keys.

    Masking twice changes nothing more.
    """
    lower = text.lower()
    for literals, pattern, replacement in _PATTERNS:
        if any(literal in lower for literal in literals):
            text = _compiled(pattern).sub(replacement, text)
    return text


def without_userinfo(url: str) -> str:
    """Return one URL (or `host:port`) without `user:password@`, whatever characters the password has."""
    begin = url.find("://") + 3 if "://" in url else 0
    authority = re.split(r"[/?#]", url[begin:], maxsplit=1)[0]
    if not (":" in authority or "@" in authority):
        return url
    return url[:begin] + re.split(_AT, url[begin:])[-1]


_T = TypeVar("_T")


def masked(report: Report) -> Report:
    """Return the report with every string masked; `kdoctor.report` calls it before each renderer."""
    return _walk(report)


def _walk(value: _T) -> _T:
    result: Any = value
    if isinstance(value, Enum):
        pass
    elif isinstance(value, str):
        result = mask(value)
    elif isinstance(value, tuple):
        result = tuple(_walk(item) for item in value)
    elif isinstance(value, Mapping):
        result = {_walk(key): _walk(item) for key, item in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        result = replace(value, **{f.name: _walk(getattr(value, f.name)) for f in fields(value)})
    return result  # type: ignore[no-any-return]
