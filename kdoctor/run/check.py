"""`kdoctor check`: every step from here to the images tried, the first broken one named."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kdoctor.errors import UsageError
from kdoctor.model import UNSEEN, Check, Diagnosis, Report, Role, Severity, Status, Verdict
from kdoctor.probes.runner import Place, Runner
from kdoctor.references import parse
from kdoctor.registries import api_host
from kdoctor.remote import ways
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate, explains
from kdoctor.run import places
from kdoctor.run.local import OWN_RUNTIME, Local
from kdoctor.run.places import HERE
from kdoctor.run.probing import diagnosed
from kdoctor.run.settling import distance, witnessed
from kdoctor.run.situation import Situation, runner, survey
from kdoctor.run.walk import Target, Walk

DEFAULT_REGISTRIES = ("registry-1.docker.io", "registry.k8s.io")
"""What is looked at where neither a flag nor a setting names a registry."""

_OF_MACHINE = ("proxy", "resolver", "path", "socket", "tool", "port", "setting", "option", "controller")
_IDENTITY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("proxy", "dns", "daemon", "host", "runtime"), _OF_MACHINE),
    **dict.fromkeys(("network", "tls"), ("registry", "host")),
}
"""By layer, the facts in which two findings of a rule differ: a broken proxy is one, whatever it hides."""

_OF_ONE_NAME = frozenset({"nxdomain", "nodata", "sinkhole"})
"""Answers of a resolver that are about the name asked for, not about the resolver."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to check: registries and images by flag, images of manifests, the tool it is for.

    `configs` are configuration files to read for mistakes; without them those of this machine are read.
    """

    registries: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    manifest_images: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    tool: str | None = None
    seconds: float = 20.0
    fail_on: Severity = Severity.ERROR
    lang: str = "en"
    via: tuple[str, ...] = ()

    @property
    def only_configs(self) -> bool:
        """Tell whether files alone were named: then nothing else is looked at."""
        return bool(self.configs) and not (
            self.registries or self.images or self.manifest_images or self.tool or self.via
        )

    def given(self) -> set[str]:
        """Return the registries that the person named by flag: more than /v2/ may be asked of them."""
        return {api_host(r) for r in self.registries} | {api_host(parse(i).registry) for i in self.images}


@dataclass(slots=True)
class Run:
    """A check under way; `report` may be asked for at any time."""

    book: Book
    wanted: Wanted
    situation: Situation | None = None
    walk: Walk | None = None
    diagnoses: list[Diagnosis] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    async def go(self) -> Report:
        """Check, within the deadline."""
        self.situation = situation = await survey(self.wanted.given(), self.wanted.seconds, self.wanted.via)
        run = runner(situation, self.wanted.seconds - (time.monotonic() - self.began), logins=True)
        self.walk = walk = Walk(run, self.book)
        place, pulls = self._puller(situation)
        local = Local(walk, situation, place, self.wanted.tool, self.wanted.configs)
        if self.wanted.only_configs:
            await local.configurations()
            self.diagnoses = await self._judged(situation, run, place)
            return self.report()
        targets = self._targets(situation, place)
        daemon_answers = await local.daemon()
        chains = [walk.to_image(place, target) for target in targets] if pulls and daemon_answers else []
        if not chains:
            for target in targets:
                why, path = "the Docker daemon does not answer", target.image or target.registry
                walk.skip("connect", place, target.address, why, path)
        far = [walk.to_image(Place(one.name, one), t) for one in situation.vantages.far for t in targets]
        self._unreached(situation, walk)
        await asyncio.gather(local.rest(targets), *chains, *far)
        self.diagnoses = await self._judged(situation, run, place)
        return self.report()

    def _unreached(self, situation: Situation, walk: Walk) -> None:
        """Note the vantages that could not be asked; where the person named one, that leaves the answer open."""
        asked = {ways.given(one).name for one in self.wanted.via}
        for lost in situation.vantages.unreached:
            walk.blind = walk.blind or lost.name in asked
            walk.skip("vantage", Place(lost.name, None, lost.because), lost.name, f"{UNSEEN}: {lost.because}")

    def _puller(self, situation: Situation) -> tuple[Place, bool]:
        """Return who pulls here: the Docker daemon, else the machine's own runtime, else this shell's programs."""
        runtime = situation.vantages.runtime
        near = situation.place(runtime.name if runtime is not None else "shell")
        if self.wanted.tool in OWN_RUNTIME:
            return near, True
        wants_docker = self.wanted.tool in ("docker", "kind", "k3d")
        if situation.vantages.docker is not None:
            return situation.place("docker"), True
        return (situation.place("docker"), False) if wants_docker else (near, True)

    def _targets(self, situation: Situation, place: Place) -> list[Target]:
        wanted = self.wanted
        images = [*wanted.images, *wanted.manifest_images]
        targets = [Target(api_host(parse(image).registry), image) for image in images]
        named = [api_host(registry) for registry in wanted.registries]
        if not targets and not named:
            named = [api_host(r) for r in situation.registries(place)] or list(DEFAULT_REGISTRIES)
            if wanted.tool in ("minikube", "kubeadm") and "registry.k8s.io" not in named:
                named.append("registry.k8s.io")
        reached = {target.registry for target in targets}
        return list(dict.fromkeys([*targets, *(Target(r) for r in named if r not in reached)]))

    async def _judged(self, situation: Situation, run: Runner, place: Place) -> list[Diagnosis]:
        assert self.walk is not None

        async def one(candidate: Candidate) -> Diagnosis:
            on = places.platforms(self._engine(candidate), "", place.name, situation.host, sys.platform)
            here = situation.place(candidate.vantage) if candidate.vantage else place
            setting = situation.setting(self.book, self.wanted.lang, on, here)
            return await diagnosed(candidate, setting, here, run)

        found = merged(sorted(self.walk.found, key=lambda c: not (c.vantage is None or c.vantage in HERE)))
        diagnoses = await asyncio.gather(*(one(c) for c in found))
        told = witnessed([(d, c.seen) for d, c in zip(diagnoses, found, strict=True)])
        return ordered(list(zip(told, found, strict=True)))

    def _engine(self, candidate: Candidate) -> str | None:
        del candidate
        return self.wanted.tool if self.wanted.tool in ("minikube", "kind", "k3s", "kubeadm") else None

    def report(self) -> Report:
        """Return what is known so far."""
        walk = self.walk
        blind = walk is None or walk.blind or bool(walk.unnamed)
        status = Status.UNKNOWN if blind else Status.HEALTHY
        report = Report(
            "check",
            status,
            self.wanted.lang,
            tuple(self.diagnoses),
            tuple(_in_order(walk.checks)) if walk else (),
            host=self.situation.host if self.situation else None,
            notices=(*self.book.notices, *self.notices),
            blind=blind,
            seconds=time.monotonic() - self.began,
        )
        return replace(report, status=Status.PROBLEM) if report.at_least(self.wanted.fail_on) else report


def _in_order(checks: Sequence[Check]) -> list[Check]:
    """Group the steps by what they lead to, in the order in which each was begun."""
    return list(dict.fromkeys(checks))


def merged(found: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates with one cause named once, as its worst effect has it, however many registries it hides."""
    kept: dict[tuple[str, ...], Candidate] = {}
    for candidate in found:
        names = _IDENTITY.get(candidate.rule.layer, ("registry", "image", "host", "path", "url"))
        if any(e.outcome in _OF_ONE_NAME for e in candidate.seen):
            names = (*names, "host")
        key = (candidate.rule.id, *(candidate.facts.get(name, "") for name in names))
        if key not in kept or _severity(candidate) < _severity(kept[key]):
            kept[key] = candidate
    return list(kept.values())


