"""Does the registry answer, give a token, and hold the image's manifest?"""

from __future__ import annotations

import difflib
import hashlib
import re
from typing import TYPE_CHECKING

from kdoctor import oci
from kdoctor.model import UNSEEN
from kdoctor.probes import registry_answers
from kdoctor.probes.ask import Found
from kdoctor.probes.http_messages import Failed, Response
from kdoctor.probes.registry_answers import fields, shown
from kdoctor.probes.registry_api import Answered, Api, Token, api_of, base_url, untrusted
from kdoctor.probes.registry_http import Conversation
from kdoctor.probes.wire import FAR
from kdoctor.references import ImageNameError, Reference, parse

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

TAGS_LIMIT = 256 * 1024
_TAGS_SHOWN = 5
_TAG = re.compile(r'"([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"')

QUOTA_RESERVE = 10
"""Pulls that are left to the person: below it, nothing that counts is asked."""


async def ping(ask: Asking, registry: str) -> Found:
    """Ask GET /v2/, the one request that any registry may be sent."""
    base = base_url(registry)
    if base is None:
        return Found(UNSEEN, f"{registry} is no host[:port] of a registry")
    stranger = untrusted(ask, registry)
    if (far := FAR.get()) and not far.relays:
        from kdoctor.probes import far_https

        said = await far_https.ping(ask, far, registry)
        if isinstance(said, Found):
            return said
        return _ping_failed(said) if isinstance(said, Failed) else _pinged(registry, said)
    async with Conversation(ask) as http:
        answer = await Api(http, registry, base).ping("same-host" if stranger else "any")
    if isinstance(answer, Failed):
        return _ping_failed(answer)
    if stranger and answer.status in (301, 302, 303, 307, 308) and answer.header("location"):
        elsewhere = registry_answers.printable(answer.header("location") or "", 80)
        return Found(UNSEEN, f"{registry} redirects /v2/ to {elsewhere}, which is not followed: {stranger}")
    return _pinged(registry, answer)


def _ping_failed(failed: Failed) -> Found:
    if failed.outcome == "malformed":
        return Found("not-registry", failed.detail, fields(cause=failed.cause))
    return Found(failed.outcome, failed.detail, fields(cause=failed.cause))


def _pinged(registry: str, answer: Response) -> Found:
    outcome = registry_answers.ping_outcome(answer)
    asked = registry_answers.demanded(answer)
    first = next((one for one in asked if one.scheme in ("bearer", "basic")), asked[0] if asked else None)
    body = "" if outcome in ("ok", "challenge") else shown(answer)
    data = fields(
        status=answer.status,
        scheme=first.scheme if first else None,
        realm=registry_answers.printable(first.params.get("realm", "")) if first else None,
        service=registry_answers.printable(first.params.get("service", "")) if first else None,
        server=registry_answers.printable(answer.header("server") or "", 80),
        body=body,
        api_version=registry_answers.printable(answer.header("docker-distribution-api-version") or "", 40),
        clock_skew=registry_answers.clock_skew(answer),
    )
    where = answer.url.netloc if answer.url.host not in registry else registry
    said = f": {body}" if body else ""
    return Found(outcome, f"GET {answer.url.scheme}://{where}/v2/ answered {answer.status}{said}", data)


async def token(ask: Asking, image: str) -> Found:
    """Ask the registry's token server for an anonymous token to pull the image."""
    reference = _reference(ask, image)
    if isinstance(reference, Found):
        return reference
    async with Conversation(ask) as http:
        api = api_of(http, reference)
        if isinstance(api, Found):
            return api
        answer = await api.manifest("HEAD", reference.repository, reference.object)
    if isinstance(answer, Failed):
        data = fields(host=answer.url.netloc, address=answer.address, cause=answer.cause)
        return Found(answer.outcome, f"the registry itself: {answer.detail}", data)
    if isinstance(answer, Answered):
        if answer.token is None:
            return _no_token(reference, answer)
        answer = answer.token
    data = fields(
        realm=answer.realm,
        host=answer.host,
        address=answer.address,
        status=answer.status,
        message=answer.message,
        cause=answer.cause,
        login=answer.login,
    )
    return Found(answer.outcome, answer.detail, data)


def _no_token(reference: Reference, answer: Answered) -> Found:
    """Say what it means that the registry asked for no Bearer token."""
    response = answer.response
    data = fields(host=response.url.netloc, status=response.status, login=answer.login)
    if response.status == 401:
        schemes = [one.scheme for one in registry_answers.demanded(response)]
        outcome = "basic" if "basic" in schemes else "unauthorized"
        asked = ", ".join(schemes) or "nothing that can be read"
        if answer.login:
            return Found("unauthorized", f"{reference.registry} does not take the login of {answer.login}", data)
        return Found(outcome, f"{reference.registry} asks for credentials itself ({asked})", data)
    if response.status in (200, 404, 405):
        how = f"takes the login of {answer.login}" if answer.login else f"answers {reference.name} without a token"
        return Found("not-needed", f"{reference.registry} {how}", data)
    detail = f"{reference.registry} answered {response.status} before it asked for a token"
    return Found(UNSEEN, detail, data)


