"""`kdoctor mirrors`: which mirrors of a registry serve from here, what they hold, and how to use the best one."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kdoctor.listings import Offer
from kdoctor.model import CUT, UNSEEN, Evidence, Fix, Report, Status
from kdoctor.probes.mirrors import names_at
from kdoctor.probes.runner import Place, Runner
from kdoctor.references import Reference, parse
from kdoctor.registries import PublicMirror, api_host, canonical, proof_images, public_mirrors
from kdoctor.rules.book import Book
from kdoctor.rules.remedy import by_itself
from kdoctor.run.situation import Situation, runner, survey
from kdoctor.settings.mirrorlist import mirrors_here, own_mirrors
from kdoctor.vantages import HUB

_KUBERNETES = "registry.k8s.io"
NO_MIRROR = (
    "no mirror of {registry} is known; if you know one, name it with --add HOST[/PATH], or in mirrors.toml for good"
)
_PULLERS = ("docker-engine", "docker-rootless", "docker-desktop", "colima", "rancher-desktop", "podman", "containerd")
_CLUSTERS = ("minikube", "kubeadm", "k3s", "kind", "k3d", "cri-o")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose mirrors to ask: registries by name, images with their registry; nothing is all that are known.

    `added` are repositories (host[/path]) that the person names as mirrors of each.
    """

    registries: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    seconds: float = 20.0
    lang: str = "en"


@dataclass(frozen=True, slots=True)
class _Question:
    """One registry and, where one is wanted, an image of it."""

    registry: str
    image: Reference | None

    @property
    def upstream(self) -> str | None:
        """The name of what is compared, at the registry itself."""
        if self.image is not None:
            return self.image.normalised
        proof = next(iter(proof_images(self.registry)), None)
        return f"{self.registry}/{proof}" if proof else None


async def offers(book: Book, wanted: Wanted) -> Report:
    """Ask every mirror at once, within the deadline.

    Raises:
        UsageError: the person's own list of mirrors is wrong.
    """
    began = time.monotonic()
    questions = _questions(wanted)
    situation = await survey(_hosts(questions, wanted), wanted.seconds, nodes=False)
    run = runner(situation, wanted.seconds - (time.monotonic() - began))
    place, notice = _puller(situation)
    found = await asyncio.gather(*(_asked(q, wanted, situation, place, run) for q in questions))
    ranked = [offer for one in found for offer in one]
    fixes = tuple(fix for q, one in zip(questions, found, strict=True) for fix in _use(q, one, book, situation, wanted))
    notices = [*book.notices, *notice]
    notices += [NO_MIRROR.format(registry=q.registry) for q, one in zip(questions, found, strict=True) if not one]
    return Report(
        "mirrors",
        _status(ranked),
        wanted.lang,
        offers=tuple(ranked),
        fixes=fixes,
        host=situation.host,
        notices=tuple(notices),
        blind=bool(ranked) and all(offer.outcome in (UNSEEN, CUT) for offer in ranked),
        seconds=time.monotonic() - began,
    )


def _questions(wanted: Wanted) -> list[_Question]:
    images = [_Question(canonical(r.registry), r) for r in (parse(image) for image in wanted.images)]
    named = [_Question(canonical(registry), None) for registry in wanted.registries]
    if images or named:
        return list(dict.fromkeys([*images, *named]))
    return [_Question(registry, None) for registry in dict.fromkeys(mirror.of for mirror in public_mirrors())]


def _hosts(questions: Sequence[_Question], wanted: Wanted) -> set[str]:
    """Return the hosts that the person, by naming a registry or a mirror, wants to be asked."""
    from kdoctor.machine import Machine

    named = {api_host(q.registry) for q in questions} | {one.partition("/")[0] for one in wanted.added}
    listed = {mirror.host for mirror in (*public_mirrors(), *own_mirrors(Machine.here()))}
    return named | listed


def _puller(situation: Situation) -> tuple[Place, list[str]]:
    """Return whose view counts: the Docker daemon's where it can be had, else the own runtime's or this shell's."""
    docker = situation.vantages.docker
    if docker is None or docker.sharing("trust").shared:
        return situation.nearest(), []
    because = docker.sharing("trust").because
    return situation.place("shell"), [f"seen from this shell only; the Docker daemon may see otherwise: {because}"]


def _mirrors(question: _Question, wanted: Wanted, situation: Situation) -> list[PublicMirror]:
    added = [PublicMirror(name.rstrip("/"), question.registry, "path", "", "", "--add") for name in wanted.added]
    taken = {mirror.repository for mirror in added}
    known = mirrors_here(situation.machine, question.registry)
    return added + [mirror for mirror in known if mirror.repository not in taken]


