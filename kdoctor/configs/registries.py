"""registries.conf of podman, CRI-O and skopeo, and registries.yaml of k3s and RKE2.

Sources: containers/image pkg/sysregistriesv2 (containers-registries.conf(5)); k3s pkg/agent/containerd and
wharfie's registries package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kdoctor.configs.slip import Slip, line_with, table, tables_of, toml, unknown
from kdoctor.yamltext import Node, YamlError, documents

_TOP = ("unqualified-search-registries", "registry", "short-name-mode", "aliases", "credential-helpers", "registries")
_ENTRY = ("prefix", "location", "insecure", "blocked", "mirror", "mirror-by-digest-only")
_MIRROR = ("location", "insecure", "pull-from-mirror")
_MODES = ("disabled", "permissive", "enforcing")
_PULL = ("all", "digest-only", "tag-only")
_V1 = ("search", "insecure", "block")


def registries_conf(text: str) -> Iterator[Slip]:
    """Yield the slips of registries.conf, version 2."""
    tables, broken = toml(text)
    yield from broken
    old = [key for key in _V1 if key in table(tables, "registries")]
    if old and ("registry" in tables or "unqualified-search-registries" in tables):
        problem = f"[registries.{old[0]}] is of version 1 of the file: mixing it with version 2 is not supported"
        yield Slip("mixed-versions", "invalid", problem, line_with(text, f"registries.{old[0]}"))
    yield from unknown(tables, _TOP, text, "the file")
    mode = tables.get("short-name-mode")
    if mode is not None and mode not in _MODES:
        problem = f'short-name-mode is "{mode}"; there are {", ".join(_MODES)}'
        yield Slip("short-name-mode", "invalid", problem, line_with(text, "short-name-mode"))
    names = tables.get("unqualified-search-registries")
    for name in names if isinstance(names, list) else []:
        yield from _location(str(name), text)
    if isinstance(tables.get("registry"), dict):
        yield Slip(
            "shape", "invalid", "[registry] must be [[registry]], with two brackets", line_with(text, "[registry]")
        )
    for entry in tables_of(tables.get("registry")):
        yield from _entry(entry, text)


def _entry(entry: Mapping[str, Any], text: str) -> Iterator[Slip]:
    yield from unknown(entry, _ENTRY, text, "[[registry]]")
    location, prefix = str(entry.get("location") or ""), str(entry.get("prefix") or "")
    if not location and not prefix:
        yield Slip(
            "no-location", "invalid", "a [[registry]] has neither location nor prefix", line_with(text, "[[registry]]")
        )
    for name in (location, prefix):
        yield from _location(name, text)
    if prefix.startswith("*.") and location == "" and entry.get("mirror"):
        return
    for mirror in tables_of(entry.get("mirror")):
        yield from unknown(mirror, _MIRROR, text, "[[registry.mirror]]")
        where = str(mirror.get("location") or "")
        if not where:
            problem = "a [[registry.mirror]] has no location"
            yield Slip("no-location", "invalid", problem, line_with(text, "[[registry.mirror]]"))
        yield from _location(where, text)
        pull = mirror.get("pull-from-mirror")
        if pull is not None and pull not in _PULL:
            problem = f'pull-from-mirror is "{pull}"; there are {", ".join(_PULL)}'
            yield Slip("pull-from-mirror", "invalid", problem, line_with(text, "pull-from-mirror"))


def _location(name: str, text: str) -> Iterator[Slip]:
    if "://" in name:
        bare = name.partition("://")[2]
        problem = f'"{name}": a URL scheme is not supported here; write {bare}'
        yield Slip("scheme", "invalid", problem, line_with(text, name))


def registries_yaml(text: str) -> Iterator[Slip]:
    """Yield the slips of registries.yaml."""
    try:
        roots = documents(text)
    except YamlError as error:
        yield Slip("syntax", "invalid", f"it is not YAML: {error.problem}", error.line)
        return
    if not roots or roots[0].is_null:
        return
    root = roots[0]
    if root.pairs is None:
        yield Slip("shape", "invalid", "the file must hold mirrors: and configs:", root.line)
        return
    yield from _misspelt(root, ("mirrors", "configs"), "k3s")
    for name, value in _pairs(root.get("mirrors")):
        yield from _hostname(name)
        yield from _endpoints(value)
    for name, value in _pairs(root.get("configs")):
        yield from _hostname(name)
        yield from _misspelt(value, ("auth", "tls"), "configs")
        tls = value.get("tls")
        if tls is not None:
            yield from _misspelt(tls, ("cert_file", "key_file", "ca_file", "insecure_skip_verify"), "tls")


def _endpoints(value: Node) -> Iterator[Slip]:
    yield from _misspelt(value, ("endpoint", "rewrite"), "mirrors")
    endpoint = value.get("endpoint")
    if endpoint is None:
        return
    if endpoint.items is None and not endpoint.is_null:
        yield Slip("shape", "invalid", "endpoint must be a list of URLs", endpoint.line)
    for one in endpoint.items or []:
        if one.text is not None and "://" not in one.text:
            problem = f'the endpoint "{one.text}" has no scheme; write https://{one.text}'
            yield Slip("scheme", "ignored", problem, one.line)


def _hostname(name: Node) -> Iterator[Slip]:
    text = name.text or ""
    if "://" in text:
        bare = text.partition("://")[2].rstrip("/")
        problem = f'"{text}" matches no image: the key is a host, {bare}'
        yield Slip("scheme", "ignored", problem, name.line)


def _misspelt(node: Node, known: tuple[str, ...], where: str) -> Iterator[Slip]:
    from kdoctor.errors import did_you_mean

    for name, _ in node.pairs or []:
        near = did_you_mean(name.text or "", known) if name.text not in known else ""
        if near:
            yield Slip("unknown-key", "ignored", f'{where} knows no key "{name.text}".{near}', name.line)


def _pairs(node: Node | None) -> list[tuple[Node, Node]]:
    return node.pairs or [] if node is not None else []
