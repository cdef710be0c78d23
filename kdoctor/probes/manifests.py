"""Manifests and indices, whose GETs count against Docker Hub's quota.

Each is fetched once per digest, and never below the reserve.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from kdoctor import oci
from kdoctor.model import UNSEEN, Evidence
from kdoctor.probes.ask import Found
from kdoctor.probes.http_messages import Failed
from kdoctor.probes.registry import QUOTA_RESERVE
from kdoctor.probes.registry_answers import fields
from kdoctor.probes.registry_api import Token

if TYPE_CHECKING:
    from kdoctor.probes.registry_api import Api
    from kdoctor.references import Reference

_KEPT = 32
_KEPT_BYTES = 256 * 1024
# By digest: what has the digest is the same wherever it came from.
_documents: OrderedDict[str, bytes] = OrderedDict()


async def document(
    api: Api, reference: Reference, digest: str | None, remaining: int | None
) -> oci.Index | oci.Manifest | Found:
    """Return the manifest or index with the digest, fetched once; a Found says why there is none."""
    body = _documents.get(digest or "")
    if body is None:
        if remaining is not None and remaining < QUOTA_RESERVE:
            return Found(UNSEEN, f"only {remaining} pulls are left at {reference.registry}: they are not spent on this")
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


def unusable(known: Evidence) -> Found | None:
    """Return the reason to look no further than the manifest."""
    if known.outcome == "ok":
        return None
    data = fields(cause=known.data.get("cause"))
    if known.outcome == "unreached":
        return Found("unreached", known.detail, data)
    return Found(UNSEEN, f"the manifest comes first, and it is {known.outcome}: {known.detail}")


def text(known: Evidence, name: str) -> str | None:
    """Return a field of a probe that is a text."""
    value = known.data.get(name)
    return value if isinstance(value, str) else None


def left(known: Evidence) -> int | None:
    """Return how many pulls the registry said are left, None where it did not."""
    value = known.data.get("remaining")
    return value if isinstance(value, int) else None
