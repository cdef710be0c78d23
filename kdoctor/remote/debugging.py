"""A debug pod on a node: `kubectl debug node`, run because the person said so, and removed at the end.

No image is pulled unless the person names one that the node lacks: its own list says what it has
(NodeStatus.images, the kubelet's largest 50). The pod shares the node's network and processes and has its file
system at /host, where the script then runs as root (kubectl's profile sysadmin, 1.27 and newer).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kdoctor.errors import UsageError
from kdoctor.references import parse
from kdoctor.remote.session import SessionError, at_end, last_line
from kdoctor.remote.ways import Way
from kdoctor.settings import jsonfile

LIFETIME = 600
"""Seconds after which the pod ends by itself, whatever becomes of kdoctor."""

_SECONDS = 20.0
_CALL = 8.0
_NAP = 0.3
_CREATED = re.compile(r"debugging pod ([a-z0-9][a-z0-9.-]*) with container ([a-z0-9][a-z0-9-]*) on node")
_STUCK = re.compile(r"ErrImage|ImagePullBackOff|InvalidImageName|CreateContainer|RunContainerError")
# Images that have sh and chroot, as their makers build them; distroless ones have neither.
_WITH_SHELL = re.compile(
    r"(?:^|[/-])(?:busybox|alpine|debian|ubuntu|fedora|rockylinux|almalinux|centos|amazonlinux|ubi\d|netshoot|nginx"
    r"|redis|postgres|mariadb|mysql|httpd|python|flannel|calico/node|cilium/cilium|kindnetd|klipper-(?:lb|helm))(?:[:@-]|$)"
)


def images(node: str) -> list[str]:
    """Return one name of each image that a node says it has, the smallest first.

    Raises:
        UsageError: kubectl does not run, or knows no such node; says what it said.
    """
    argv = ["kubectl", "get", "node", node, "-o", "json"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_CALL, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"--via kubectl-debug:{node}: kubectl cannot be asked: {error}") from error
    if done.returncode:
        raise UsageError(f"--via kubectl-debug:{node}: {_said(done.stderr) or 'kubectl get node failed'}")
    listed = jsonfile.mapping(jsonfile.mapping(jsonfile.parse(done.stdout.decode("utf-8", "replace"))).get("status"))
    entries = [jsonfile.mapping(one) for one in _items(listed.get("images"))]
    entries.sort(key=lambda one: size if isinstance(size := one.get("sizeBytes"), int) else 0)
    names = [jsonfile.texts(one.get("names")) for one in entries]
    return [next((name for name in group if "@" not in name), group[0]) for group in names if group]


def choose(node: str, image: str, there: Sequence[str]) -> tuple[str, bool]:
    """Return the image to start, and whether the node has it.

    Raises:
        UsageError: none is named, and none of the node's is known to hold a shell.
    """
    if image:
        return image, _full(image) in map(_full, there)
    known = [one for one in there if _WITH_SHELL.search(one)]
    if not known:
        held = ", ".join(there[:6]) or "none that it tells of"
        raise UsageError(
            f"--via kubectl-debug:{node}: no image on {node} is known to have sh and chroot ({held}); "
            f"name one: --via kubectl-debug:{node}=IMAGE"
        )
    return known[0], True


def _full(image: str) -> str:
    """Return an image's full name, or what a node calls it where that is none."""
    try:
        return str(parse(image))
    except UsageError:
        return image


async def started(way: Way) -> Way:
    """Start the pod and return the way into it; its removal is put on for the end. Raise SessionError."""
    assert way.debug is not None
    node, image = way.debug
    try:
        chosen, held = choose(node, image, await asyncio.to_thread(images, node))
    except UsageError as error:
        raise SessionError(str(error)) from error
    policy = f"--image-pull-policy={'Never' if held else 'IfNotPresent'}"
    start = ["debug", f"node/{node}", f"--image={chosen}", policy, "--profile=sysadmin"]
    found = _CREATED.search(await _kubectl(*start, "--", "sleep", str(LIFETIME)))
    if found is None:
        raise SessionError(f"kubectl debug node/{node} did not say which pod it made")
    pod, container = found.groups()

    async def removed() -> str | None:
        try:
            await _kubectl("delete", "pod", pod, "--wait=false", "--ignore-not-found")
        except SessionError as error:
            return f"the debug pod {pod} is still there ({error}); it ends by itself within {LIFETIME} s"
        return None

    at_end(removed)
    await _running(pod)
    into = ("kubectl", "exec", "-i", pod, "-c", container, "--", "chroot", "/host")
    return replace(way, program=into, debug=None)


async def _running(pod: str) -> None:
    """Wait until the pod runs; raise SessionError, with the kubelet's reason, where it will not."""
    deadline = time.monotonic() + _SECONDS
    reason = "Pending"
    while time.monotonic() < deadline:
        status = jsonfile.mapping(_parsed(await _kubectl("get", "pod", pod, "-o", "json")).get("status"))
        if status.get("phase") == "Running":
            return
        states = [
            jsonfile.mapping(jsonfile.mapping(one).get("state")) for one in _items(status.get("containerStatuses"))
        ]
        waiting = next((jsonfile.mapping(state["waiting"]) for state in states if "waiting" in state), {})
        reason = jsonfile.text(waiting.get("reason")) or jsonfile.text(status.get("phase")) or reason
        if _STUCK.match(reason) or reason in ("Failed", "Succeeded"):
            said = jsonfile.text(waiting.get("message"))
            raise SessionError(f"the debug pod {pod} does not start: {reason}{f': {said[:200]}' if said else ''}")
        await asyncio.sleep(_NAP)
    raise SessionError(f"the debug pod {pod} did not start within {_SECONDS:g} s: {reason}")


async def _kubectl(*arguments: str) -> str:
    """Return what kubectl prints, both streams; raise SessionError."""
    process: asyncio.subprocess.Process | None = None
    try:
        async with asyncio.timeout(_CALL):
            process = await asyncio.create_subprocess_exec(
                "kubectl",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
    except OSError as error:
        raise SessionError(f"kubectl cannot be run: {error.strerror or error}") from error
    except TimeoutError as error:
        raise SessionError(f"kubectl {arguments[0]} did not answer within {_CALL:g} s") from error
    finally:
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise SessionError(f"kubectl {arguments[0]}: {_said(err) or f'status {process.returncode}'}")
    return (out + err).decode("utf-8", "replace")


def _parsed(text: str) -> Mapping[str, object]:
    with contextlib.suppress(ValueError):
        return jsonfile.mapping(json.JSONDecoder().raw_decode(text.lstrip())[0])
    return {}


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _said(words: bytes) -> str:
    return last_line(words.decode("utf-8", "replace"))