async def _asked(question: _Question, wanted: Wanted, situation: Situation, place: Place, run: Runner) -> list[Offer]:
    mirrors = _mirrors(question, wanted, situation)
    if not mirrors:
        return []
    asked = asyncio.gather(*(_offer(question, mirror, place, run) for mirror in mirrors))
    own = await run.ask(place, "registry.manifest", {"image": question.upstream}) if question.upstream else None
    found = await asked
    digest = own.data.get("digest") if own is not None and own.outcome == "ok" else None
    return sorted(compared(found, str(digest) if digest else None), key=lambda offer: _order(question, offer))


async def _offer(question: _Question, mirror: PublicMirror, place: Place, run: Runner) -> Offer:
    names = names_at(mirror, question.registry, question.image)
    about = Offer(
        repository=mirror.repository,
        of=question.registry,
        image="",
        outcome="not-mirrored",
        vantage=place.name,
        listed=mirror in public_mirrors(),
        country=mirror.country,
        last_known=mirror.seen,
        source=mirror.source,
    )
    if not names:
        return replace(about, detail=f"{mirror.repository} has no such image of {question.registry}")
    manifest, *proofs = await asyncio.gather(
        *(run.ask(place, "registry.manifest", {"image": name}) for name in dict.fromkeys(names))
    )
    seen = replace(
        about,
        image=names[0],
        outcome=manifest.outcome,
        detail=manifest.detail,
        seconds=manifest.seconds,
        digest=_text(manifest, "digest"),
        fits=question.registry == _KUBERNETES and all(e.outcome == "ok" for e in (manifest, *proofs)),
    )
    return await _with_bytes(seen, place, run) if seen.serves else seen


async def _with_bytes(offer: Offer, place: Place, run: Runner) -> Offer:
    """Add how fast the image's bytes come; a mirror whose blobs do not arrive does not serve."""
    blob = await run.ask(place, "registry.blob", {"image": offer.image})
    rate = blob.data.get("rate")
    if blob.outcome == "ok" or not blob.known:
        return replace(offer, rate=rate if isinstance(rate, int) else None)
    return replace(offer, outcome=blob.outcome, detail=f"the manifest is there, its bytes are not: {blob.detail}")


def compared(found: Sequence[Offer], upstream: str | None) -> list[Offer]:
    """Return the offers with `same` set: against the upstream's digest, else against what most mirrors say. Pure.

    One mirror alone has nothing to be compared with; where no two agree, all of them differ.
    """
    digests = Counter(offer.digest for offer in found if offer.serves and offer.digest)
    if upstream is None and digests.total() < 2:
        return list(found)
    [(common, times)] = digests.most_common(1) or [("", 0)]
    right = upstream or (common if times > 1 else "")
    return [replace(o, same=o.digest == right) if o.serves and o.digest else o for o in found]


def _order(question: _Question, offer: Offer) -> tuple[object, ...]:
    """The best first: it serves, its digest is not another, an installer can use it, it is fast."""
    fits = question.registry != _KUBERNETES or offer.fits
    return (not offer.serves, offer.same is False, not fits, offer.listed, -(offer.rate or 0), offer.seconds)


def _use(
    question: _Question, found: Sequence[Offer], book: Book, situation: Situation, wanted: Wanted
) -> Iterator[Fix]:
    """Yield how the best mirror is used on each platform that is here; none whose digest is another."""
    best = next((offer for offer in found if offer.serves and offer.same is not False), None)
    if best is None:
        return
    installed = [platform.id for platform in situation.host.platforms if platform.id in (*_PULLERS, *_CLUSTERS)]
    host = best.repository.partition("/")[0]
    whole = host == best.repository
    recipe = "image-repository.use" if best.fits else "mirror.use"
    values = {"repository": best.repository, "registry": question.registry, "mirror": host}
    if recipe == "image-repository.use" and not whole:
        del values["mirror"]
    if question.image is not None:
        values["image"] = best.image if question.registry not in HUB else question.image.familiar
    platforms = (installed or ["docker-engine"]) if whole or best.fits else ["shell"]
    shown: list[tuple[object, ...]] = []
    for platform in platforms:
        here = situation.setting(book, wanted.lang, (platform,)).here
        fix = by_itself(book.recipe(recipe), values, book, here, wanted.lang)
        if fix is not None and fix.steps not in shown:
            shown.append(fix.steps)
            yield fix


def _status(found: Sequence[Offer]) -> Status:
    if any(offer.serves for offer in found):
        return Status.HEALTHY
    if found and all(offer.outcome in (UNSEEN, CUT) for offer in found):
        return Status.UNKNOWN
    return Status.PROBLEM


def _text(evidence: Evidence, name: str) -> str | None:
    value = evidence.data.get(name)
    return value if isinstance(value, str) else None
