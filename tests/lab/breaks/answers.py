"""Faults in what a registry that can be reached says."""

from typing import Final

from .. import addresses
from ..lab import Lab
from ..manners import Answer
from .model import Break

_FACTS: Final = {"registry": addresses.HUB}


def _nothing(_lab: Lab) -> None:
    """Break nothing: what is asked for is the fault."""


def _dead_mirror(lab: Lab) -> None:
    lab.mirrored()
    lab.firewall.refuse(addresses.MIRROR)


def _dead_only_mirror(lab: Lab) -> None:
    lab.mirrored(upstream=False)
    lab.firewall.refuse(addresses.MIRROR)


def _only_mirror_wants_login(lab: Lab) -> None:
    lab.mirrored(upstream=False)
    lab.answer(addresses.MIRROR, Answer.UNAUTHORIZED)


def _daemon_log(lab: Lab, image: str) -> tuple[bool, str]:
    """Pull, and give dockerd's log of it: the client is told nothing."""
    before = len(lab.docker.log())
    ok, _ = lab.pull(image)
    return ok, lab.docker.log()[before:]


BREAKS: Final = (
    Break(
        id="answer-401",
        group="answers",
        expect="registry-auth-required",
        facts={"registry": addresses.PRIVATE},
        image=f"{addresses.PRIVATE}/team/app:1",
        words=r"no basic auth credentials",
        apply=_nothing,
        note="a private registry with a Basic challenge",
    ),
    Break(
        id="answer-denied",
        group="answers",
        expect="image-access-denied",
        image="team/private",
        words=r"pull access denied for team/private, repository does not exist or may require",
        apply=_nothing,
        note="Docker Hub's insufficient_scope for a name that is private or not there",
    ),
    Break(
        id="answer-403-page",
        group="answers",
        expect="registry-forbidden",
        facts=_FACTS,
        words=r"error parsing HTTP 403 response body: invalid character '<'",
        apply=lambda lab: lab.answer(addresses.HUB, Answer.FORBIDDEN),
    ),
    Break(
        id="answer-tag-404",
        group="answers",
        expect="image-tag-not-found",
        image="alpine:9.99",
        words=r"manifest for alpine:9\.99 not found: manifest unknown",
        apply=_nothing,
    ),
    Break(
        id="answer-429",
        group="answers",
        expect="registry-rate-limited",
        facts=_FACTS,
        words=r"toomanyrequests: You have reached your unauthenticated pull rate limit",
        apply=lambda lab: lab.answer(addresses.HUB, Answer.RATE_LIMITED),
        note="for manifests; /v2/ and tokens work",
    ),
    Break(
        id="answer-503",
        group="answers",
        expect="registry-server-error",
        facts={**_FACTS, "status": "503"},
        words=r"received unexpected HTTP status: 503 Service Unavailable",
        apply=lambda lab: lab.answer(addresses.HUB, Answer.UNAVAILABLE),
    ),
    Break(
        id="answer-token-503",
        group="answers",
        expect="registry-server-error",
        facts={"status": "503"},
        words=r"library/alpine/manifests/latest\": received unexpected HTTP status: 503",
        apply=lambda lab: lab.answer(addresses.TOKENS, Answer.UNAVAILABLE),
        note="the token server's 503; the text accuses the registry",
    ),
    Break(
        id="answer-blob-403",
        group="answers",
        expect="registry-forbidden",
        also=("pull-interrupted",),
        words=r"error pulling image configuration: .*error parsing HTTP 403 response body",
        apply=lambda lab: lab.answer(addresses.BLOBS, Answer.FORBIDDEN),
        note="the manifest is served, the blobs are not",
    ),
    Break(
        id="answer-portal",
        group="answers",
        expect="registry-server-error",
        facts={"status": "200"},
        words=r"error unmarshalling content: invalid character '<'",
        apply=lambda lab: lab.answer(addresses.HUB, Answer.NONSENSE),
        note="a page for people answers whatever is asked",
    ),
    Break(
        id="answer-loop",
        group="answers",
        expect="registry-server-error",
        facts=_FACTS,
        words=r"stopped after 10 redirects",
        apply=lambda lab: lab.answer(addresses.HUB, Answer.LOOP),
    ),
    Break(
        id="answer-other-platform",
        group="answers",
        expect="image-platform-mismatch",
        image="alpine:arm",
        words=r"no matching manifest for linux/amd64 in the manifest list entries",
        apply=_nothing,
        note="the tag has linux/arm64 and linux/s390x",
    ),
    Break(
        id="mirror-dead",
        group="answers",
        expect="registry-mirror-broken",
        facts={"registry": addresses.MIRROR},
        words=rf"https://{addresses.MIRROR}/v2/.*connect: connection refused",
        apply=_dead_mirror,
        text_from=_daemon_log,
        pull_works=True,
        note="docker falls back to Docker Hub; only its log tells, so this is a warning",
    ),
    Break(
        id="mirror-dead-no-upstream",
        group="answers",
        expect="registry-mirror-broken",
        also=("network-unreachable",),
        facts={"registry": addresses.MIRROR},
        words=rf"dial tcp {addresses.HOSTS[addresses.HUB]}:443: connect: no route to host",
        apply=_dead_only_mirror,
        note="the mirror is the only way out here; the text names Docker Hub",
    ),
    Break(
        id="mirror-wants-login",
        group="answers",
        expect="registry-mirror-broken",
        also=("network-unreachable",),
        facts={"registry": addresses.MIRROR},
        words=rf"dial tcp {addresses.HOSTS[addresses.HUB]}:443: connect: no route to host",
        apply=_only_mirror_wants_login,
        note="dockerd has no login for a mirror: it goes on to Docker Hub, which is out of reach",
    ),
    Break(
        id="answer-schema1",
        group="answers",
        expect="image-format-unsupported",
        image="quay.io/prometheus/busybox",
        words=r"missing signature key",
        apply=lambda lab: lab.answer("quay.io", Answer.SCHEMA1),
        note="a manifest of 2015; the text names neither registry nor image",
    ),
)
