"""A pod's troubles as one text, in the words of `kubectl describe pod`: status, containers, events.

The API server is asked by the official client, with what the kubeconfig itself holds; no plugin is run.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kdoctor import kubeconfig
from kdoctor.errors import SourceError, UsageError
from kdoctor.kubeconfig import KubeconfigError
from kdoctor.machine import Machine
from kdoctor.masking import mask
from kdoctor.probes.apiserver import Server
from kdoctor.probes.ask import Found
from kdoctor.settings import jsonfile
from kdoctor.vantages import Shell

if TYPE_CHECKING:
    from kdoctor.model import Evidence
    from kdoctor.probes.kubeclient import Call
    from kdoctor.vantages import Vantage

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_EVENTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class PodText:
    """The text, and the images of the pod's containers as its spec names them."""

    namespace: str
    name: str
    text: str
    images: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What the text came from, for locations and titles."""
        return f"pod {self.namespace}/{self.name}"


async def describe(pod: str, machine: Machine, seconds: float = 8.0) -> PodText:
    """Return the text of `NS/NAME` (or NAME, in the current context's namespace).

    UsageError for what is no pod's name; SourceError, one line, where the pod cannot be read.
    """
    try:
        loaded = kubeconfig.load(machine)
        cluster, user = loaded.chosen()
    except KubeconfigError as error:
        place = f"{error.path}:{error.line}: " if error.line else ""
        raise SourceError(f"--pod needs a cluster, and kubectl has none: {place}{error.problem}") from error
    namespace, _, name = pod.rpartition("/")
    namespace = namespace or loaded.namespace
    if not _NAME.fullmatch(namespace) or not _NAME.fullmatch(name):
        raise UsageError(f"--pod: {pod[:80]!r} is no pod: NAMESPACE/NAME is expected")
    by_hand = f"kubectl describe pod -n {namespace} {name} | kdoctor explain"
    if user.plugin:
        raise SourceError(
            f"the kubeconfig logs in with the plugin {user.plugin[:80]}, which kdoctor does not run; use: {by_hand}"
        )
    if cluster.endpoint is None:
        raise SourceError(f'the cluster "{cluster.name}" of the kubeconfig has no server')
    api = _Api(_Asking(Shell(machine), time.monotonic() + seconds), Server(cluster, user, *cluster.endpoint), by_hand)
    found = await api.get(
        f"pod {namespace}/{name}",
        lambda core, seconds: core.read_namespaced_pod(
            name, namespace, _preload_content=False, _request_timeout=seconds
        ),
    )
    uid = jsonfile.text(jsonfile.mapping(found.get("metadata")).get("uid"))
    selector = f"involvedObject.name={name}" + (f",involvedObject.uid={uid}" if uid else "")
    events = await api.get(
        "its events",
        lambda core, seconds: core.list_namespaced_event(
            namespace, field_selector=selector, limit=500, _preload_content=False, _request_timeout=seconds
        ),
    )
    text = "\n".join((*_status(found), *_events(events.get("items")))) + "\n"
    return PodText(namespace, name, text, tuple(_images(found)))


@dataclass(frozen=True, slots=True)
class _Asking:
    """The shell's vantage and a deadline, as the connections of the probes want them."""

    vantage: Vantage
    end: float
    trusted_hosts: frozenset[str] = field(default=frozenset())

    @property
    def remaining(self) -> float:
        return max(self.end - time.monotonic(), 0.0)

    async def login(self, registry: str) -> None:
        """Take none: an API server is no registry."""
        del registry

    def other(self, kind: str, **params: str) -> Awaitable[Evidence]:
        from kdoctor.probes.runner import Place, Runner

        return Runner(self.remaining).ask(Place("shell", self.vantage), kind, params)


@dataclass(frozen=True, slots=True)
class _Api:
    """Questions to one API server, their failures as SourceError."""

    asking: _Asking
    server: Server
    by_hand: str

    async def get(self, what: str, call: Call) -> Mapping[str, object]:
        from kdoctor.probes import kubeclient  # with the client: half a second

        answer = await kubeclient.ask_api(self.asking, self.server, call)
        if isinstance(answer, Found):
            raise SourceError(f"{what} cannot be read: {answer.detail}")
        try:
            body = jsonfile.mapping(json.loads(answer.body))
        except (ValueError, RecursionError):
            body = {}
        if answer.status == 200 and body:
            return body
        said = mask(" ".join(jsonfile.text(body.get("message")).split()))[:200]
        if answer.status == 404 and body.get("kind") == "Status":
            raise SourceError(f"there is no {what} in {mask(self.server.cluster.server)}")
        if answer.status in (401, 403):
            raise SourceError(f"this user may not read {what}: {said or answer.status}")
        where = mask(self.server.cluster.server)
        raise SourceError(
            f"{what} cannot be read: {where} answers {answer.status}{': ' + said if said else ''}; use: {self.by_hand}"
        )


# --- the text ----------------------------------------------------------------------------------


def _status(pod: Mapping[str, object]) -> Iterator[str]:
    metadata, spec, status = (jsonfile.mapping(pod.get(key)) for key in ("metadata", "spec", "status"))
    yield f"Name:             {_one(metadata.get('name'))}"
    yield f"Namespace:        {_one(metadata.get('namespace'))}"
    yield f"Node:             {_one(spec.get('nodeName')) or '<none>'}"
    yield f"Status:           {_one(status.get('phase'))}"
    for key in ("reason", "message"):
        if _one(status.get(key)):
            yield f"{key.capitalize() + ':':<18}{_one(status.get(key))}"
    for title, key in (
        ("Init Containers", "initContainerStatuses"),
        ("Containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainerStatuses"),
    ):
        statuses = status.get(key)
        if isinstance(statuses, list) and statuses:
            yield f"{title}:"
            for one in statuses:
                yield from _container(jsonfile.mapping(one))
    failing = [c for c in _items(status.get("conditions")) if c.get("status") == "False" and c.get("message")]
    if failing:
        yield "Conditions:"
        for condition in failing:
            yield f"  {_one(condition.get('type'))}: {_one(condition.get('reason'))}: {_one(condition.get('message'))}"


def _container(status: Mapping[str, object]) -> Iterator[str]:
    yield f"  {_one(status.get('name'))}:"
    yield f"    Image:          {_one(status.get('image'))}"
    for title, key in (("State", "state"), ("Last State", "lastState")):
        for state, held in jsonfile.mapping(status.get(key)).items():
            yield f"    {title + ':':<16}{str(state)[:20].capitalize()}"
            detail = jsonfile.mapping(held)
            for label, name in (
                ("Reason", "reason"),
                ("Message", "message"),
                ("Exit Code", "exitCode"),
                ("Signal", "signal"),
            ):
                if _one(detail.get(name)):
                    yield f"      {label + ':':<14}{_one(detail.get(name))}"
    yield f"    Ready:          {status.get('ready') is True}"
    yield f"    Restart Count:  {_one(status.get('restartCount'))}"


def _events(items: object) -> Iterator[str]:
    """Yield the events as kubectl's table shows them, the oldest first; a message stays on its line."""
    events = sorted(_items(items), key=_when)[-_EVENTS_SHOWN:]
    if not events:
        return
    yield "Events:"
    yield "  Type     Reason     Age   From   Message"
    yield "  ----     ------     ----  ----   -------"
    for event in events:
        source = jsonfile.mapping(event.get("source"))
        sender = _one(source.get("component")) or _one(event.get("reportingComponent")) or "<none>"
        count = event.get("count")
        times = f" (x{count})" if isinstance(count, int) and count > 1 else ""
        message = _one(event.get("message"))
        yield f"  {_one(event.get('type')):<7}  {_one(event.get('reason'))}  {_when(event)}{times}  {sender}  {message}"


def _when(event: Mapping[str, object]) -> str:
    series = jsonfile.mapping(event.get("series"))
    times = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
    )
    return next((value for value in map(_one, times) if value), "")


def _items(value: object) -> list[Mapping[str, object]]:
    return [jsonfile.mapping(item) for item in value] if isinstance(value, list) else []


def _one(value: object) -> str:
    """Return a text or number on one line."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return " ".join(str(value).split())


def _images(pod: Mapping[str, object]) -> Iterator[str]:
    spec = jsonfile.mapping(pod.get("spec"))
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for container in _items(spec.get(key)):
            image = _one(container.get("image"))
            if image:
                yield image
