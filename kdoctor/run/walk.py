"""The walk: every step from a puller to an image, in the order of the way that the packets take.

A step that fails stops what depends on it, and only that; its outcome selects the rules that name
it in `detect`. The route decides the shape: direct, through a proxy, or by mirrors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kdoctor.model import CUT, UNSEEN, Check, Evidence, Role
from kdoctor.probes.runner import Place, Runner
from kdoctor.registries import is_well_known
from kdoctor.remote.vantage import Far
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.match import match
from kdoctor.rules.steps import KIND_OF
from kdoctor.run.nominating import GOOD, facts_for, nominated
from kdoctor.runtime import Runtime

_SILENT = 1.5
"""Seconds after which a proxy that has not answered is taken for a silent one."""

_ON_THE_WAY = frozenset({"unreached", "unresolved", "unreachable", "tls"})
"""Outcomes of steps at the API that say: the host that was to answer could not be reached."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached: a registry (API host[:port]) and, where one is wanted, an image of it."""

    registry: str
    image: str | None = None

    @property
    def address(self) -> str:
        """Return host:port, 443 where no port is given."""
        host, colon, port = self.registry.rpartition(":")
        return (
            self.registry
            if colon and port.isdigit() and (not host.endswith(":") or host.startswith("["))
            else f"{self.registry}:443"
        )

    @property
    def host(self) -> str:
        """Return the host without port and brackets."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def url(self) -> str:
        """Return the URL of the registry's API."""
        return f"https://{self.registry}/v2/"


