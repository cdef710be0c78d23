"""Has the engine that `docker` talks to an image, and whose engine is that?"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from kdoctor.model import UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.docker import dialled_at
from kdoctor.references import ImageNameError, parse
from kdoctor.settings import jsonfile
from kdoctor.settings.engine import EngineError, endpoint, engine_get

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

_MARGIN = 0.3


async def image(ask: Asking, image: str) -> Found:
    """Ask GET /images/{name}/json of the shell's engine, as `docker image inspect` does; nothing is pulled.

    After `eval $(minikube docker-env)` that is the Docker in minikube's node. Other machines' are not asked.
    An image without RepoDigests was built or loaded here: no registry has named it.
    """
    machine = ask.vantage.machine
    try:
        parse(image)
    except ImageNameError as error:
        return Found(UNSEEN, f"{image[:120]!r} is no image's name: {error}")
    where = endpoint(machine)
    active = machine.env.get("MINIKUBE_ACTIVE_DOCKERD", "")
    if where.problem or (where.socket is None and not active):
        return Found(UNSEEN, f"the engine is not asked for its images: {where.problem or 'it is on another machine'}")
    dialled = await dialled_at(where, ask)
    if isinstance(dialled, Found):
        return Found(UNSEEN, dialled.detail)
    data: dict[str, Value] = {"daemon": f"minikube {active[:60]}" if active else "host"}
    whose = f'the Docker of minikube "{active[:60]}"' if active else "this machine's Docker"
    path = f"/images/{quote(image, safe='/:@')}/json"
    try:
        status, said = await engine_get(machine, dialled, path, max(ask.remaining - _MARGIN, 0.1))
    except EngineError as error:
        return Found(UNSEEN, f"whether {whose} has {image} cannot be told: {error.detail}")
    if status == 404:
        return Found("absent", f"{whose} has no image {image}", data, image)
    held = jsonfile.mapping(said)
    if status != 200 or not jsonfile.text(held.get("Id")):
        return Found(UNSEEN, f"{whose} answers {status} when it is asked for {image}")
    data["id"] = jsonfile.text(held["Id"])[:80]
    if held.get("RepoDigests"):
        return Found("present", f"{whose} has {image}", data, image)
    says = f"{whose} has {image}, and from no registry: it was built or loaded there"
    return Found("local", says, {**data, "built": says}, image)
