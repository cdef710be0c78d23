"""A registry's API as a puller uses it: scheme, Bearer token or Basic login, manifests, blobs.

OCI distribution spec 1.1 and distribution's token specification. Tokens never leave this module. A login
is sent only where the run may take it, and only to the host that it is stored for and its token server.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from kdoctor import oci
from kdoctor.model import UNSEEN
from kdoctor.probes import challenges, registry_answers
from kdoctor.probes.ask import Found
from kdoctor.probes.http_messages import Failed, Response, Url
from kdoctor.probes.registry_http import BODY_LIMIT, Conversation, Follow
from kdoctor.probes.streams import split_host_port
from kdoctor.registries import api_host, canonical, is_well_known

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking
    from kdoctor.probes.login import Login
    from kdoctor.references import Reference

MANIFEST_LIMIT = 1024 * 1024
MANIFEST = {"Accept": oci.ACCEPT}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CLIENT = "docker"
"""The client_id that dockerd gives to token servers (docker/registry, AuthClientID)."""


@dataclass(frozen=True, slots=True)
class Token:
    """What came of asking a token server, in the outcomes of registry.token; `value` is never shown."""

    outcome: str
    detail: str
    realm: str = ""
    host: str = ""
    address: str | None = None
    status: int | None = None
    message: str = ""
    cause: str = ""
    login: str = ""
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """The last answer of a registry to a request; `token` tells of the token server, if one was asked.

    `login` names the file or helper whose login was sent, to either; it is empty where none was.
    """

    response: Response
    token: Token | None = None
    login: str = ""


Answer = Answered | Failed | Token
"""A Token as an answer is a token server that gave none: the registry's own answer is not known."""


def untrusted(ask: Asking, registry: str) -> str | None:
    """Return why a registry must not be asked more than /v2/, None when it may (DESIGN, Safety)."""
    name = canonical(registry)
    if is_well_known(name) or name in {canonical(host) for host in ask.trusted_hosts}:
        return None
    return f"{registry} stands only in the text; give --registry {registry} to look further"


def base_url(registry: str) -> Url | None:
    """Return https://HOST[:PORT]/v2/ of a registry's API, None when the name is none."""
    return Url.parse(f"https://{api_host(registry)}/v2/")


