"""From what the readers found to rows of one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kdoctor.listings import SettingFound, Standing
from kdoctor.machine import Machine
from kdoctor.settings import daemon, proxyvalue, systemd
from kdoctor.settings.proxy import ProxySettings, from_environment

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def is_proxy_variable(name: str) -> bool:
    """Tell whether a variable is one that Go reads for proxies, in either case."""
    return name.upper() in PROXY_VARIABLES


def of_proxies(puller: str, settings: ProxySettings, standing: Standing = Standing.EFFECTIVE) -> Iterator[SettingFound]:
    """Yield a row for each proxy variable, and one where they could not be seen."""
    if settings.unseen is not None:
        yield SettingFound(puller, "proxy", "", "", "", standing=Standing.UNSEEN, note=settings.unseen)
    for one in settings.settings():
        source = one.source
        note = one.problem or "" if one.variable.upper() != "NO_PROXY" else ""
        kept = Standing.IGNORED if note else standing
        yield SettingFound(
            puller, "proxy", one.variable, one.shown, source.text, source.file, source.line, standing=kept, note=note
        )
    for note in settings.notes:
        yield SettingFound(puller, "proxy", "", "", "", standing=Standing.PENDING, note=note)


def of_service(
    machine: Machine, puller: str, unit: str, programs: Sequence[str], files: Sequence[str] = ()
) -> Iterator[SettingFound]:
    """Yield the proxies of a service: its process's environment, else what systemd or the files would give it.

    A value that a file holds and the running process does not is pending.
    """
    written = {} if not systemd.is_running(machine) else systemd.unit_environment(machine, unit)
    for path in files:
        written = written | systemd.environment_file(machine.read(path) or "", path)
    proxies = {name: a for name, a in written.items() if is_proxy_variable(name) and a.value}
    running = daemon.running(machine, programs)
    pid = next(iter(running.values()), None)
    env = daemon.environment(machine, pid) if pid is not None else None
    if pid is not None and env is None:
        yield SettingFound(
            puller,
            "proxy",
            "",
            "",
            f"the environment of process {pid}",
            standing=Standing.UNSEEN,
            note=f"the environment of process {pid} may be read by its user and root only",
        )
    for setting in from_environment(env or {}).settings():
        place = next((a for n, a in proxies.items() if n == setting.variable and a.value == setting.value), None)
        source = f"{setting.variable} in {place.file}" if place else f"the environment of process {pid}"
        yield SettingFound(
            puller, "proxy", setting.variable, setting.shown, source, *((place.file, place.line) if place else ())
        )
    for name, a in proxies.items():
        if env is not None and env.get(name) == a.value:
            continue
        standing = Standing.WRITTEN if env is None else Standing.PENDING
        note = a.problem or ("" if env is None else f"process {pid} has another value: restart {unit}")
        yield SettingFound(
            puller,
            "proxy",
            name,
            proxyvalue.without_userinfo(a.value),
            f"{name} in {a.file}",
            a.file,
            a.line,
            standing=Standing.IGNORED if a.problem else standing,
            note=note,
        )
