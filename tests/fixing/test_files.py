"""Fifty configuration files as they are met: edited, they keep comments and unknown keys; undone, every byte."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from kdoctor.fixes.applying import apply
from kdoctor.fixes.edits import edited
from kdoctor.fixes.plan import Change, Chosen, build
from kdoctor.fixes.store import Store
from kdoctor.fixes.undoing import restore
from kdoctor.machine import Machine
from kdoctor.model import Edit, Fix, Host, Risk, Step

FILES = Path(__file__).with_name("files")
PROXY, OTHER = "http://127.0.0.1:3128", "http://127.0.0.1:7897"
MIRROR, NEWER = "https://old.example.net", "https://new.example.net"

_DAEMON = (
    {"add": {"registry-mirrors": [NEWER]}, "first": True},
    {"add": {"insecure-registries": ["registry.example.net:5000"]}},
    {"set": {"data-root": "/srv/docker"}},
    {"add": {"dns": ["9.9.9.9"]}, "set": {"proxies": {"https-proxy": OTHER}}},
)
_ENVIRONMENT = (
    {"replace": {PROXY: OTHER}},
    {"add": {"NO_PROXY": ["registry.example.net"]}},
    {"remove": {"HTTP_PROXY": True, "HTTPS_PROXY": True}},
)
_HOSTS = (
    {"replace": {MIRROR: NEWER}},
    {"remove": {"host": {MIRROR: True}}},
    {"set": {"host": {NEWER: {"capabilities": ("pull", "resolve")}}}},
)
_MIRRORS = ({"add": {"mirrors": {"docker.io": {"endpoint": [NEWER]}}}}, {"replace": {MIRROR: NEWER}})

CHANGES: dict[str, tuple[str, tuple[dict[str, Any], ...]]] = {
    "daemon/*.json": ("json", _DAEMON),
    "daemon/kubernetes.json": ("json", ({"remove": {"registry-mirrors": ["https://mirror-two.example.net"]}},)),
    "daemon/mirrors-one-line.json": (
        "json",
        ({"remove": {"registry-mirrors": [MIRROR]}}, {"replace": {MIRROR: NEWER}}),
    ),
    "daemon/proxies.json": ("json", ({"replace": {"http://proxy.example.net:3128": OTHER}},)),
    "cli/config.json": ("json", ({"remove": {"credsStore": "desktop"}},)),
    "cli/helpers.json": ("json", ({"remove": {"credHelpers": {"registry.example.net": "desktop"}}},)),
    "env/*": ("environment", _ENVIRONMENT),
    "systemd/*": ("environment", _ENVIRONMENT),
    "resolv/*": ("resolv", ({"add": {"nameserver": ["9.9.9.9"]}, "first": True},)),
    "ini/resolved.conf": ("ini", ({"set": {"Resolve": {"DNS": "9.9.9.9", "Domains": "~."}}},)),
    "ini/NetworkManager.conf": ("ini", ({"set": {"main": {"dns": "none"}}},)),
    "ini/wsl.conf": ("ini", ({"set": {"network": {"generateResolvConf": "false"}}},)),
    "toml/hosts-*.toml": ("toml", _HOSTS),
    "toml/containerd-v2.toml": (
        "toml",
        (
            {
                "set": {
                    "plugins": {"io.containerd.grpc.v1.cri": {"registry": {"config_path": "/etc/containerd/certs.d"}}}
                }
            },
        ),
    ),
    "toml/containerd-v3.toml": (
        "toml",
        ({"set": {"plugins": {"io.containerd.cri.v1.images": {"max_concurrent_downloads": 5}}}},),
    ),
    "toml/registries.conf": ("toml", ({"replace": {MIRROR: NEWER}},)),
    "toml/crio.conf": ("toml", ({"set": {"crio": {"image": {"pause_image": "mirror.example.net/pause:3.9"}}}},)),
    "yaml/registries*.yaml": ("yaml", _MIRRORS),
    "yaml/colima.yaml": ("yaml", ({"add": {"docker": {"registry-mirrors": [NEWER]}}}, {"set": {"disk": 100}})),
    "yaml/kubelet.yaml": ("yaml", ({"set": {"cgroupDriver": "systemd", "failSwapOn": False}},)),
    "yaml/kind.yaml": ("yaml", ({"set": {"networking": {"ipFamily": "ipv4"}}},)),
}
CASES = [
    pytest.param(file, format_, changes, id=f"{file.relative_to(FILES)}-{number}")
    for pattern, (format_, several) in CHANGES.items()
    for file in sorted(FILES.glob(pattern))
    for number, changes in enumerate(several)
]


def test_there_are_fifty_and_each_is_edited() -> None:
    files = {path for path in FILES.rglob("*") if path.is_file()}
    assert len(files) >= 50
    assert {file for pattern in CHANGES for file in FILES.glob(pattern)} == files


def comments(text: str) -> list[str]:
    """Return whole lines that are comments, and the comments behind values."""
    return [found[1].strip() for line in text.splitlines() if (found := re.search(r"(?:^|\s)([#;]\s?.*)$", line))]


def parsed(format_: str, text: str) -> Any:
    match format_:
        case "json":
            return json.loads(text.removeprefix("\ufeff"))
        case "toml":
            return tomllib.loads(text)
        case "yaml":
            return yaml.safe_load(text)
        case _:
            return None


def unknown(tree: Any, changes: dict[str, Any]) -> Any:
    """Return the tree's top-level parts that an edit does not name."""
    named = {key for name in ("set", "add", "remove") for key in changes.get(name, {})}
    return {key: value for key, value in tree.items() if key not in named}


