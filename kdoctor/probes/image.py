"""Does the image exist for the puller's platform, and do its bytes arrive?

Both questions need the index and the manifest (manifests.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kdoctor import oci
from kdoctor.model import CUT, UNSEEN, Evidence
from kdoctor.probes import registry_answers
from kdoctor.probes.ask import Found
from kdoctor.probes.http_exchange import FAIR_SECONDS
from kdoctor.probes.http_messages import Failed, Response
from kdoctor.probes.manifests import document, left, text, unusable
from kdoctor.probes.registry_answers import fields
from kdoctor.probes.registry_api import Answered, Api, Token, api_of
from kdoctor.probes.registry_http import Conversation
from kdoctor.references import Reference, parse

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

CONFIG_LIMIT = 1024 * 1024
LAYER_BYTES = 256 * 1024

# How opening the route to a blob's host can fail, in the outcomes of registry.blob. What a proxy on
# the way does stays "unreached", with the cause.
_REACH = {"refused": "refused", "timeout": "timeout", "reset": "reset"}


async def platform(ask: Asking, image: str, platform: str | None = None) -> Found:
    """Read the index (or the single image's config) and look for the puller's platform."""
    wanted = oci.Platform.parse(platform or ask.vantage.platform())
    known = await ask.other("registry.manifest", image=image)
    if (reason := unusable(known)) is not None:
        return reason
    media = text(known, "media_type") or ""
    if oci.is_schema1(media):
        return Found("unsupported", f"{image} is in the format of 2015, Docker's schema 1", fields(media=media))
    async with Conversation(ask) as http:
        reference = parse(image)
        api = api_of(http, reference)
        if isinstance(api, Found):
            return api
        top = await document(api, reference, text(known, "digest"), left(known))
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
    if (reason := unusable(known)) is not None:
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
    top = await document(api, reference, text(known, "digest"), left(known))
    if not isinstance(top, oci.Index):
        return top
    entry = top.choose(wanted) or next(iter(top.manifests), None)
    if entry is None:
        return Found(UNSEEN, f"the index of {reference} lists no image")
    # The index counted as one pull, if it had to be fetched: the reserve holds for this one too.
    spare = left(known)
    inner = await document(api, reference, entry.digest, None if spare is None else spare - 1)
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