@dataclass(slots=True)
class Walk:
    """One walk: what it asked, in order, and the candidates that failed steps nominate."""

    runner: Runner
    book: Book
    checks: list[Check] = field(default_factory=list)
    found: list[Candidate] = field(default_factory=list)
    blind: bool = False
    unnamed: set[tuple[str, str]] = field(default_factory=set)
    """Vantages and registries ("": the machine) on whose way a step failed in a way that no rule knows."""

    async def step(
        self, name: str, place: Place, params: Mapping[str, str], facts: Mapping[str, str], *, judge: bool = True
    ) -> Evidence:
        """Take one step; with `judge` a failure nominates the rules that name it."""
        evidence = await self.runner.ask(place, KIND_OF[name], params)
        good = evidence.outcome in GOOD[name] or not judge
        skipped = evidence.detail or evidence.outcome if evidence.outcome in (UNSEEN, CUT) else None
        target = next(iter(params.values()), evidence.target)
        self.blind = self.blind or (judge and skipped is not None and _is_due(place))
        self.checks.append(
            Check(
                name,
                place.name,
                target,
                "" if skipped else evidence.outcome,
                evidence.seconds,
                skipped,
                evidence.detail,
                good,
                (facts.get("image") or facts.get("registry", "")) if "url" in facts else "",
            )
        )
        if evidence.known and not good:
            named = [replace(c, vantage=place.name) for c in nominated(self.book, name, evidence, facts)]
            self.found += named
            if not named and _is_due(place):
                self.unnamed.add((place.name, facts.get("registry", "")))
        return evidence

    def skip(self, name: str, place: Place, target: str, why: str, path: str = "") -> None:
        """Note a step that was not taken; it counts for nothing."""
        self.checks.append(Check(name, place.name, target, "", 0.0, why, path=path))

    async def to_image(self, place: Place, target: Target) -> None:
        """Walk from a puller to a registry and, where one is given, its image."""
        facts = {"registry": target.registry, "url": target.url, **({"image": target.image} if target.image else {})}
        if place.vantage is not None and not place.vantage.sharing("network").shared:
            await self._by_daemon(place, target, facts)
            return
        settings = await self.step("proxy-settings", place, {"url": target.url}, facts)
        broken = settings.outcome == "invalid"
        way = self._way(place, target, facts, settings)
        served, mirrors = await asyncio.gather(way, self._mirrors(place, target, facts))
        if mirrors in ("ok", "some-dead") and not served and not broken:
            self._forgive(place, target)
            self.unnamed.discard((place.name, target.registry))
        if mirrors == "all-dead" and not served:
            self._behind_mirror(place, target)
        if served and target.image:
            await self._image(place, target, facts)

    async def _way(self, place: Place, target: Target, facts: Mapping[str, str], settings: Evidence) -> bool:
        if settings.outcome == "set":
            return await self._through_proxy(place, target, facts, settings)
        return await self._direct(place, target, facts)

    async def _to_other_host(self, place: Place, target: Target, facts: Mapping[str, str], failed: Evidence) -> None:
        """Walk to the token server or the blob host, where the way to it is what fails and no rule names it yet."""
        host = str(failed.data.get("host") or "")
        if failed.outcome not in _ON_THE_WAY or host in ("", target.registry, target.address):
            return
        if any(failed in candidate.seen for candidate in self.found):
            return
        facts = {**facts, "registry": host, "url": f"https://{host}/"}
        settings = await self.step("proxy-settings", place, {"url": facts["url"]}, facts)
        await self._way(place, Target(host), facts, settings)

    async def _direct(self, place: Place, target: Target, facts: Mapping[str, str]) -> bool:
        if not await self._name("name", place, target.host, facts):
            return False
        connected = await self.step("connect", place, {"address": target.address}, facts)
        return connected.outcome == "open" and await self._api(place, target, facts)

    async def _through_proxy(self, place: Place, target: Target, facts: Mapping[str, str], settings: Evidence) -> bool:
        endpoint = str(settings.data.get("endpoint") or "")
        facts = {**facts, "proxy": endpoint}
        host = endpoint.rpartition(":")[0].strip("[]")
        if not await self._name("proxy-name", place, host, facts):
            return False
        connected = await self.step("proxy-connect", place, {"address": endpoint}, facts)
        if connected.outcome != "open":
            return False
        tunnel = await self._tunnel(place, target, facts, endpoint)
        if tunnel.outcome == "ok":
            return await self._api(place, target, facts)
        if tunnel.outcome in ("not-http", "tls", "closed"):
            await self.step("proxy-speaks", place, {"proxy": str(settings.data.get("proxy") or endpoint)}, facts)
        return False

    async def _tunnel(self, place: Place, target: Target, facts: Mapping[str, str], proxy: str) -> Evidence:
        """Ask the proxy for a tunnel; while it keeps silent, what it speaks, which the rules of silence want."""
        asked = asyncio.create_task(self.step("tunnel", place, {"registry": target.registry}, facts))
        await asyncio.wait({asked}, timeout=_SILENT)
        if not asked.done():
            self.runner.begin(place, KIND_OF["proxy-speaks"], {"proxy": proxy})
        return await asked

    async def _name(self, step: str, place: Place, host: str, facts: Mapping[str, str]) -> bool:
        """Look a name up; where that fails, an unusable resolv.conf is the cause, and the lookup its consequence."""
        conf = await self.runner.ask(place, KIND_OF["resolvers"], {})
        usable = conf.outcome in GOOD["resolvers"] or not conf.known
        named = await self.step(step, place, {"name": host}, facts, judge=usable)
        if named.outcome not in GOOD[step] and not usable:
            await self.step("resolvers", place, {}, facts)
        return named.outcome in GOOD[step]

    async def _api(self, place: Place, target: Target, facts: Mapping[str, str]) -> bool:
        seen = await self.runner.ask(place, KIND_OF["tls"], {"registry": target.registry})
        plain = seen.outcome == "http" and self._insecure(place, target)
        tls = await self.step("tls", place, {"registry": target.registry}, facts, judge=not plain)
        if tls.outcome != "ok" and not plain:
            return False
        ping = await self.step("ping", place, {"registry": target.registry}, facts)
        return ping.outcome in GOOD["ping"]

    def _insecure(self, place: Place, target: Target) -> bool:
        return place.vantage is not None and place.vantage.trust(target.registry).insecure

    async def _image(self, place: Place, target: Target, facts: Mapping[str, str]) -> None:
        assert target.image is not None
        of_image = {"image": target.image}
        credentials = await self.runner.ask(place, "docker.credentials", {"registry": target.registry})
        seen = await self.runner.ask(place, KIND_OF["token"], of_image)
        # a login that is stored and was not sent leaves open what the registry would say to it
        has_login = credentials.outcome in ("stored", "helper-ok") and not seen.data.get("login")
        has_login = has_login or isinstance(place.vantage, Far | Runtime)  # secrets of its own, which nobody here knows
        token = await self.step("token", place, of_image, facts, judge=not has_login)
        if token.outcome not in GOOD["token"]:
            await self._to_other_host(place, target, facts, token)
            if has_login and token.outcome in ("unauthorized", "denied"):
                self._needs_login(place, target)
            return
        if isinstance(place.vantage, Far | Runtime) and is_well_known(target.registry):
            found = await self.runner.ask(place, KIND_OF["manifest"], of_image)
            has_login = found.outcome not in ("not-found", "name-unknown")  # which a public registry says to anybody
        manifest = await self.step("manifest", place, of_image, facts, judge=not has_login)
        if manifest.outcome != "ok":
            if has_login and manifest.outcome in ("unauthorized", "denied", "forbidden", "name-unknown", "not-found"):
                self._needs_login(place, target)
            return
        platform = await self.step("platform", place, of_image, facts)
        if platform.outcome in (*GOOD["platform"], UNSEEN):
            await self._to_other_host(place, target, facts, await self.step("blob", place, of_image, facts))

    def _needs_login(self, place: Place, target: Target) -> None:
        """The image wants the puller's login, which was not sent: unseen, not failed."""
        self.blind = self.blind or _is_due(place)
        last = self.checks[-1]
        why = f"{target.registry} wants the stored login, which kdoctor could not send"
        if isinstance(place.vantage, Far | Runtime):
            why = f"{target.registry} wants a login, and with which one {place.name} pulls is not known here"
        self.checks[-1] = replace(last, outcome="", skipped=f"{UNSEEN}: {why}", ok=True)

    async def _mirrors(self, place: Place, target: Target, facts: Mapping[str, str]) -> str:
        """Look at the puller's mirrors of the registry; return the step's outcome, "none" where there are none."""
        if place.vantage is None or not place.vantage.mirrors(target.registry):
            return "none"
        params = {"registry": target.registry, **({"image": target.image} if target.image else {})}
        mirrors = await self.step("mirrors", place, params, facts)
        return mirrors.outcome

    def _forgive(self, place: Place, target: Target) -> None:
        """A mirror serves what the registry itself does not: what failed on the direct way is a warning."""
        self.found = [replace(c, severity="warning") if _is_upstream(c, place, target) else c for c in self.found]

    def _behind_mirror(self, place: Place, target: Target) -> None:
        """Pulls go to the mirrors first: without one that serves, what fails upstream comes after."""
        self.found = [replace(c, role=Role.CONSEQUENCE) if _is_upstream(c, place, target) else c for c in self.found]

    async def _by_daemon(self, place: Place, target: Target, facts: Mapping[str, str]) -> None:
        """The daemon's network cannot be looked at from here: let the daemon itself ask the registry."""
        assert place.vantage is not None
        why = place.vantage.sharing("network").because
        settings = await self.step("proxy-settings", place, {"url": target.url}, facts)
        if settings.outcome == "invalid":
            return
        if not target.image:
            self.blind = True
            self.skip(
                "connect",
                place,
                target.address,
                f"{UNSEEN}: {why}; give an image with --image to let the daemon ask",
                target.image or target.registry,
            )
            return
        answer = await self.step("distribution", place, {"image": target.image}, facts)
        if answer.outcome != "failed":
            return
        for candidate in match(
            self.book, f"Error response from daemon: {answer.data.get('message')}", "the daemon's answer"
        ):
            self.found.append(
                replace(candidate, seen=(answer,), facts={**facts_for(candidate, facts), **candidate.facts})
            )


def _is_upstream(candidate: Candidate, place: Place, target: Target) -> bool:
    """Tell whether a finding is of the place's direct way to the registry, not of a mirror."""
    of_mirror = any(e.probe == KIND_OF["mirrors"] for e in candidate.seen)
    return (
        candidate.facts.get("registry") == target.registry and candidate.vantage in (None, place.name) and not of_mirror
    )


def _is_due(place: Place) -> bool:
    """Tell whether what cannot be seen from the place leaves the answer open: not from a node that nobody named."""
    return not isinstance(place.vantage, Far) or place.vantage.way.asked
