"""Placeholders for what a public report need not tell: people's names, private hosts and addresses.

The same value always gets the same placeholder, and a placeholder keeps the form of what it stands
for: an address stays an address, so a pattern matches the report as it matches the person's text.
What is everybody's stays, since it is the diagnosis: well-known registries, loopback, and the
networks that minikube, Docker and Kubernetes give themselves. Secrets are `kdoctor.masking`'s.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable, Mapping
from importlib import resources

from kdoctor.masking import MASK
from kdoctor.registries import is_well_known, public_mirrors
from kdoctor.rules.internal import is_internal


@functools.cache
def _everybody(kind: str) -> frozenset[str]:
    """Return the names of a kind that are everybody's, from `kdoctor/data/everybody.toml`."""
    return frozenset(_table()[kind])


@functools.cache
def _table() -> Mapping[str, list[str]]:
    import tomllib

    return tomllib.loads((resources.files("kdoctor.data") / "everybody.toml").read_text(encoding="utf-8"))


@functools.cache
def _kept_networks() -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(map(ipaddress.ip_network, (*_everybody("networks"), *_DOCUMENTATION)))


_WORDS = ("user", "host", "name", "namespace")
"""Kinds of values that are replaced wherever else they stand as a word."""

_DOCUMENTATION = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
"""Networks for documentation (RFC 5737, RFC 3849); placeholders come from them."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_HOME = re.compile(
    r"(?P<lead>(?:/(?:var/)?home/|/Users/|(?:\b[a-z]:|/mnt/[a-z]|/[a-z])[\\/]{1,4}Users[\\/]{1,4}|/export/home/))"
    r"(?P<v>[^\\/:\"'<>|\s]+(?: [^\\/:\"'<>|\s]+){0,2}(?=[\\/])|[^\\/:\"'<>|\s,;)\]]+)",
    re.IGNORECASE,
)
_PROMPT = re.compile(
    rf"(?m)^(?P<lead>\s*\(?\[?)(?P<user>[\w.-]+)@(?P<v>{_LABEL}(?:\.{_LABEL})*)(?=[ :~][^\n]{{0,120}}[#$%] )"
)
_MAIL = re.compile(r"(?<![\w.+:/@-])[\w.+-]{1,64}@(?!sha\d)(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b", re.IGNORECASE)
_MAC = re.compile(r"(?<![\w:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![\w:])", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-f:]*:[0-9a-f:]*:)[0-9a-f:]{3,39}(?:%\w+)?(?![\w:])", re.IGNORECASE)
_SYSLOG = re.compile(
    rf"(?m)^(?P<lead>(?:[A-Z][a-z]{{2}}\s{{1,2}}\d{{1,2}}\s[\d:]{{8}}|\d{{4}}-\d\d-\d\dT\S{{8,30}})\s)"
    rf"(?!(?:trace|debug|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|panic|stdout|stderr)\s)(?P<v>{_LABEL}(?:\.{_LABEL})*)"
    r"(?=\s[\w./@-]{1,60}(?:\[\d+\])?:)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?P<lead>\w://(?:[^\s/@]{1,200}@)?|\blookup \"?|\bdial (?:tcp|udp) |\bon host \"?)"
    rf"(?P<v>{_LABEL}(?:\.{_LABEL}){{0,8}})(?=[:/\s\"',.]|$)",
    re.IGNORECASE,
)
_DOTTED = re.compile(
    rf"(?<![\w./\\@-])(?P<lead>)(?P<v>(?:{_LABEL}\.){{1,8}}(?P<end>[a-z]{{2,24}}))(?![\w\\-]|\.\w)", re.IGNORECASE
)
_OBJECT = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_KINDS = (
    r"pods?|deployments?(?:\.apps)?|replicasets?(?:\.apps)?|daemonsets?(?:\.apps)?|statefulsets?(?:\.apps)?|jobs?|cronjobs?"
    r"|services?|svc|secrets?|configmaps?|serviceaccounts?|persistentvolumeclaims?|pvc|ingress(?:es)?|endpoints|container"
)
_KEYED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE | re.MULTILINE))
    for kind, pattern in (
        # of pods and the like with their namespace: pod="shop/web-1", pod "shop/web-1"
        ("both", rf"(?P<lead>\b(?:{_KINDS})(?:=| |: ?)\\?[\"'])(?P<v>{_OBJECT}/{_OBJECT})(?=\\?[\"'])"),
        (
            "namespace",
            (
                r"(?P<lead>\bnamespaces? \\?[\"']|\bin (?:the )?namespace |"
                r"(?:\bnamespaces?(?:=|: {0,20}|/)|(?<![\w-])-n[ =]|--namespace[ =])\\?[\"']?)"
                rf"(?P<v>{_OBJECT})(?=[\"'\s/,;)\\]|$)"
            ),
        ),
        ("name", rf"(?P<lead>\b(?:{_KINDS})(?:=| )\\?[\"'])(?P<v>{_OBJECT})(?=\\?[\"'])"),
        ("name", rf"(?P<lead>(?<![\w/.-])(?:{_KINDS})/)(?P<v>{_OBJECT})(?=[\s\"',:)]|$)"),
        ("name", rf"(?P<lead>^\s{{0,12}}(?:Name|Service Account): {{1,20}})(?P<v>{_OBJECT})(?=\s|$)"),
        ("node", rf"(?P<lead>\bnodes?(?:=|: {{0,20}}| )\\?[\"'])(?P<v>{_OBJECT})(?=\\?[\"'])"),
        ("node", rf"(?P<lead>^\s{{0,12}}Node: {{1,20}})(?P<v>{_OBJECT})(?=/|\s|$)"),
        ("node", rf"(?P<lead>\bkubelet, )(?P<v>{_OBJECT})(?=\s|$)"),
        (
            "name",
            (
                rf"(?P<lead>--(?:context|cluster|kube-context|profile)[ =]|\bProfile \\?[\"'])(?P<v>{_OBJECT})"
                r"(?=[\s\"'\\]|$)"
            ),
        ),
        (
            "user",
            (
                r"(?P<lead>\b(?:user(?:name)?(?:=| |\\?[\"']: ?)\\?[\"']|uid=|login [^\n]{0,80}?-u ))"
                r"(?P<v>[\w.-]{3,64})(?=[\s\"'\\]|$)"
            ),
        ),
    )
)
"""What Kubernetes' tools print before the names of a cluster's own objects."""

_REPOSITORY = re.compile(
    r"(?P<lead>\b(?:host\d+(?:\.[a-z0-9.-]+)?|0{6}\d{6}\.dkr\.ecr\.[a-z0-9.-]+)(?::\d{1,5})?/(?:v2/)?)"
    r"(?!v[12]/|(?:\d{1,3}\.){3}\d)(?P<v>[a-z0-9][a-z0-9._/-]*?[a-z0-9])"
    r"(?=/(?:manifests|blobs|tags|referrers)/|[:@\"'\s,)\]]|$)"
)


class Pseudonyms:
    """The placeholders of one report; `replaced` counts the values by kind.

    `users` and `hosts` are names of this machine that are replaced wherever they stand alone.
    """

    def __init__(self, users: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self._given: dict[str, dict[str, str]] = {}
        self._users = [name for name in users if self._is_own(name)]
        self._hosts = [name for name in hosts if len(name) > 2 and not _is_everybodys(name)]

    @property
    def replaced(self) -> Mapping[str, int]:
        """How many values of each kind (user, mail, host, address, image) have a placeholder."""
        return {kind: len(values) for kind, values in self._given.items() if values}

    def redact(self, text: str) -> str:
        """Return the text with placeholders; redacting twice changes nothing more."""
        text = _MAIL.sub(lambda found: self._mail(found[0]), text)
        text = _PROMPT.sub(
            lambda found: f"{found['lead']}{self._user(found['user'])}@{self._machine(found['v'])}", text
        )
        text = _HOME.sub(lambda found: found["lead"] + self._user(found["v"]), text)
        for kind, pattern in _KEYED:
            text = pattern.sub(functools.partial(self._behind, kind), text)
        text = _SYSLOG.sub(lambda found: found["lead"] + self._machine(found["v"]), text)
        text = _MAC.sub(lambda found: self._name("mac", found[0].lower(), "02:00:00:00:00:{:02x}"), text)
        text = _IPV4.sub(lambda found: self._address(found[0]), text)
        text = _IPV6.sub(lambda found: self._address(found[0]), text)
        for pattern in (_NAMED, _DOTTED):
            text = pattern.sub(lambda found: found["lead"] + self._host(found), text)
        for name in self._hosts:
            self._machine(name)
        for name in self._users:
            self._user(name)
        text = self._everywhere(text)
        text = _REPOSITORY.sub(lambda found: found["lead"] + self._repository(found["v"]), text)
        for value, placeholder in self._given.get("image", {}).items():
            if "/" in value:
                text = re.sub(rf"(?<![\w.-]){re.escape(value)}(?![\w-])", placeholder, text)
        return text

    def _everywhere(self, text: str) -> str:
        """Replace the names learnt so far wherever else they stand as a word."""
        known = {name: one for kind in _WORDS for name, one in self._given.get(kind, {}).items()}
        for name in sorted(known, key=len, reverse=True):
            if len(name) > 2 and name != known[name]:
                text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", known[name], text, flags=re.IGNORECASE)
        return text

    def _behind(self, kind: str, found: re.Match[str]) -> str:
        return found["lead"] + self._keyed(kind, found["v"])

    def _keyed(self, kind: str, value: str) -> str:
        """Return the placeholder of a name that stands behind a key."""
        if kind == "both":
            namespace, _, name = value.partition("/")
            return f"{self._keyed('namespace', namespace)}/{self._keyed('name', name)}"
        if kind == "node":
            return self._machine(value)
        if kind == "user":
            return self._user(value)
        lower = value.lower()
        known = _is_everybodys(lower) or any(
            lower == one or lower.startswith(f"{one}-") for one in _everybody("objects")
        )
        if known or len(value) < 3 or re.fullmatch(r"(?:name|namespace|host)\d+(?:\..+)?", lower):
            return value
        return self._name(kind, value, kind + "{}")

    def _name(self, kind: str, value: str, form: str) -> str:
        given = self._given.setdefault(kind, {})
        if value not in given and value not in given.values():
            given[value] = form.format(len(given) + 1)
        return given.get(value, value)

    @staticmethod
    def _is_own(name: str) -> bool:
        return len(name) > 2 and name.lower() not in (*_everybody("users"), MASK) and not re.fullmatch(r"user\d+", name)

    def _user(self, name: str) -> str:
        return self._name("user", name, "user{}") if self._is_own(name) else name

    def _mail(self, address: str) -> str:
        return (
            address
            if re.fullmatch(r"user\d+@example\.com", address)
            else self._name("mail", address, "user{}@example.com")
        )

    def _machine(self, name: str) -> str:
        if "." in name:
            return self._hostname(name)
        return name if _is_everybodys(name) or re.fullmatch(r"host\d+", name) else self._name("host", name, "host{}")

    def _address(self, text: str) -> str:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return text
        if any(address in network for network in _kept_networks() if network.version == address.version):
            return text
        if address.version == 6:
            return self._name("address", text.lower(), "2001:db8::{:x}")
        return self._name("address", text, "192.0.2.{}" if is_internal(text) else "203.0.113.{}")

    def _host(self, found: re.Match[str]) -> str:
        name: str = found["v"]
        if re.fullmatch(r"[\d.]+", name) or "." not in name:
            single = re.fullmatch(r"[\d.]+", name) is None and is_internal(name) and not _is_everybodys(name)
            return self._machine(name) if single and not _is_plain_word(name) else name
        end = name.rpartition(".")[2].lower()
        if end in _everybody("files") or (not found["lead"] and end not in _everybody("endings")):
            return name
        return self._hostname(name)

    def _hostname(self, name: str) -> str:
        lower = name.lower()
        if _is_everybodys(lower) or re.match(r"host\d+\.", lower):
            return name
        account = re.fullmatch(r"\d{12}(\.dkr\.ecr\..+)", lower)
        if account:
            return self._name("host", lower, "{:012d}" + account[1]) if not lower.startswith("0000000") else name
        ending = next((f".{one}" for one in _everybody("services") if lower.endswith(f".{one}")), None)
        return self._name("host", lower, "host{}" + (ending or (".internal" if is_internal(lower) else ".example.com")))

    def _repository(self, name: str) -> str:
        if re.fullmatch(r"project/image\d+|v[12]", name):
            return name
        return self._name("image", name, "project/image{}")


def _is_everybodys(name: str) -> bool:
    """Tell whether a host is well known, or a name that tools give to every machine."""
    lower = name.lower()
    return (
        lower
        in (
            "localhost",
            "minikube",
            "kubernetes",
            "docker",
            "kind-control-plane",
            "docker-desktop",
            "lima-rancher-desktop",
        )
        or is_well_known(lower)
        or any(lower == one or lower.endswith(f".{one}") for one in _everybody("domains"))
        or any(lower == mirror.host for mirror in public_mirrors())
    )


def _is_plain_word(name: str) -> bool:
    """Tell whether a name without dots is a word such as `registry` or `proxy`, which names nobody's machine."""
    return re.fullmatch(r"[a-z]{2,10}", name) is not None
