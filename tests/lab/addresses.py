"""Who is who in the lab's small internet: names, addresses and ports.

The public addresses come from 30.0.0.0/8, which is global to every program that
classifies addresses and announced nowhere; none of them ever leaves the lab's namespaces.
"""

from typing import Final

HERE: Final = "10.77.0.2"
"""The machine under test: dockerd, containerd, kdoctor."""
GATEWAY: Final = "10.77.0.1"
RESOLVER: Final = "10.77.0.53"
"""The company's resolver, the only one in `/etc/resolv.conf` of `here`."""
PREFIX: Final = 24
DEVICE: Final = "eth0"
UPSTREAM: Final = "eth1"
"""The other end of `eth0`, in the namespace `internet`."""

PROXY: Final = "proxy.corp.test"
PROXY_OPEN: Final = 3128
PROXY_AUTH: Final = 3129
PROXY_DENY: Final = 3130
PROXY_INTERCEPT: Final = 3131
PROXY_SILENT: Final = 3132
PROXY_CLOSED: Final = 3199
PROXY_CODED: Final = 3000
"""Plus an HTTP status: the port where a proxy answers every request with it."""
PROXY_CODES: Final = (200, 407, 502, 503, 504)
UNKNOWN_PROXY: Final = "no-such-proxy.corp.test"

HUB: Final = "registry-1.docker.io"
TOKENS: Final = "auth.docker.io"
BLOBS: Final = "production.cloudflare.docker.com"
K8S: Final = "registry.k8s.io"
CORP: Final = "registry.corp.test"
PRIVATE: Final = "private.corp.test"
PRIVATE_USER: Final = "dev"
PRIVATE_PASSWORD: Final = "lab"
MIRROR: Final = "mirror.corp.test"
SINKHOLE: Final = "10.77.0.13"
BLOCK_PAGE: Final = "blocked.corp.test"
"""A web server to which a filter sends what it does not want reached."""
OTHER_PORT: Final = 8443
"""The port on which every web host listens besides 443."""

PUBLIC_NETWORK: Final = "30.77.0.0/16"
PUBLIC_RESOLVERS: Final = ("8.8.8.8", "1.1.1.1", "9.9.9.9", "223.5.5.5")
LOOPBACK_RESOLVER: Final = "127.0.0.1"
"""Where squid asks, inside `internet`; like the public resolvers it never breaks."""

CORP_HOSTS: Final = {
    PROXY: "10.77.0.8",
    CORP: "10.77.0.9",
    PRIVATE: "10.77.0.10",
    MIRROR: "10.77.0.11",
    BLOCK_PAGE: SINKHOLE,
}
"""The company's own hosts: on the link of `here`, unknown to the public resolvers."""

PUBLIC_HOSTS: Final = {
    HUB: "30.77.1.1",
    TOKENS: "30.77.1.2",
    BLOBS: "30.77.1.3",
    "index.docker.io": "30.77.1.4",
    "docker.io": "30.77.1.5",
    "hub.docker.com": "30.77.1.6",
    K8S: "30.77.2.1",
    "k8s.gcr.io": "30.77.2.2",
    "gcr.io": "30.77.2.3",
    "dl.k8s.io": "30.77.2.4",
    "quay.io": "30.77.3.1",
    "ghcr.io": "30.77.4.1",
    "mcr.microsoft.com": "30.77.5.1",
    "public.ecr.aws": "30.77.6.1",
    "registry.aliyuncs.com": "30.77.7.1",
    "registry.cn-hangzhou.aliyuncs.com": "30.77.7.2",
}

IPV6_HOST: Final = "2600:1f18:2148:bc00::77"
"""The address of a host whose name has only an AAAA record."""

HOSTS: Final = {**CORP_HOSTS, **PUBLIC_HOSTS}
NAMES: Final = {address: name for name, address in HOSTS.items()}