def _severity(candidate: Candidate) -> int:
    """Return 0 for the worst."""
    return list(Severity).index(Severity(candidate.severity or candidate.rule.severity))


def ordered(found: Sequence[tuple[Diagnosis, Candidate]]) -> list[Diagnosis]:
    """Return the diagnoses with their roles: the worst and nearest first, consequences behind causes."""
    live = [candidate.rule for diagnosis, candidate in found if diagnosis.verdict is not Verdict.REFUTED]

    def caused(candidate: Candidate) -> bool:
        effect = candidate.rule
        return candidate.role is Role.CONSEQUENCE or any(
            cause.id != effect.id and explains(cause, effect) and not explains(effect, cause) for cause in live
        )

    told = [(diagnosis, caused(candidate)) for diagnosis, candidate in found]
    told.sort(key=lambda one: (one[0].verdict is Verdict.REFUTED, one[1], *_badness(one[0])))
    out: list[Diagnosis] = []
    for diagnosis, is_caused in told:
        role = Role.ROOT if not out else Role.CONSEQUENCE if is_caused else Role.INDEPENDENT
        out.append(replace(diagnosis, role=role))
    return out


def _badness(diagnosis: Diagnosis) -> tuple[int, int]:
    return list(Severity).index(diagnosis.severity), distance(diagnosis)


def nothing_selected(images: Sequence[str], files: Sequence[str]) -> None:
    """Refuse manifests without an image: an empty run is no healthy one.

    Raises:
        UsageError: files were given and none of them names an image.
    """
    if files and not images:
        raise UsageError(f"{', '.join(files)}: no container image in it; nothing to check")
