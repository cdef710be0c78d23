"""Does the image exist for the puller's platform, and do its bytes arrive?

Both questions need the index and the manifest, whose GETs count against Docker Hub's quota: each is
fetched once per digest, and never below the reserve.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from kdoctor import oci
from kdoctor.model import CUT, UNSEEN, Evidence
from kdoctor.probes import registry_answers
from kdoctor.probes.ask import Found
from kdoctor.probes.http_exchange import FAIR_SECONDS
from kdoctor.probes.http_messages import Failed, Response
from kdoctor.probes.registry import QUOTA_RESERVE
from kdoctor.probes.registry_answers import fields
from kdoctor.probes.registry_api import Answered, Api, Token, api_of
from kdoctor.probes.registry_http import Conversation
from kdoctor.references import Reference, parse

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

CONFIG_LIMIT = 1024 * 1024
LAYER_BYTES = 256 * 1024

_KEPT = 32
_KEPT_BYTES = 256 * 1024
# Manifests by digest: what has the digest is the same wherever it came from.
_documents: OrderedDict[str, bytes] = OrderedDict()

# How opening the route to a blob's host can fail, in the outcomes of registry.blob. What a proxy on
# the way does stays "unreached", with the cause.
_REACH = {"refused": "refused", "timeout": "timeout", "reset": "reset"}


async def platform(ask: Asking, image: str, platform: str | None = None) -> Found:
    """Read the index (or the single image's config) and look for the puller's platform."""
    wanted = oci.Platform.parse(platform or ask.vantage.platform())
    known = await ask.other("registry.manifest", image=image)
    if (reason := _unusable(known)) is not None:
        return reason
    async with Conversation(ask) as http:
        reference = parse(image)
        api = api_of(http, reference)
        if isinstance(api, Found):
            return api
        top = await _document(api, reference, _text(known, "digest"), _left(known))
        if isinstance(top, Found):
            return top
        if isinstance(top, oci.Index):
            return _in_index(reference, top, wanted)
        return await _single(api, reference, top, wanted)


def _in_index(reference: Reference, index: oci.Index, wanted: oci.Platform) -> Found:
    data = fields(wanted=str(wanted), available=index.platforms)
    listed = ", ".join(index.platforms) or "none"
    if entry := index.choose(wanted):
        return Found("ok", f"{reference} has {entry.platform} among {listed}", data)
    if any(entry.platform is None for entry in index.manifests):
        return Found(UNSEEN, f"the index of {reference} does not say which platforms its images are for", data)
    same = [e.platform for e in index.manifests if e.platform and e.platform.architecture == wanted.architecture]
    if wanted.architecture == "amd64" and not wanted.variant and any(p.os == wanted.os for p in same):
        return Found(UNSEEN, f"{reference} is built for {listed}: whether this CPU is one of them is not known", data)
    return Found("mismatch", f"{reference} has no image for {wanted}, only for {listed}", data)


async def _single(api: Api, reference: Reference, manifest: oci.Manifest, wanted: oci.Platform) -> Found:
    """Judge an image without index by its config: it is pulled on any platform, and fails when run."""
    answer = await _get_blob(api, reference, manifest.config, CONFIG_LIMIT)
    body = answer.response.body if isinstance(answer, Answered) and answer.response.status == 200 else b""
    built_for = oci.config_platform(body) if oci.matches(manifest.config.digest, body) else None
    if built_for is None:
        return Found(
            UNSEEN, f"{reference} is a single image, and its config could not be read", fields(wanted=str(wanted))
        )
    data = fields(wanted=str(wanted), available=(str(built_for),))
    if built_for in oci.vector(wanted):
        return Found("ok", f"{reference} is a single image, for {built_for}", data)
    return Found("single", f"{reference} is a single image, for {built_for} and not for {wanted}", data)


async def blob(ask: Asking, image: str) -> Found:
    """Fetch the config and the beginning of the smallest layer, through the redirect to the blob host."""
    known = await ask.other("registry.manifest", image=image)
    if (reason := _unusable(known)) is not None:
        return reason
    suits = await ask.other("registry.platform", image=image)
    if suits.outcome == "mismatch":
        return Found(UNSEEN, f"no blob was asked for: {suits.detail}")
    async with Conversation(ask) as http:
        reference = parse(image)
        api = api_of(http, reference)
        if isinstance(api, Found):
            return api
        manifest = await _manifest_for(api, reference, known, oci.Platform.parse(ask.vantage.platform()))
        if isinstance(manifest, Found):
            return manifest
        return await _bytes_arrive(api, reference, manifest)


async def _manifest_for(api: Api, reference: Reference, known: Evidence, wanted: oci.Platform) -> oci.Manifest | Found:
    top = await _document(api, reference, _text(known, "digest"), _left(known))
    if not isinstance(top, oci.Index):
        return top
    entry = top.choose(wanted) or next(iter(top.manifests), None)
    if entry is None:
        return Found(UNSEEN, f"the index of {reference} lists no image")
    # The index counted as one pull, if it had to be fetched: the reserve holds for this one too.
    left = _left(known)
    inner = await _document(api, reference, entry.digest, None if left is None else left - 1)
    if isinstance(inner, oci.Index):
        return Found(UNSEEN, f"the index of {reference} holds another index")
    return inner


async def _bytes_arrive(api: Api, reference: Reference, manifest: oci.Manifest) -> Found:
    config = manifest.config
    size = min(config.size, CONFIG_LIMIT)
    first = _judged(config, await _get_blob(api, reference, config, size), size)
    layers = sorted((layer for layer in manifest.layers if layer.size), key=lambda layer: layer.size)
    if first.outcome != "ok" or not layers or api.remaining < 0.3:
        return first
    part = min(layers[0].size, LAYER_BYTES)
    return _judged(layers[0], await _get_blob(api, reference, layers[0], part), part, slow_is_ok=True)


async def _get_blob(api: Api, reference: Reference, wanted: oci.Descriptor, size: int) -> Answered | Failed | Token:
    """GET the first `size` bytes of a blob; all of it is asked for without Range."""
    headers = {"Range": f"bytes=0-{size - 1}"} if 0 < size < wanted.size else {}
    path = f"{reference.repository}/blobs/{wanted.digest}"
    return await api.ask("GET", path, reference.repository, headers, max(size, 1))


def _judged(wanted: oci.Descriptor, answer: Answered | Failed | Token, size: int, *, slow_is_ok: bool = False) -> Found:
    """Say how `size` bytes of a blob arrived, in the outcomes of registry.blob."""
    if isinstance(answer, Failed):
        return _not_reached(wanted, answer)
    if isinstance(answer, Token):
        data = fields(host=answer.host, address=answer.address, status=answer.status, digest=wanted.digest)
        return Found(UNSEEN, f"no token for the blob: {answer.detail}", data)
    response = answer.response
    got = len(response.body)
    data = fields(
        host=response.url.netloc,
        address=response.address,
        status=response.status,
        bytes=got,
        expected=size,
        digest=wanted.digest,
        rate=round(got / response.seconds) if response.seconds > 0 else None,
    )
    if response.status not in (200, 206):
        said = registry_answers.shown(response)
        detail = f"{response.url.netloc} answered {response.status} for the blob" + (f": {said}" if said else "")
        outcome = _status_outcome(response.status)
        return Found(outcome, detail, {**data, "cause": f"status {response.status}"})
    outcome, detail = _arrival(wanted, response, size, slow_is_ok=slow_is_ok)
    return Found(outcome, detail, data)


def _arrival(wanted: oci.Descriptor, response: Response, size: int, *, slow_is_ok: bool) -> tuple[str, str]:
    host, got = response.url.netloc, len(response.body)
    if response.ending == "stalled":
        return "stalled", f"{host} sent {got} of {size} bytes and then nothing more"
    if response.ending == "deadline":
        if slow_is_ok and got:
            return "ok", f"{host} sent {got} of {size} bytes in {response.seconds:.1f} s: slow, but it arrives"
        outcome = "timeout" if response.seconds >= FAIR_SECONDS else CUT
        return outcome, f"{host} sent {got} of {size} bytes in the time there was"
    if registry_answers.is_html(response):
        return "corrupt", f"{host} sent a page instead of the blob: {registry_answers.shown(response)}"
    if got < size:
        return "truncated", f"{host} ended the download after {got} of {size} bytes"
    if size == wanted.size and not oci.matches(wanted.digest, response.body):
        return "corrupt", f"what {host} sent for {wanted.digest} has another digest"
    return "ok", f"{host} sent {got} bytes of {wanted.digest[:19]}"


def _not_reached(wanted: oci.Descriptor, failed: Failed) -> Found:
    """Name the host that could not be reached: the blob host is seldom the registry."""
    data = fields(host=failed.url.netloc, address=failed.address, cause=failed.cause, digest=wanted.digest, bytes=0)
    detail = f"the blob is at {failed.url.netloc}: {failed.detail}"
    if failed.outcome == "malformed":
        return Found("server-error", detail, data)
    if failed.outcome != "unreached":
        return Found(failed.outcome, detail, data)
    if failed.phase == "resolve":
        return Found("unreachable" if failed.how == "blocked" else "unresolved", detail, data)
    if failed.phase == "connect":
        return Found(_REACH.get(failed.how, "unreachable"), detail, data)
    return Found("tls" if failed.phase == "tls" else "unreached", detail, data)


def _status_outcome(status: int) -> str:
    if status >= 500:
        return "server-error"
    known = {401: "forbidden", 403: "forbidden", 451: "forbidden", 404: "not-found", 410: "not-found"}
    return known.get(status, "rate-limited" if status == 429 else UNSEEN)


async def _document(
    api: Api, reference: Reference, digest: str | None, left: int | None
) -> oci.Index | oci.Manifest | Found:
    """Return the manifest or index with the digest, fetched once; a Found says why there is none."""
    body = _documents.get(digest or "")
    if body is None:
        if left is not None and left < QUOTA_RESERVE:
            return Found(UNSEEN, f"only {left} pulls are left at {reference.registry}: they are not spent on this")
        answer = await api.manifest("GET", reference.repository, digest or reference.object)
        if isinstance(answer, Failed):
            outcome = "unreached" if answer.outcome == "unreached" else UNSEEN
            return Found(outcome, answer.detail, fields(cause=answer.cause))
        if isinstance(answer, Token):
            return Found(UNSEEN, answer.detail)
        response = answer.response
        body = response.body
        if response.status != 200 or response.ending != "complete":
            return Found(UNSEEN, f"{response.url.netloc} answered {response.status} for the manifest of {reference}")
        if digest and not oci.matches(digest, body):
            return Found(UNSEEN, f"the manifest that {response.url.netloc} sent has not the digest {digest}")
        _keep(digest, body)
    parsed = oci.parse(body)
    return parsed or Found(UNSEEN, f"the manifest of {reference} is of a kind that is not read here")


def _keep(digest: str | None, body: bytes) -> None:
    if digest and len(body) <= _KEPT_BYTES:
        _documents[digest] = body
        while len(_documents) > _KEPT:
            _documents.popitem(last=False)


def _unusable(known: Evidence) -> Found | None:
    """Return the reason to look no further than the manifest."""
    if known.outcome == "ok":
        return None
    data = fields(cause=known.data.get("cause"))
    if known.outcome == "unreached":
        return Found("unreached", known.detail, data)
    return Found(UNSEEN, f"the manifest comes first, and it is {known.outcome}: {known.detail}")


def _text(known: Evidence, name: str) -> str | None:
    value = known.data.get(name)
    return value if isinstance(value, str) else None


def _left(known: Evidence) -> int | None:
    value = known.data.get("remaining")
    return value if isinstance(value, int) else None
