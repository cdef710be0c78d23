"""What the lab's hosts say over HTTP: registries, token servers, a blob host.

Content comes from a docker-registry; this module adds what stands before it in the world
(the distribution specification's token dance, redirects, quotas) and the failures.
"""

import base64
import http.client
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from . import addresses
from .images import REPOSITORIES
from .manners import Answer

_REPOSITORY: Final = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags)/(?P<ref>[^/?]+)")
_STORED: Final = re.compile(r"/lab/(?P<name>.+)/(?P<digest>sha256:[0-9a-f]{64})")
_PASSED_ON: Final = ("Accept", "Range")
_PASSED_BACK: Final = ("Content-Type", "Docker-Content-Digest", "Content-Range", "Accept-Ranges")
_CUT_AFTER: Final = 64 << 10
_CREDENTIALS: Final = base64.b64encode(f"{addresses.PRIVATE_USER}:{addresses.PRIVATE_PASSWORD}".encode()).decode()
_RATE_LIMITED: Final = (
    "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, as far as these hosts read it."""

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; the connection dies after `cut_after` bytes of the body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_after: int | None = None
    stalls: bool = False
    """Whether it stays open there instead, saying no more."""


@dataclass(frozen=True, slots=True)
class Site:
    """A registry: where its content lies in the store and what it asks of its clients."""

    store: str
    realm: str | None = None
    """URL of the token server; without one, everybody may read."""
    service: str = ""
    basic: bool = False
    blobs: str | None = None
    """Host to which blobs are redirected."""


SITES: Final = {
    addresses.HUB: Site(
        "docker.io",
        realm=f"https://{addresses.TOKENS}/token",
        service="registry.docker.io",
        blobs=addresses.BLOBS,
    ),
    "quay.io": Site("quay.io", realm="https://quay.io/v2/auth", service="quay.io"),
    "ghcr.io": Site("ghcr.io", realm="https://ghcr.io/token", service="ghcr.io"),
    addresses.PRIVATE: Site(addresses.PRIVATE, basic=True),
    **{
        name: Site(name)
        for name in (
            addresses.K8S,
            addresses.CORP,
            addresses.MIRROR,
            "registry.aliyuncs.com",
            "registry.cn-hangzhou.aliyuncs.com",
            "k8s.gcr.io",
            "gcr.io",
            "mcr.microsoft.com",
            "public.ecr.aws",
        )
    },
}

_HTML: Final = {"Content-Type": "text/html"}


def _page(status: int, title: str) -> Reply:
    return Reply(status, dict(_HTML), f"<html><head><title>{title}</title></head><body>{title}</body></html>".encode())


_PAGES: Final = {
    Answer.ERROR: _page(500, "500 Internal Server Error"),
    Answer.BAD_GATEWAY: _page(502, "502 Bad Gateway"),
    Answer.NO_SUCH_PAGE: _page(404, "404 Not Found"),
    Answer.NONSENSE: _page(200, "Welcome to the portal"),
    Answer.QUOTA: _page(429, "429 Too Many Requests"),
}


def reply(host: str, request: Request, answer: Answer, store_port: int) -> Reply:
    """Answer one request sent to `host`."""
    if answer is Answer.FORBIDDEN:
        page = b"<html><head><title>403</title></head><body>Blocked by policy</body></html>"
        return Reply(403, {"Content-Type": "text/html"}, page)
    if answer is Answer.UNAVAILABLE:
        page = b"upstream connect error or disconnect/reset before headers\n"
        return Reply(503, {"Content-Type": "text/plain"}, page)
    if answer in _PAGES:
        return _PAGES[answer]
    if answer is Answer.LOOP:
        return Reply(302, {"Location": f"https://{host}{request.target}"})
    if answer is Answer.UNAUTHORIZED:
        return _unauthorized('Basic realm="Registry Realm"')
    path = request.target.partition("?")[0]
    if path in ("/token", "/v2/auth"):
        return _json(200, {"token": "lab", "access_token": "lab", "expires_in": 300})
    if host == addresses.BLOBS and (stored := _STORED.fullmatch(path)):
        blob = f"/v2/{stored['name']}/blobs/{stored['digest']}"
        return _fetch(request, blob, store_port, answer)
    site = SITES.get(host)
    if site is None or not path.startswith("/v2/"):
        return Reply(404, {"Content-Type": "text/plain"}, b"not found\n")
    return _registry(site, request, answer, store_port)


def _registry(site: Site, request: Request, answer: Answer, store_port: int) -> Reply:
    path = request.target.partition("?")[0]
    asked = _REPOSITORY.fullmatch(path)
    challenge = _challenge(site, request, asked["name"] if asked else None)
    if challenge is not None:
        return challenge
    if asked is None:
        return _json(200, {}) if path == "/v2/" else _error(404, "UNSUPPORTED", "not found")
    if answer is Answer.RATE_LIMITED and asked["kind"] == "manifests":
        limits = {"Retry-After": "21600", "ratelimit-remaining": "0;w=21600"}
        return _error(429, "TOOMANYREQUESTS", _RATE_LIMITED, limits)
    if answer is Answer.SCHEMA1 and asked["kind"] == "manifests":
        return _schema1(asked["name"])
    repository = f"{site.store}/{asked['name']}"
    if asked["kind"] == "blobs" and site.blobs is not None:
        target = f"https://{site.blobs}/lab/{repository}/{asked['ref']}?verify=lab"
        return Reply(307, {"Location": target})
    found = _fetch(request, f"/v2/{repository}/{asked['kind']}/{asked['ref']}", store_port, answer)
    if site.blobs is not None and asked["kind"] == "manifests":
        found.headers["ratelimit-limit"] = "100;w=21600"
        found.headers["ratelimit-remaining"] = "98;w=21600"
    return found


def _schema1(name: str) -> Reply:
    """Return a manifest as registries of 2015 made them."""
    found = _json(200, {"schemaVersion": 1, "name": name, "tag": "latest", "fsLayers": [], "history": []})
    found.headers["Content-Type"] = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    return found


def _challenge(site: Site, request: Request, name: str | None) -> Reply | None:
    """Return the 401 that stands between this client and the content, if one does."""
    credentials = request.headers.get("Authorization", "")
    if site.basic:
        known = credentials == f"Basic {_CREDENTIALS}"
        return None if known else _unauthorized('Basic realm="Registry Realm"')
    if site.realm is None:
        return None
    bearer = f'Bearer realm="{site.realm}",service="{site.service}"'
    scope = f',scope="repository:{name}:pull"' if name else ""
    if not credentials.startswith("Bearer "):
        return _unauthorized(bearer + scope)
    if name is not None and f"{site.store}/{name}" not in REPOSITORIES:
        return _unauthorized(f'{bearer}{scope},error="insufficient_scope"')
    return None


def _unauthorized(challenge: str) -> Reply:
    return _error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    content = {"errors": [{"code": code, "message": message, "detail": None}]}
    answer = _json(status, content)
    answer.headers.update(headers or {})
    return answer


def _json(status: int, content: object) -> Reply:
    headers = {
        "Content-Type": "application/json",
        "Docker-Distribution-Api-Version": "registry/2.0",
    }
    return Reply(status, headers, json.dumps(content).encode())


def _fetch(request: Request, path: str, store_port: int, answer: Answer) -> Reply:
    """Get `path` from the store; the body is there for HEAD too, to know its length."""
    connection = http.client.HTTPConnection("127.0.0.1", store_port, timeout=10)
    passed = {key: request.headers[key] for key in _PASSED_ON if key in request.headers}
    try:
        connection.request("GET", path, headers=passed)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    back = {key: response.headers[key] for key in _PASSED_BACK if key in response.headers}
    back["Docker-Distribution-Api-Version"] = "registry/2.0"
    cut = None
    if answer in (Answer.CUT, Answer.STALL) and len(body) > _CUT_AFTER:
        cut = 0 if "Range" in request.headers else _CUT_AFTER
    return Reply(response.status, back, body, cut, stalls=cut is not None and answer is Answer.STALL)
