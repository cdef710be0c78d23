"""The keys of daemon.json and the options of dockerd's command line, with their types.

Those of dockerd 20.10 (cmd/dockerd/config.go and its --help) and those that moby main of 2026 has besides.
"""

from __future__ import annotations

from collections.abc import Mapping

_BOOLS = (
    "cri-containerd debug experimental icc init ip-forward ip-masq ip6tables iptables ipv6 live-restore "
    "no-new-privileges raw-logs rootless selinux-enabled tls tlsverify userland-proxy"
)
_NUMBERS = (
    "cpu-rt-period cpu-rt-runtime max-concurrent-downloads max-concurrent-uploads max-download-attempts mtu "
    "network-control-plane-mtu network-diagnostic-port oom-score-adjust shutdown-timeout"
)
_LISTS = (
    "allow-nondistributable-artifacts authorization-plugins dns dns-opts dns-search exec-opts hosts "
    "insecure-registries labels node-generic-resources registry-mirrors storage-opts"
)
_TEXTS = (
    "api-cors-header bip bridge cgroup-parent cluster-advertise cluster-store containerd containerd-namespace "
    "data-root default-cgroupns-mode default-gateway default-gateway-v6 default-ipc-mode "
    "default-runtime exec-root fixed-cidr fixed-cidr-v6 graph group host-gateway-ip init-path ip log-driver log-level "
    "metrics-addr pidfile seccomp-profile storage-driver swarm-default-advertise-addr tlscacert tlscert tlskey "
    "userland-proxy-path userns-remap"
)
NEWER = {
    "allow-direct-routing": "bool",
    "bip6": "text",
    "bridge-accept-fwmark": "text",
    "cdi-spec-dirs": "list",
    "default-network-opts": "any",
    "firewall-backend": "text",
    "host-gateway-ips": "list",
    "http-proxy": "any",
    "https-proxy": "any",
    "ip-forward-no-drop": "bool",
    "log-format": "text",
    "no-proxy": "any",
    "nri-opts": "any",
}
# Names of options whose key in the file is another: the key is taken and does nothing.
SINGULAR = {
    "registry-mirror": "registry-mirrors",
    "insecure-registry": "insecure-registries",
    "dns-opt": "dns-opts",
    "storage-opt": "storage-opts",
    "exec-opt": "exec-opts",
    "label": "labels",
    "log-opt": "log-opts",
    "host": "hosts",
    "authorization-plugin": "authorization-plugins",
    "node-generic-resource": "node-generic-resources",
    "default-ulimit": "default-ulimits",
    "default-address-pool": "default-address-pools",
    "default-network-opt": "default-network-opts",
    "cdi-spec-dir": "cdi-spec-dirs",
    "feature": "features",
}
TYPES: Mapping[str, str] = {
    **dict.fromkeys(_BOOLS.split(), "bool"),
    **dict.fromkeys(_NUMBERS.split(), "number"),
    **dict.fromkeys(_LISTS.split(), "list"),
    **dict.fromkeys(_TEXTS.split(), "text"),
    "log-opts": "texts by name",
    "cluster-store-opts": "texts by name",
    "default-address-pools": "objects",
    "runtimes": "object",
    "default-ulimits": "object",
    "features": "object",
    "builder": "object",
    **dict.fromkeys(
        [
            "add-runtime",
            "default-shm-size",
            "containerd-plugins-namespace",
            "containerd-plugin-namespace",
            "deprecated-key-path",
            "restart",
            "config-file",
            "version",
            "help",
        ],
        "any",
    ),
}
FLAT = ("cluster-store-opts", "default-network-opts", "log-opts", "runtimes", "default-ulimits", "features", "builder")
_SHORT = {
    "D": "debug",
    "G": "group",
    "H": "host",
    "b": "bridge",
    "g": "graph",
    "l": "log-level",
    "p": "pidfile",
    "s": "storage-driver",
}


def options(arguments: list[str]) -> dict[str, str]:
    """Return the options of dockerd's arguments by their long names; the last value of each."""
    found: dict[str, str] = {}
    following = iter([*arguments[1:], ""])
    for argument, after in zip(arguments, following, strict=False):
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
        elif argument.startswith("-") and len(argument) > 1:
            name, equals, value = _SHORT.get(argument[1], argument[1]), argument[2:], argument[2:].removeprefix("=")
        else:
            continue
        if not equals and not after.startswith("-") and name not in _BOOLS.split():
            value = after
        if name:
            found[name] = value
    return found