@pytest.mark.parametrize(("file", "format_", "changes"), CASES)
def test_edited_it_keeps_what_is_not_meant_and_undone_every_byte(
    file: Path, format_: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    before = file.read_bytes()
    copy = tmp_path / "etc" / file.name
    copy.parent.mkdir()
    copy.write_bytes(before)
    copy.chmod(0o640)
    edit = Edit(f"/etc/{file.name}", format_, **changes)
    machine = Machine(root=tmp_path, uid=0)
    chosen = [Chosen("a-rule", Fix("a-fix", "a fix", Risk.SAFE, "lab", (Step("do it", edit=edit),)))]
    plan = build(chosen, machine, Host("linux", "amd64"))
    text = before.decode()
    once = edited(edit, text)
    assert once is not None
    assert edited(edit, once) == once
    kept = comments(text)
    if "remove" in changes:  # what stands beside a value goes with it
        kept = [one for one in kept if one in comments(once)]
    for comment in kept:
        assert comment in comments(once)
    if format_ in ("json", "toml", "yaml") and "replace" not in changes:
        assert unknown(parsed(format_, once), changes) == unknown(parsed(format_, text), changes)
    if format_ in ("environment", "resolv", "ini"):
        _only_meant_lines(text, once)
    _applied_and_undone(plan.changes, tmp_path, copy, before, once.encode())


def _only_meant_lines(before: str, after: str) -> None:
    """Every line that is gone or new is one of a proxy, nameserver or the keys that were set."""
    meant = re.compile(
        r"proxy|nameserver|9\.9\.9\.9|Domains|^dns=|generateResolvConf|GODEBUG|Environment ?=|^\[Service\]",
        re.IGNORECASE,
    )
    old, new = before.splitlines(), after.splitlines()
    for line in {*old} ^ {*new}:
        assert meant.search(line), line
    assert [line for line in old if not meant.search(line)] == [line for line in new if not meant.search(line)]


def _applied_and_undone(changes: tuple[Change, ...], folder: Path, copy: Path, before: bytes, after: bytes) -> None:
    if before == after:
        assert not changes
        return
    store = Store(folder / "state")
    from kdoctor.fixes.plan import Plan

    with store.locked():
        entry = apply(Plan((), changes), store, lambda _: None)
        assert copy.read_bytes() == after
        assert copy.stat().st_mode & 0o777 == 0o640
        restore(entry, store, lambda _: None)
    assert copy.read_bytes() == before
    assert copy.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
