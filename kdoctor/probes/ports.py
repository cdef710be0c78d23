"""Is a TCP port of this machine free, and who holds it?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kdoctor.model import UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.threads import in_thread

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking

_LISTEN = "0A"  # TCP_LISTEN, the fourth column of /proc/net/tcp
_TABLE_LIMIT = 8 * 1024 * 1024
_MOST_PROCESSES = 20_000


async def port(ask: Asking, port: str) -> Found:
    """Look for a listener on the port, as the kernel's tables (on Linux) or the system's list show it."""
    if not re.fullmatch(r"\d{1,5}", port) or not 0 < int(port) < 65536:
        return Found(UNSEEN, f"{port[:40]!r} is no port")
    number, machine = int(port), ask.vantage.machine
    data: dict[str, Value] = {"port": port}
    held = await in_thread(_holder, machine, number)
    if held is None:
        return Found(UNSEEN, "the listening ports of this machine cannot be listed by this user")
    taken, program, pid = held
    if not taken:
        return Found("free", f"nothing listens on port {port}", data, port)
    if pid:
        data |= {"holder": program, "pid": pid}
        return Found("taken", f"{program or 'a program'} (pid {pid}) listens on port {port}", data, port)
    return Found("taken", f"something listens on port {port}; root may see what", data, port)


def _holder(machine: Machine, number: int) -> tuple[bool, str, int] | None:
    """Return whether the port is taken, by which program and pid; None where nobody tells."""
    if machine.os != "linux":
        return _by_system(number)
    tables = [machine.read(f"/proc/net/{name}", _TABLE_LIMIT) for name in ("tcp", "tcp6")]
    if tables[0] is None and tables[1] is None:
        return None
    inodes = {row for text in tables if text for row in _listening(text, number)}
    if not inodes:
        return False, "", 0
    pid = _process_with(machine, {f"socket:[{inode}]" for inode in inodes})
    name = (machine.read(f"/proc/{pid}/comm", 64) or "").strip() if pid else ""
    return True, "".join(c if c.isprintable() else "?" for c in name), pid


def _listening(table: str, number: int) -> Iterator[str]:
    """Yield the inodes of the listening sockets on a port (proc_net_tcp: local address, state, inode)."""
    for line in table.splitlines()[1:]:
        columns = line.split()
        if len(columns) > 9 and columns[3] == _LISTEN and columns[1].endswith(f":{number:04X}"):
            yield columns[9]


def _process_with(machine: Machine, links: Iterable[str]) -> int:
    """Return the lowest pid that has one of the sockets open, 0 where this user may not see it."""
    wanted = set(links)
    for pid in sorted(int(one) for one in machine.entries("/proc") if one.isdigit())[:_MOST_PROCESSES]:
        folder = machine.path(f"/proc/{pid}/fd")
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                if os.readlink(folder / name) in wanted:
                    return pid
            except OSError:
                continue
    return 0


def _by_system(number: int) -> tuple[bool, str, int] | None:
    import psutil

    try:
        rows = [
            one
            for one in psutil.net_connections("tcp")
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == number
        ]
    except (psutil.Error, OSError):
        return None
    if not rows:
        return False, "", 0
    pid = next((one.pid for one in rows if one.pid), 0) or 0
    try:
        return True, psutil.Process(pid).name() if pid else "", pid
    except psutil.Error:
        return True, "", pid