class Api:
    """One registry (or mirror), spoken to within one conversation.

    `base` ends in /v2/; `namespace` is the ?ns= that containerd sends to mirrors. A registry that
    docker treats as insecure is asked over plain HTTP when HTTPS is not to be had. With `logins` a
    stored login is sent where the registry asks for one.
    """

    def __init__(
        self, http: Conversation, registry: str, base: Url, namespace: str | None = None, *, logins: bool = False
    ) -> None:
        self._http = http
        self.registry = registry
        self.base = base
        self._namespace = namespace
        self._logins = logins
        self._token: Token | None = None
        self._authorization = ""
        self._login = ""

    @property
    def remaining(self) -> float:
        """Seconds left for this conversation."""
        return self._http.remaining

    async def ping(self, follow: Follow = "any") -> Response | Failed:
        """GET /v2/ without a token."""
        return await self._request("GET", "", {}, BODY_LIMIT, follow)

    async def manifest(self, method: str, repository: str, reference: str) -> Answer:
        """HEAD or GET a manifest by tag or digest."""
        path = f"{repository}/manifests/{reference}"
        return await self.ask(method, path, repository, MANIFEST, MANIFEST_LIMIT)

    async def ask(
        self, method: str, path: str, repository: str, headers: dict[str, str] | None = None, limit: int = BODY_LIMIT
    ) -> Answer:
        """Ask for a path below /v2/; on a challenge get a token, or send the login, and ask again, once."""
        wanted = dict(headers or {})
        if self._authorization:
            wanted["Authorization"] = self._authorization
        answer = await self._request(method, path, wanted, limit)
        if isinstance(answer, Failed) or answer.status != 401 or self._authorization:
            return answer if isinstance(answer, Failed) else Answered(answer, self._token, self._login)
        got = await self._authorize(registry_answers.demanded(answer), repository)
        if isinstance(got, Token):
            return got
        if not got:
            return Answered(answer)
        wanted["Authorization"] = self._authorization = got
        again = await self._request(method, path, wanted, limit)
        return again if isinstance(again, Failed) else Answered(again, self._token, self._login)

    async def _authorize(self, demanded: Sequence[challenges.Challenge], repository: str) -> str | Token:
        """Return the Authorization field that answers a challenge, empty where there is none; or the refusal."""
        login = await self._http.ask.login(self.registry) if self._logins else None
        challenge = challenges.bearer(demanded)
        if challenge is not None:
            token = await self._fetch_token(challenge, repository, login)
            if token.value is None:
                return token
            self._token, self._login = token, token.login
            return f"Bearer {token.value}"
        basic = login.basic() if login is not None and any(one.scheme == "basic" for one in demanded) else ""
        if login is None or not basic or not self._may_send(login, self.base):
            return ""
        self._login = login.source
        return basic

    def _may_send(self, login: Login, url: Url) -> bool:
        trust = self._http.ask.vantage.trust(self.registry)
        return login.may_go_to(url, insecure=trust.insecure)

    async def _request(
        self, method: str, path: str, headers: dict[str, str], limit: int, follow: Follow = "any"
    ) -> Response | Failed:
        target = f"{self.base.path}{path}" + (f"?ns={self._namespace}" if self._namespace else "")
        answer = await self._http.request(method, replace(self.base, path=target), headers, limit=limit, follow=follow)
        if not isinstance(answer, Failed) or self._login or not self._falls_back(answer):
            return answer  # a login never goes over plain HTTP
        port = 80 if self.base.port == 443 else self.base.port
        plain = replace(self.base, scheme="http", port=port, path=target)
        second = await self._http.request(method, plain, headers, limit=limit, follow=follow)
        if isinstance(second, Failed) and second.phase and second.url.host == plain.host:
            return answer  # no HTTP either: what HTTPS said is nearer to the cause
        self.base = replace(plain, path=self.base.path)
        return second

    def _falls_back(self, failed: Failed) -> bool:
        """Tell whether docker would now try plain HTTP: only for registries that it holds insecure."""
        if self.base.scheme != "https" or failed.phase not in ("connect", "tls") or failed.url.host != self.base.host:
            return False
        trust = self._http.ask.vantage.trust(self.registry)
        return trust.insecure or _within(failed.address, trust.insecure_networks)

    async def _fetch_token(self, challenge: challenges.Challenge, repository: str, login: Login | None) -> Token:
        """GET the realm with service and scope (distribution, token specification); a login is never redirected.

        An identity token is exchanged by POST, as dockerd does it (distribution, OAuth2 token specification).
        """
        realm = challenge.params.get("realm", "")
        url = Url.parse(realm)
        if url is None:
            shown = registry_answers.printable(realm, 80)
            return Token("malformed", f"{self.registry} names no usable token server: {shown!r}", shown, cause="realm")
        scope = challenge.params.get("scope") or f"repository:{repository}:pull"
        query = {"service": challenge.params.get("service", ""), "scope": scope}
        extra = urlencode({name: value for name, value in query.items() if value})
        asked = replace(url, path=f"{url.path}{'&' if '?' in url.path else '?'}{extra}")
        shown = str(url).partition("?")[0]
        if login is None or not self._may_send(login, url):
            return read_token(shown, await self._http.request("GET", asked))
        if login.identity:
            form = {"grant_type": "refresh_token", "refresh_token": login.identity, "client_id": CLIENT, **query}
            body = urlencode({name: value for name, value in form.items() if value}).encode()
            answer = await self._http.request("POST", url, FORM, follow="no", body=body)
        else:
            answer = await self._http.request("GET", asked, {"Authorization": login.basic()}, follow="no")
        return replace(read_token(shown, answer), login=login.source)


def read_token(realm: str, answer: Response | Failed) -> Token:
    """Classify what a token server answered, in the outcomes of registry.token."""
    host = answer.url.netloc
    if isinstance(answer, Failed):
        detail = f"the token server {host}: {answer.detail}"
        return Token(answer.outcome, detail, realm, host, answer.address, cause=answer.cause)
    said = registry_answers.shown(answer)
    outcome, value = _token_outcome(answer), None
    if outcome == "ok":
        value = _token_value(answer)
        outcome = "ok" if value else "malformed"
    detail = f"the token server {host} answered {answer.status}" + ("" if outcome == "ok" or not said else f": {said}")
    if outcome == "malformed" and answer.status == 200:
        detail, said = f"the token server {host} answered 200 without a token", ""
    message = "" if outcome == "ok" else said
    return Token(outcome, detail, realm, host, answer.address, answer.status, message, value=value)


def _token_outcome(answer: Response) -> str:
    known = {200: "ok", 401: "unauthorized", 403: "denied", 451: "denied", 429: "rate-limited"}
    return known.get(answer.status, "server-error" if answer.status >= 500 else "malformed")


def _token_value(answer: Response) -> str | None:
    """Return `token` or `access_token`, when it is fit for a header field."""
    document = oci.read_json(answer.body)
    if not isinstance(document, dict):
        return None
    for key in ("token", "access_token"):
        value = document.get(key)
        if isinstance(value, str) and value and value.isascii() and value.isprintable() and " " not in value:
            return value
    return None


def api_of(http: Conversation, reference: Reference) -> Api | Found:
    """Return the API of an image's registry; a Found where the registry's name is none."""
    base = base_url(reference.registry)
    if base is None:
        return Found(UNSEEN, f"{reference.registry} is no host[:port] of a registry")
    return Api(http, reference.registry, base, logins=True)


def _within(address: str | None, networks: tuple[str, ...]) -> bool:
    try:
        host, _ = split_host_port(address or "", 0)
        ip = ipaddress.ip_address(host)
        return any(ip in ipaddress.ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False
