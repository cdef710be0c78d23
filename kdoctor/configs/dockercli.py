"""The docker command's config.json.

Sources: docker/cli cli/config/configfile (the ConfigFile struct, LoadFromReader, decodeAuth), and
docker/docker-credential-helpers. What the command cannot load it warns of, and goes on without any of it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from kdoctor.configs.slip import Slip, line_with
from kdoctor.errors import did_you_mean

_PROXIES = ("httpProxy", "httpsProxy", "noProxy", "ftpProxy", "allProxy")
_HELPER = "docker-credential-"


def config(text: str) -> Iterator[Slip]:
    """Yield the slips of config.json."""
    try:
        root = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        yield Slip("syntax", "invalid", f"it is not JSON: {error.msg}", error.lineno)
        return
    except RecursionError:
        yield Slip("syntax", "invalid", "it is not JSON that anybody would write: it is nested too deep")
        return
    if not isinstance(root, dict):
        yield Slip("shape", "invalid", "the file must hold an object: { ... }", 1)
        return
    for key, shape, told in (
        ("auths", dict, "an object"),
        ("credHelpers", dict, "an object: registry to helper"),
        ("credsStore", str, "a text: the helper's name"),
        ("proxies", dict, "an object"),
    ):
        if root.get(key) is not None and not isinstance(root[key], shape):
            yield Slip("shape", "invalid", f'"{key}" must be {told}', line_with(text, f'"{key}"'))
            return
    yield from _logins(root, text)
    yield from _helpers(root, text)
    yield from _proxies(root.get("proxies") or {}, text)


def _logins(root: Mapping[str, Any], text: str) -> Iterator[Slip]:
    for registry, login in (root.get("auths") or {}).items():
        line = line_with(text, f'"{registry}"')
        if not isinstance(login, dict):
            yield Slip("shape", "invalid", f'the entry of "{registry}" in "auths" must be an object', line)
            continue
        given = login.get("auth")
        try:
            told = base64.b64decode(given or "", validate=True) if isinstance(given, str | None) else b""
        except (binascii.Error, ValueError):
            yield Slip("auth", "invalid", f'"auth" of "{registry}" is no base64 (user:password)', line)
            continue
        if given and b":" not in told:
            yield Slip("auth", "invalid", f'"auth" of "{registry}" holds no user:password', line)


def _helpers(root: Mapping[str, Any], text: str) -> Iterator[Slip]:
    helpers = [("credsStore", root.get("credsStore") or ""), *(root.get("credHelpers") or {}).items()]
    for registry, helper in helpers:
        if isinstance(helper, str) and helper.startswith(_HELPER):
            problem = f'"{helper}": the name is given without {_HELPER}, as "{helper.removeprefix(_HELPER)}"'
            yield Slip("helper-name", "invalid", problem, line_with(text, helper))
        if "://" in registry:
            bare = registry.partition("://")[2].rstrip("/")
            problem = f'"{registry}" in "credHelpers" matches no registry; the key is a host, {bare}'
            yield Slip("scheme", "ignored", problem, line_with(text, registry))


def _proxies(proxies: Mapping[str, Any], text: str) -> Iterator[Slip]:
    for name, entry in proxies.items():
        if not isinstance(entry, dict):
            problem = f'"{name}" must stand one level deeper: "proxies": {{"default": {{"{name}": ...}}}}'
            yield Slip("shape", "invalid", problem, line_with(text, f'"{name}"'))
            return
        for key in entry:
            near = did_you_mean(key.replace("-p", "P").replace("_p", "P"), _PROXIES) if key not in _PROXIES else ""
            if key not in _PROXIES and (near or key.lower().replace("-", "").replace("_", "").endswith("proxy")):
                problem = f'docker knows no "{key}" in "proxies"; there are {", ".join(_PROXIES)}'
                yield Slip("unknown-key", "ignored", problem, line_with(text, f'"{key}"'))
