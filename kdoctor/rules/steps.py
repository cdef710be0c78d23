"""The steps of the walk that a rule's `detect` may name, and the kind of probe that each asks."""

from __future__ import annotations

from collections.abc import Mapping

KIND_OF: Mapping[str, str] = {
    "daemon": "docker.ping",
    "daemon-config": "docker.config",
    "config": "config.file",
    "disk": "host.disk",
    "credentials": "docker.credentials",
    "proxy-settings": "proxy.settings",
    "resolvers": "dns.resolvers",
    "name": "dns.lookup",
    "proxy-name": "dns.lookup",
    "connect": "tcp.connect",
    "proxy-connect": "tcp.connect",
    "proxy-speaks": "proxy.speaks",
    "tunnel": "proxy.tunnel",
    "tls": "tls.handshake",
    "ping": "registry.ping",
    "token": "registry.token",
    "manifest": "registry.manifest",
    "platform": "registry.platform",
    "blob": "registry.blob",
    "mirrors": "registry.mirrors",
    "distribution": "docker.distribution",
    "tool": "host.tool",
    "swap": "host.swap",
    "capacity": "host.capacity",
    "port": "host.port",
    "cgroup": "host.cgroup",
    "inotify": "host.inotify",
    "virtualization": "host.virtualization",
    "kernel": "kernel.config",
    "module": "kernel.module",
    "setting": "kernel.setting",
    "leftovers": "node.leftovers",
    "node-name": "node.name",
    "kubeconfig": "kube.config",
    "apiserver": "kube.api",
    "context": "kube.context",
    "nodes": "kube.nodes",
    "profile": "minikube.profile",
    "driver": "minikube.driver",
    "cluster": "cluster.local",
}
"""The kind of probe that each step asks."""