async def manifest(ask: Asking, image: str) -> Found:
    """Ask whether the manifest is there: HEAD, which costs no quota; GET only where HEAD leaves it open."""
    reference = _reference(ask, image)
    if isinstance(reference, Found):
        return reference
    async with Conversation(ask) as http:
        api = api_of(http, reference)
        if isinstance(api, Found):
            return api
        return await look_up(api, reference)


async def look_up(api: Api, reference: Reference, *, tags: bool = True) -> Found:
    """Find out about one manifest at one registry or mirror; the outcomes are those of registry.manifest.

    With `tags` a missing tag costs one more request, for those that there are.
    """
    answer = await api.manifest("HEAD", reference.repository, reference.object)
    if isinstance(answer, Answered) and _leaves_open(answer.response):
        second = await api.manifest("GET", reference.repository, reference.object)
        if not isinstance(second, Answered):
            return _not_answered(second)
        answer = second
    if not isinstance(answer, Answered):
        return _not_answered(answer)
    found = _described(reference, answer)
    if tags and found.outcome == "not-found" and reference.tag and not reference.digest:
        return await _with_tags(api, reference, found)
    return found


def _leaves_open(response: Response) -> bool:
    """Tell whether HEAD was not enough, as containerd and docker decide; GET counts where it succeeds."""
    if response.status in (403, 404, 405):
        return True
    if response.status != 200 or _digest(response):
        return False
    left = registry_answers.quota(response).remaining
    return left is None or left >= QUOTA_RESERVE


def _described(reference: Reference, answer: Answered) -> Found:
    response = answer.response
    outcome = registry_answers.manifest_outcome(response, authorised=answer.token is not None)
    said, left = registry_answers.complaint(response), registry_answers.quota(response)
    message = "" if outcome == "ok" else said.message or shown(response)
    data = fields(
        host=response.url.netloc,
        status=response.status,
        code=said.code if outcome != "ok" else None,
        message=message,
        digest=_digest(response) if outcome == "ok" else None,
        media_type=registry_answers.printable((response.header("content-type") or "").partition(";")[0], 100),
        remaining=left.remaining,
        limit=left.limit,
        source=left.source,
        login=answer.login,
    )
    where = f"{response.url.netloc} answered {response.status} for {reference}"
    return Found(outcome, where + (f": {message}" if message else ""), data)


def _not_answered(answer: Failed | Token) -> Found:
    if isinstance(answer, Failed):
        return Found(answer.outcome, answer.detail, fields(host=answer.url.netloc, cause=answer.cause))
    cause = f"token {answer.cause or answer.outcome}"
    data = fields(host=answer.host, status=answer.status, message=answer.message, cause=cause, login=answer.login)
    return Found(answer.outcome if answer.outcome != "basic" else "unauthorized", answer.detail, data)


def _digest(response: Response) -> str | None:
    """Return the digest that the registry states, or that the whole body of a GET has."""
    stated = response.header("docker-content-digest")
    if oci.is_digest(stated):
        return stated
    if response.body and response.ending == "complete":
        return f"sha256:{hashlib.sha256(response.body).hexdigest()}"
    return None


async def _with_tags(api: Api, reference: Reference, found: Found) -> Found:
    """Add the tags nearest to the one that is missing; a repository without a list is missing itself."""
    answer = await api.ask("GET", f"{reference.repository}/tags/list", reference.repository, {}, TAGS_LIMIT)
    if not isinstance(answer, Answered):
        return found
    response = answer.response
    if response.status == 404 and registry_answers.complaint(response).code == "NAME_UNKNOWN":
        return Found("name-unknown", f"{found.detail}; the registry knows no repository of that name", found.data)
    tags = nearest_tags(reference.tag or "", listed_tags(response.body)) if response.status == 200 else ()
    if not tags:
        return found
    return Found(found.outcome, f"{found.detail}; there is {', '.join(tags)}", {**found.data, "tags": tags})


def listed_tags(body: bytes) -> list[str]:
    """Return the tags of a tags/list answer, also of one that was cut off in the middle."""
    text = body.decode("utf-8", "replace")
    inside = text.partition('"tags"')[2].partition("[")[2].partition("]")[0]
    return _TAG.findall(inside)


def nearest_tags(tag: str, tags: list[str]) -> tuple[str, ...]:
    """Return at most five of the tags: those that look like the one given, then latest."""
    near = difflib.get_close_matches(tag, [t for t in tags[:1000] if len(t) <= 64], n=_TAGS_SHOWN - 1, cutoff=0.5)
    latest = ["latest"] if "latest" in tags else []
    return tuple(dict.fromkeys([*near, *latest]))


def _reference(ask: Asking, image: str) -> Reference | Found:
    """Parse the image and check that its registry may be asked; a Found says why not."""
    try:
        reference = parse(image)
    except ImageNameError as error:
        return Found(UNSEEN, str(error))
    stranger = untrusted(ask, reference.registry)
    return Found(UNSEEN, stranger) if stranger else reference
