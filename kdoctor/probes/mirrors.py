"""Other ways to an image: the puller's own mirrors, a control registry, known public mirrors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kdoctor.errors import UsageError
from kdoctor.model import CUT, UNSEEN
from kdoctor.probes import registry_answers
from kdoctor.probes.ask import Found
from kdoctor.probes.http_messages import Failed, Url
from kdoctor.probes.registry import look_up
from kdoctor.probes.registry_answers import fields
from kdoctor.probes.registry_api import Api, api_of, base_url
from kdoctor.probes.registry_http import Conversation
from kdoctor.probes.streams import settle
from kdoctor.references import DOCKER_HUB, ImageNameError, Reference, parse
from kdoctor.registries import CONTROLS, PublicMirror, canonical, family, proof_images
from kdoctor.settings.mirrorlist import mirrors_here

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kdoctor.probes.ask import Asking
    from kdoctor.vantages import Mirror

# Answers with which a mirror stands in the way, or would have to be waited for. A mirror that lacks
# the image is alive: the puller goes on to the next endpoint.
_DEAD = frozenset(
    {
        "unreached",
        "timeout",
        "reset",
        "closed",
        "server-error",
        "malformed",
        "forbidden",
        "rate-limited",
        "not-registry",
    }
)
_ANSWERS = ("ok", "challenge")
_NOT_FOR_ALL = ("unauthorized", "denied", "not-found", "name-unknown")


@dataclass(frozen=True, slots=True)
class _Tried:
    """One mirror of the puller and what came of asking it."""

    url: str
    mirror: Mirror
    outcome: str
    cause: str
    detail: str

    def dead(self, *, login: bool) -> bool:
        """Tell whether it serves nothing; with `login` also where it wants one, which nobody gives it."""
        return self.outcome in _DEAD or (login and self.outcome == "unauthorized")


async def mirrors(ask: Asking, registry: str | None = None, image: str | None = None) -> Found:
    """Ask every mirror that the puller would try for the registry, as it would: with ?ns=."""
    reference = _parsed(image)
    if isinstance(reference, Found):
        return reference
    name = registry or (reference.registry if reference else DOCKER_HUB)
    configured = ask.vantage.mirrors(canonical(name))
    if not configured:
        return Found("none", f"no mirror is set for {name}")
    upstream = ask.other("registry.manifest", image=image) if image else ask.other("registry.ping", registry=name)
    tries = asyncio.gather(*(_try(ask, one, canonical(name), reference) for one in configured))
    own, tried = await asyncio.gather(upstream, tries)
    instead = any(one.instead for one in configured)
    # dockerd has no login for a mirror; a node's runtime may. Where the registry itself has no such image
    # for everybody, a mirror only repeats that.
    login = ask.vantage.name == "docker" and own.outcome not in _NOT_FOR_ALL
    return _summed_up(name, tried, "replaced" if instead else own.outcome, login=login)


def _summed_up(registry: str, tried: list[_Tried], upstream: str, *, login: bool) -> Found:
    dead = [one for one in tried if one.dead(login=login)]
    working = [one for one in tried if one.outcome in _ANSWERS]
    first = (dead or tried)[0]
    data = fields(
        mirrors=tuple(one.url for one in tried),
        dead=tuple(dict.fromkeys(one.url for one in dead)),
        working=tuple(one.url for one in working),
        cause=dead[0].cause if dead else None,
        upstream=upstream,
        file=first.mirror.file,
        line=first.mirror.line,
    )
    outcome = "all-dead" if len(dead) == len(tried) else "some-dead"
    if not dead:
        outcome = _undecided(one.outcome for one in tried) or "ok"
    said = "; ".join(one.detail for one in dead) or ", ".join(f"{one.url}: {one.outcome}" for one in tried)
    return Found(outcome, f"mirrors of {registry}: {said} (the registry itself: {upstream})", data)


def _undecided(outcomes: Iterable[str]) -> str | None:
    """Return UNSEEN or CUT if one of the outcomes is: then "none of them" was not shown."""
    found = set(outcomes)
    return next((outcome for outcome in (CUT, UNSEEN) if outcome in found), None)


async def _try(ask: Asking, mirror: Mirror, registry: str, reference: Reference | None) -> _Tried:
    url = Url.parse(mirror.url)
    if url is None:
        shown = registry_answers.printable(mirror.url.rpartition("@")[2], 80)
        return _Tried(shown, mirror, "malformed", "url", f"{shown} is no http(s) URL")
    base = replace(url, path=f"{url.path.partition('?')[0].rstrip('/')}/v2/")
    shown = str(url).rstrip("/")
    async with Conversation(ask) as http:
        # What stands in the settings is spoken as it stands there: http:// is not a fallback.
        api = Api(http, url.netloc, base, namespace=registry)
        if reference is not None:
            found = await look_up(api, reference, tags=False)
            outcome, detail = found.outcome, found.detail
            cause = str(found.data.get("cause") or found.data.get("status") or outcome)
            if outcome == "unauthorized":
                cause = f"it wants a login, {cause}"
        else:
            outcome, cause, detail = await _pinged(api)
    return _Tried(shown, mirror, outcome, cause, detail)


async def _pinged(api: Api) -> tuple[str, str, str]:
    """Return outcome, cause and a sentence for GET /v2/."""
    answer = await api.ping()
    if isinstance(answer, Failed):
        return answer.outcome, answer.cause, answer.detail
    outcome = registry_answers.ping_outcome(answer)
    return outcome, f"status {answer.status}", f"{answer.url.netloc} answered {answer.status} to GET /v2/"


async def control(ask: Asking, registry: str) -> Found:
    """Ask other well-known registries, until one answers: then it is not the network as a whole."""
    way = _way(ask, registry)
    others = [host for host in CONTROLS if family(host) != family(registry) and _way(ask, host) == way]
    if not others:
        return Found("none", f"no other registry is asked over the same route as {registry}")
    tasks = {asyncio.create_task(_reachable(ask, host)): host for host in others}
    tried: list[str] = []
    outcomes: list[str] = []
    last = ""
    try:
        for done in asyncio.as_completed(tasks):
            host, outcome, detail = await done
            tried.append(f"{host}: {outcome}")
            outcomes.append(outcome)
            if outcome in _ANSWERS:
                data = fields(host=host, tried=tuple(tried))
                return Found("ok", f"{host} answers over the same route, {registry} is asked in vain", data)
            last = detail
    finally:
        await settle(tasks)
    detail = f"no other registry answered; the last one: {last}"
    return Found(_undecided(outcomes) or "none", detail, fields(tried=tuple(tried)))


def _way(ask: Asking, registry: str) -> tuple[str, int] | None:
    """Return the proxy that leads to the registry, None where it is asked directly."""
    return ask.vantage.proxies().route(f"https://{registry}/v2/").endpoint


async def _reachable(ask: Asking, host: str) -> tuple[str, str, str]:
    base = base_url(host)
    if base is None:
        return host, "malformed", f"{host} is no host of a registry"
    async with Conversation(ask) as http:
        outcome, cause, detail = await _pinged(Api(http, host, base))
    return host, outcome if outcome != "unreached" else cause, detail


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a known public mirror serves: the image, and, for Kubernetes' images, all that an installer asks for."""

    mirror: PublicMirror
    outcome: str
    fit: bool


