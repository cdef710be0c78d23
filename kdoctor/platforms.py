"""What is installed here and in charge: runtimes and cluster tools, the service manager, the CI system.

Read from files, sockets, processes and variables; no program is run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from kdoctor import minikube
from kdoctor.machine import Machine
from kdoctor.masking import without_userinfo
from kdoctor.model import Host, Platform
from kdoctor.settings import daemon, systemd
from kdoctor.settings.engine import contexts
from kdoctor.vantages import Docker, Vantages

# Variables that a CI system sets for its jobs; the first that is there names it.
_CI = (
    ("GITHUB_ACTIONS", "github"),
    ("GITLAB_CI", "gitlab"),
    ("JENKINS_URL", "jenkins"),
    ("JENKINS_HOME", "jenkins"),
    ("TF_BUILD", "azure"),
    ("CIRCLECI", "circleci"),
    ("TRAVIS", "travis"),
    ("BUILDKITE", "buildkite"),
    ("TEAMCITY_VERSION", "teamcity"),
    ("DRONE", "drone"),
    ("BITBUCKET_BUILD_NUMBER", "bitbucket"),
    ("CI", "other"),
)

_PROGRAMS: dict[str, tuple[str, ...]] = {
    "docker-engine": ("dockerd",),
    "podman": ("podman",),
    "containerd": ("containerd",),
    "cri-o": ("crio",),
    "k3s": ("k3s",),
    "kind": ("kind",),
    "k3d": ("k3d",),
    "minikube": ("minikube",),
    "colima": ("colima",),
    "rancher-desktop": ("rdctl",),
    "kubeadm": ("kubeadm",),
    "microk8s": ("microk8s",),
    "rke2": ("rke2",),
    "lima": ("limactl",),
}

# Sockets and directories that only a set-up platform has; {home} and {run} are the user's.
_PLACES: dict[str, tuple[str, ...]] = {
    "docker-desktop": (
        "/Applications/Docker.app",
        "{home}/.docker/desktop/docker.sock",
        "{home}/.docker/run/docker.sock",
        "/opt/docker-desktop",
        "C:/Program Files/Docker/Docker/Docker Desktop.exe",
        "/mnt/wsl/docker-desktop",
    ),
    "docker-rootless": ("{run}/docker.sock",),
    "docker-engine": ("/var/snap/docker/current",),
    "podman": ("/run/podman/podman.sock", "{run}/podman/podman.sock"),
    "containerd": ("/run/containerd/containerd.sock",),
    "cri-o": ("/run/crio/crio.sock", "/var/run/crio/crio.sock"),
    "rke2": ("/etc/rancher/rke2/rke2.yaml", "/var/lib/rancher/rke2"),
    "k3s": ("/etc/rancher/k3s/k3s.yaml", "/var/lib/rancher/k3s", "/run/k3s/containerd/containerd.sock"),
    "podman-machine": ("{home}/.config/containers/podman/machine",),
    "lima": ("{home}/.lima",),
    "wsl2": ("/run/WSL", "/proc/sys/fs/binfmt_misc/WSLInterop"),
    "minikube": ("{minikube}/profiles",),
    "colima": ("{home}/.colima/default/docker.sock", "{home}/.config/colima/default/docker.sock"),
    "rancher-desktop": (
        "{home}/.rd/docker.sock",
        "/Applications/Rancher Desktop.app",
        "/opt/rancher-desktop",
        "/mnt/wsl/rancher-desktop",
        "C:/Program Files/Rancher Desktop/Rancher Desktop.exe",
        "{home}/AppData/Local/Programs/Rancher Desktop/Rancher Desktop.exe",
    ),
    "kubeadm": ("/etc/kubernetes/manifests/kube-apiserver.yaml", "/etc/kubernetes/kubelet.conf"),
    "microk8s": ("/var/snap/microk8s/current",),
}

_NODE_SIGNS = ("/var/lib/kubelet/config.yaml", "/etc/rancher/k3s", "/etc/rancher/rke2", "/var/snap/microk8s/current")

# Names of processes (comm); dockerd and containerd in containers are not counted.
_PROCESSES = {
    "dockerd": "docker-engine",
    "containerd": "containerd",
    "crio": "cri-o",
    "k3s-server": "k3s",
    "k3s-agent": "k3s",
    "rke2": "rke2",
    "kubelite": "microk8s",
    "com.docker.back": "docker-desktop",
}

# Virtual machines: the platform, the folder that has one folder for each, and a file that is in it.
_VMS = (
    ("colima-profile", "{home}/.colima", "colima.yaml"),
    ("colima-profile", "{home}/.config/colima", "colima.yaml"),
    ("lima-instance", "{home}/.lima", "lima.yaml"),
)

_FOLDERS = (
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/snap/bin",
    "/opt/homebrew/bin",
)


def look(machine: Machine, vantages: Vantages) -> Host:
    """Return the machine's platforms: the one in charge of the docker vantage first."""
    found: dict[str, Platform] = {}
    in_charge = docker_platform(vantages.docker)
    if in_charge is not None:
        found[in_charge.id] = in_charge
    for platform in (*_places(machine), *_processes(machine), *_programs(machine)):
        if platform.id == "docker-engine" and in_charge is not None and in_charge.id == "docker-rootless":
            continue  # the same program; its place says how it runs
        if platform.id == "k3s" and "rke2" in found and platform.found_by.startswith("/run/k3s"):
            continue  # RKE2 keeps its containerd's socket there, too
        found.setdefault(platform.id, platform)
    container = daemon.in_container(machine)
    return Host(machine.os, machine.arch, service_manager(machine), ci(machine), tuple(found.values()), container)


