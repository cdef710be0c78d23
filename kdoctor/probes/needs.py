"""What each tool needs of the host, as its own checks have it. Pure data.

Sources: kubeadm's preflight checks and kubernetes/system-validators; check-config.sh of moby and of k3s;
minikube's pkg/minikube/constants and cmd/minikube/cmd/start.go. What these mark as optional is not here,
nor IPVS, which only Swarm and one mode of kube-proxy use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """The fewest CPUs, and the least memory in MiB."""

    cpus: int
    memory: int


SIZES: Mapping[str, Size] = {"kubeadm": Size(2, 1700), "minikube": Size(2, 1800), "k3s": Size(1, 512)}
"""kubeadm's preflight (a control plane), minikube's minimum, the k3s documentation's for an agent."""

PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "minikube": ("minikube",),
    "kind": ("kind", "docker"),
    "k3s": ("k3s",),
    "kubeadm": ("kubeadm", "kubelet", "ip", "iptables", "mount", "nsenter"),
    "docker": ("docker",),
}
"""The programs without which each tool stops."""

USEFUL: Mapping[str, tuple[str, ...]] = {
    "minikube": ("kubectl",),
    "kind": ("kubectl",),
    "kubeadm": ("kubectl", "crictl", "conntrack", "ethtool", "socat"),
}
"""The programs that each tool misses with a warning (conntrack: Kubernetes before 1.32 stops without it)."""

PORTS: Mapping[str, tuple[str, ...]] = {
    "kubeadm": ("6443", "10250", "10257", "10259", "2379", "2380"),
    "k3s": ("6443", "10250"),
}
"""The TCP ports of a control plane. Those of k3s's embedded etcd are taken only with --cluster-init."""

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "kubeadm": ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/bridge/bridge-nf-call-iptables"),
}
"""The kernel settings that must be 1. Docker and k3s set theirs by themselves."""

MODULES: Mapping[str, tuple[str, ...]] = {
    "kubeadm": ("overlay", "br_netfilter"),
    "k3s": ("overlay", "br_netfilter", "vxlan"),
}
"""The kernel modules that must be there (vxlan: for k3s's own network, unless another is chosen)."""

CONTROLLERS: Mapping[str, tuple[str, ...]] = {
    "kubeadm": ("cpu", "cpuset", "memory", "pids", "v2"),
    "k3s": ("cpu", "cpuset", "memory"),
}
"""The cgroup controllers that the kubelet needs; v2 stands for cgroup v2 itself."""

LEFTOVERS: Mapping[str, tuple[str, ...]] = {
    "kubeadm": (
        "/etc/kubernetes/manifests/kube-apiserver.yaml",
        "/etc/kubernetes/manifests/kube-controller-manager.yaml",
        "/etc/kubernetes/manifests/kube-scheduler.yaml",
        "/etc/kubernetes/manifests/etcd.yaml",
        "/etc/kubernetes/kubelet.conf",
        "/etc/kubernetes/bootstrap-kubelet.conf",
        "/var/lib/etcd",
    ),
}
"""Files that must not be there, and directories that must be empty: `init` looks at some, `join` at the others."""

_NAMESPACES = ("NAMESPACES", "NET_NS", "PID_NS", "IPC_NS", "UTS_NS", "CGROUPS")
_CONTAINERS = (
    *_NAMESPACES,
    "KEYS",
    "POSIX_MQUEUE",
    "VETH",
    "BRIDGE",
    "NF_NAT",
    "NETFILTER_XT_MATCH_ADDRTYPE",
    "NETFILTER_XT_MATCH_CONNTRACK",
    "OVERLAY_FS",
)
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "docker": _CONTAINERS,
    "kind": _CONTAINERS,
    "k3s": (
        *_CONTAINERS,
        "CPUSETS",
        "MEMCG",
        "SECCOMP",
        "BRIDGE_NETFILTER",
        "NETFILTER_XT_MATCH_COMMENT",
        "NETFILTER_XT_MATCH_MULTIPORT",
        "NETFILTER_XT_MATCH_STATISTIC",
    ),
    "kubeadm": (
        *_NAMESPACES,
        "CPUSETS",
        "MEMCG",
        "INET",
        "PROC_FS",
        "OVERLAY_FS",
        "NETFILTER_XT_TARGET_REDIRECT",
        "NETFILTER_XT_MATCH_COMMENT",
        "FAIR_GROUP_SCHED",
    ),
}
"""The options of the kernel's configuration without which containers, or the kubelet, do not run."""

INSTEAD: Mapping[str, tuple[str, ...]] = {
    "OVERLAY_FS": ("BTRFS_FS",),
    "NETFILTER_XT_TARGET_REDIRECT": ("IP_NF_TARGET_REDIRECT",),
}
"""What does as well: another storage driver, the option's name before Linux 3.7."""

OPTION_OF: Mapping[str, str] = {
    "overlay": "OVERLAY_FS",
    "br_netfilter": "BRIDGE_NETFILTER",
    "bridge": "BRIDGE",
    "veth": "VETH",
    "vxlan": "VXLAN",
    "tun": "TUN",
    "fuse": "FUSE_FS",
    "ip_vs": "IP_VS",
    "ip_tables": "IP_NF_IPTABLES",
    "iptable_nat": "IP_NF_NAT",
    "iptable_filter": "IP_NF_FILTER",
    "nf_conntrack": "NF_CONNTRACK",
    "nf_tables": "NF_TABLES",
    "configs": "IKCONFIG",
}
"""The option of the kernel's configuration that makes a module."""
