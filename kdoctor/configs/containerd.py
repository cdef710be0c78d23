"""containerd's config.toml, versions 1 to 3, and hosts.toml.

Sources: containerd pkg/cri/config and internal/cri/config (ValidatePluginConfig, ValidateImageConfig),
core/remotes/docker/config/hosts.go, docs/cri/config.md, docs/hosts.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kdoctor.configs.slip import Slip, line_with, table, toml, unknown

OLD = "io.containerd.grpc.v1.cri"
IMAGES = "io.containerd.cri.v1.images"
RUNTIME = "io.containerd.cri.v1.runtime"
_NEWEST = 3
_HOST_KEYS = (
    "capabilities",
    "ca",
    "client",
    "skip_verify",
    "header",
    "override_path",
    "dial_timeout",
    "server",
    "host",
)
_CAPABILITIES = ("pull", "push", "resolve", "referrers")
_MOVED = ("registry", "containerd", "sandbox_image", "max_concurrent_downloads", "image_decryption")


def config(text: str, *, kubernetes: bool = False, kubelet_cgroups: str = "") -> Iterator[Slip]:
    """Yield the slips of config.toml.

    `kubernetes` tells that a kubelet is meant to use it; `kubelet_cgroups` is the kubelet's cgroupDriver.
    """
    tables, broken = toml(text)
    yield from broken
    version = tables.get("version", 1)
    if not isinstance(version, int) or version > _NEWEST:
        problem = f"containerd knows versions 1 to {_NEWEST} of its file, not {version}"
        yield Slip("version", "invalid", problem, line_with(text, "version"))
        return
    yield from _sections(tables, text, version)
    yield from _registry(tables, text)
    yield from _runtimes(tables, text, kubelet_cgroups)
    disabled = tables.get("disabled_plugins")
    if kubernetes and isinstance(disabled, list) and {"cri", OLD} & {str(name) for name in disabled}:
        problem = "disabled_plugins names cri: the kubelet cannot use this containerd"
        yield Slip("cri-disabled", "invalid", problem, line_with(text, "disabled_plugins"))


def _sections(tables: Mapping[str, Any], text: str, version: int) -> Iterator[Slip]:
    """Yield what stands in a section that this version of the file does not have."""
    plugins = table(tables, "plugins")
    if version == 1 and any("." in name for name in plugins) and table(plugins, OLD):
        problem = f'without "version = 2" containerd 1 reads [plugins.cri], not [plugins."{OLD}"]'
        yield Slip("section", "ignored", problem, line_with(text, "plugins", OLD))
    moved = [key for key in _MOVED if key in table(plugins, OLD)]
    if version == _NEWEST and moved:
        where = IMAGES if moved[0] != "containerd" else RUNTIME
        problem = f'in version 3, {moved[0]} stands in [plugins."{where}"]; under "{OLD}" it is not read'
        yield Slip("section", "ignored", problem, line_with(text, OLD))
    for name in (IMAGES, RUNTIME):
        if version == 2 and name in plugins:
            problem = f'[plugins."{name}"] is of version 3; this file says version = 2'
            yield Slip("section", "ignored", problem, line_with(text, name))


def _registry(tables: Mapping[str, Any], text: str) -> Iterator[Slip]:
    for name in (OLD, IMAGES, "cri"):
        registry = table(tables, "plugins", name, "registry")
        for key in ("mirrors", "configs"):
            tls = key == "mirrors" or any(isinstance(v, dict) and "tls" in v for v in table(registry, key).values())
            if registry.get("config_path") and registry.get(key) and tls:
                told = "mirrors" if key == "mirrors" else "configs.*.tls"
                problem = f"`{told}` cannot be set when `config_path` is provided: images of the CRI do not load"
                yield Slip("mirrors-and-config-path", "invalid", problem, line_with(text, "registry", key))


def _runtimes(tables: Mapping[str, Any], text: str, kubelet_cgroups: str) -> Iterator[Slip]:
    for name in (OLD, RUNTIME, "cri"):
        plugin = table(tables, "plugins", name)
        runtimes = table(plugin, "containerd", "runtimes")
        wanted = table(plugin, "containerd").get("default_runtime_name")
        if wanted and runtimes and wanted not in runtimes:
            problem = f'default_runtime_name is "{wanted}", and [runtimes] has only {", ".join(runtimes)}'
            yield Slip("no-such-runtime", "invalid", problem, line_with(text, "default_runtime_name"))
        if plugin.get("systemd_cgroup") is True:
            problem = "systemd_cgroup is for a runtime that is gone: SystemdCgroup under the runtime's options is meant"
            yield Slip("systemd-cgroup", "invalid", problem, line_with(text, "systemd_cgroup"))
        options = table(runtimes, str(wanted or "runc"), "options")
        driver = "systemd" if options.get("SystemdCgroup") is True else "cgroupfs"
        if kubelet_cgroups and runtimes and driver != kubelet_cgroups:
            problem = f"SystemdCgroup makes the cgroup driver {driver}, and the kubelet's is {kubelet_cgroups}"
            yield Slip("cgroup-driver", "invalid", problem, line_with(text, "SystemdCgroup"))


def hosts(text: str, registry: str = "") -> Iterator[Slip]:
    """Yield the slips of certs.d/REGISTRY/hosts.toml; containerd logs what it refuses and goes to the registry."""
    tables, broken = toml(text)
    yield from broken
    yield from unknown(tables, _HOST_KEYS, text, "containerd")
    if registry in ("registry-1.docker.io", "index.docker.io"):
        problem = f"containerd looks for Docker Hub in a folder docker.io, not {registry}"
        yield Slip("wrong-folder", "ignored", problem)
    for url, options in table(tables, "host").items():
        if not isinstance(options, dict):
            yield Slip("shape", "invalid", f'[host."{url}"] must be a table', line_with(text, url))
            continue
        yield from unknown(options, _HOST_KEYS, text, "containerd")
        yield from _host(url, options, text)


def _host(url: str, options: Mapping[str, Any], text: str) -> Iterator[Slip]:
    capabilities = options.get("capabilities")
    if capabilities is not None and not isinstance(capabilities, list):
        yield Slip(
            "shape", "invalid", 'capabilities must be a list: ["pull", "resolve"]', line_with(text, "capabilities")
        )
        return
    for capability in capabilities or []:
        if capability not in _CAPABILITIES:
            problem = f'unknown capability "{capability}"; there are {", ".join(_CAPABILITIES)}'
            yield Slip("capability", "invalid", problem, line_with(text, "capabilities", str(capability)))
    if capabilities is not None and not {"pull", "resolve"} & {str(one) for one in capabilities}:
        problem = f"{url} may neither resolve nor pull: no pull ever asks it"
        yield Slip("no-capability", "ignored", problem, line_with(text, "capabilities"))
    if options.get("skip_verify") is not None and not isinstance(options["skip_verify"], bool):
        yield Slip(
            "shape", "invalid", "skip_verify must be true or false, without quotes", line_with(text, "skip_verify")
        )