def several(machine: Machine) -> Iterator[Platform]:
    """Yield what one platform may have several of, each by its name: docker contexts, minikube profiles, VMs.

    DOCKER_HOST goes before every context, and is told as one.
    """
    if host := machine.env.get("DOCKER_HOST"):
        yield Platform("docker-context", found_by="DOCKER_HOST", detail=without_userinfo(host))
    for name, url, path in contexts(machine):
        yield Platform("docker-context", found_by=path, detail=f"{name}: {without_userinfo(url)}")
    for profile in minikube.profiles(machine):
        told = profile.problem or f"driver {profile.driver}, runtime {profile.runtime or 'docker'}"
        yield Platform("minikube-profile", found_by=profile.path, detail=f"{profile.name}: {told}")
    for kind, folder, mark in _VMS:
        place = folder.replace("{home}", str(machine.home))
        for name in machine.entries(place):
            if machine.path(f"{place}/{name}/{mark}").is_file():
                yield Platform(kind, found_by=f"{place}/{name}/{mark}", detail=name)
    podman = f"{machine.home}/.config/containers/podman/machine"
    for provider in machine.entries(podman):
        for entry in machine.entries(f"{podman}/{provider}"):
            if entry.endswith(".json"):
                detail = f"{entry.removesuffix('.json')} ({provider})"
                yield Platform("podman-machine", found_by=f"{podman}/{provider}/{entry}", detail=detail)


def docker_platform(docker: Docker | None) -> Platform | None:
    """Return which platform the docker vantage's engine is, None where it does not answer and nothing says."""
    if docker is None:
        return None
    info = docker.info
    if info is None:
        named = _by_context(docker.endpoint.context, docker.endpoint.url)
        if named is None and docker.process is not None:
            return Platform("docker-engine", found_by=f"process {docker.process.pid}")
        return Platform(named, found_by=f"docker context {docker.endpoint.context}") if named else None
    found_by = f"GET /info of {docker.endpoint.url}"
    if info.engine == "podman":
        return Platform("podman", info.version, found_by, info.operating_system)
    named = _by_name(info.name) or _by_context(docker.endpoint.context, docker.endpoint.url)
    if info.desktop:
        named = "docker-desktop"
    elif info.rootless:
        named = "docker-rootless"
    return Platform(named or "docker-engine", info.version, found_by, info.operating_system)


def _by_name(name: str) -> str | None:
    """Return the platform that a VM's host name gives away."""
    if name == "colima" or name.startswith("colima-"):
        return "colima"
    if name in ("lima-rancher-desktop", "rancher-desktop"):
        return "rancher-desktop"
    return "minikube" if name == "minikube" else None