async def substitute(ask: Asking, registry: str, image: str | None = None) -> Found:
    """Ask the known public mirrors of a registry for the image, or for small images that each must have.

    `repository` is given only when it can stand in `--image-repository` (or before the image's name):
    kubeadm and minikube ask for REPOSITORY/coredns there, which a mirror by path does not have.
    """
    reference = _parsed(image)
    if isinstance(reference, Found):
        return reference
    if reference is not None and canonical(reference.registry) != canonical(registry):
        reference = None
    try:
        known = mirrors_here(ask.vantage.machine, registry)
    except UsageError as error:
        return Found(UNSEEN, str(error))
    if not known:
        return Found("none", f"no public mirror of {registry} is known")
    offers = await asyncio.gather(*(_offered(ask, registry, one, reference) for one in known))
    tried = tuple(f"{offer.mirror.repository}: {offer.outcome}" for offer in offers)
    serving = sorted((o for o in offers if o.outcome == "ok"), key=lambda offer: not offer.fit)
    if not serving:
        outcome = _undecided(offer.outcome for offer in offers) or "none"
        return Found(outcome, f"no known public mirror of {registry} was seen to serve from here", fields(tried=tried))
    best = serving[0]
    repository = best.mirror.repository if best.fit else None
    asked = reference.familiar if reference else " and ".join(proof_images(registry))
    data = fields(repository=repository, host=best.mirror.host, tried=tried)
    return Found("found", f"{best.mirror.repository} serves {asked} from here", data)


async def _offered(ask: Asking, registry: str, mirror: PublicMirror, reference: Reference | None) -> _Offer:
    wanted = names_at(mirror, registry, reference)
    if wanted is None:
        return _Offer(mirror, "not mirrored", fit=False)
    async with Conversation(ask) as http:
        outcomes = []
        for name in wanted:
            there = parse(name)
            api = api_of(http, there)
            found = api if isinstance(api, Found) else await look_up(api, there, tags=False)
            cause = found.data.get("cause")
            outcomes.append(str(cause) if found.outcome == "unreached" and cause else found.outcome)
            if len(outcomes) == 1 and outcomes[0] != "ok":
                break
    return _Offer(mirror, outcomes[0], fit=all(outcome == "ok" for outcome in outcomes))


def names_at(mirror: PublicMirror, registry: str, reference: Reference | None) -> list[str] | None:
    """Return what to ask the mirror for: the image first, then what an installer would need; None: not mirrored."""
    kubernetes = mirror.of == "registry.k8s.io"
    proofs = []
    for name in proof_images(registry):
        path, _, tag = name.partition(":")
        # Installers put only the last part of a name behind --image-repository.
        there = f"{mirror.repository}/{path}" if kubernetes else mirror.image(path)
        proofs += [f"{there}:{tag}"] if there else []
    if reference is None:
        return proofs or None
    there = mirror.image(reference.repository)
    if there is None:
        return None
    own = replace(reference, registry=there.partition("/")[0], repository=there.partition("/")[2])
    return [own.normalised, *(proofs if kubernetes else [])]


def _parsed(image: str | None) -> Reference | Found | None:
    if not image:
        return None
    try:
        return parse(image)
    except ImageNameError as error:
        return Found(UNSEEN, str(error))