def _by_context(context: str, url: str) -> str | None:
    if context.startswith("desktop") or "/.docker/run/" in url or "/.docker/desktop/" in url:
        return "docker-desktop"
    if context.startswith("colima") or "/.colima/" in url or "/colima/" in url:
        return "colima"
    if context.startswith("rancher-desktop") or "/.rd/" in url:
        return "rancher-desktop"
    if context == "rootless" or (url.startswith("unix:///run/user/") and url.endswith("/docker.sock")):
        return "docker-rootless"
    return "podman" if "podman" in url else None


def is_node(machine: Machine) -> bool:
    """Tell whether this machine itself is a cluster's node: a kubelet, k3s, RKE2 or microk8s is set up on it."""
    return any(machine.path(sign).exists() for sign in _NODE_SIGNS)


def service_manager(machine: Machine) -> str:
    """Return systemd, sysvinit, openrc, launchd, windows or none."""
    if machine.os == "darwin":
        return "launchd"
    if machine.os == "windows":
        return "windows"
    if systemd.is_running(machine):
        return "systemd"
    if machine.path("/run/openrc").is_dir() or machine.path("/sbin/openrc-run").exists():
        return "openrc"
    if any(machine.path(f"{folder}/service").exists() for folder in ("/usr/sbin", "/sbin")):
        return "sysvinit"
    return "none"


def ci(machine: Machine) -> str | None:
    """Return the CI system whose job this is; "other" where only CI is set."""
    for variable, name in _CI:
        if machine.env.get(variable, "").lower() not in ("", "false", "0"):
            return name
    return None


def service_command(
    host: Host, service: str, action: str, *, root: bool | None = None, user: bool = False
) -> list[str]:
    """Return the command that does `action` (start, stop, restart, status, reload) to a service.

    Empty where no service manager runs it. `root` tells that no sudo is needed (None: ask this process);
    `user` that it is the user's own service.
    """
    if root is None:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
    sudo = [] if root else ["sudo"]
    match host.service_manager:
        case "systemd":
            return ["systemctl", "--user", action, service] if user else [*sudo, "systemctl", action, service]
        case "sysvinit":
            return [*sudo, "service", service, action]
        case "openrc":
            return [*sudo, "rc-service", service, action]
        case "windows":
            verb = {"restart": "Restart-Service", "start": "Start-Service", "stop": "Stop-Service"}
            return [verb.get(action, "Get-Service"), service]
        case _:
            return []


def _places(machine: Machine) -> Iterator[Platform]:
    words = {
        "{home}": str(machine.home),
        "{run}": machine.env.get("XDG_RUNTIME_DIR") or f"/run/user/{machine.uid}",
        "{minikube}": minikube.home(machine),
    }
    for name, places in _PLACES.items():
        for place in places:
            where = place
            for word, value in words.items():
                where = where.replace(word, value)
            if _is_there(machine, where):
                yield Platform(name, found_by=where)
                break


def _is_there(machine: Machine, place: str) -> bool:
    """Tell whether a socket, file or directory that is not empty is there."""
    path = machine.path(place)
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return bool(machine.entries(place)) if stat.S_ISDIR(mode) else True


def _processes(machine: Machine) -> Iterator[Platform]:
    if machine.os != "linux":
        return
    for name, pid in daemon.running(machine, _PROCESSES).items():
        yield Platform(_PROCESSES[name], found_by=f"process {pid} ({name})")


def _programs(machine: Machine) -> Iterator[Platform]:
    separator = ";" if machine.os == "windows" else ":"
    folders = dict.fromkeys((*machine.env.get("PATH", "").split(separator), *_FOLDERS))
    suffix = ".exe" if machine.os == "windows" else ""
    for name, programs in _PROGRAMS.items():
        for folder in folders:
            program = next((p for p in programs if folder and _is_program(machine, f"{folder}/{p}{suffix}")), None)
            if program is not None:
                yield Platform(name, found_by=f"{folder}/{program}{suffix}")
                break


def _is_program(machine: Machine, place: str) -> bool:
    try:
        return stat.S_ISREG(machine.path(place).stat().st_mode)
    except OSError:
        return False
