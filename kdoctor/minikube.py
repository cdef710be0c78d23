"""minikube's own files: its home, its profiles, its machines (minikube pkg/minikube/config, localpath)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kdoctor.machine import Machine
from kdoctor.settings import jsonfile

DEFAULT = "minikube"
CONTAINER_DRIVERS = ("docker", "podman")
MACHINE_MARKS = {
    "kvm2": ("guest={name},", "guest={name}\0"),
    "qemu2": ("/machines/{name}/",),
    "virtualbox": ("--comment\0{name}\0",),
    "hyperkit": ("/machines/{name}/",),
    "vfkit": ("/machines/{name}/",),
    "krunkit": ("/machines/{name}/",),
}
"""How the process of a machine names it on its command line, by driver."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as its config.json says. `problem`: the file does not say it."""

    name: str
    path: str
    driver: str = ""
    runtime: str = ""
    problem: str | None = None


def home(machine: Machine) -> str:
    """Return minikube's directory: localpath.MiniPath."""
    given = machine.env.get("MINIKUBE_HOME")
    if not given:
        return f"{machine.home}/.minikube"
    return given if given.rstrip("/").endswith(".minikube") else f"{given}/.minikube"


def default_profile(machine: Machine) -> str:
    """Return the profile that minikube takes where none is named."""
    return machine.env.get("MINIKUBE_PROFILE") or _global(machine, "profile") or DEFAULT


def default_driver(machine: Machine) -> str:
    """Return the driver that the environment or `minikube config set driver` names, empty where none does."""
    return machine.env.get("MINIKUBE_DRIVER") or _global(machine, "driver") or _global(machine, "vm-driver")


def _global(machine: Machine, key: str) -> str:
    text = machine.read(f"{home(machine)}/config/config.json")
    return jsonfile.text(jsonfile.mapping(jsonfile.parse(text)).get(key))


def profiles(machine: Machine) -> Iterator[Profile]:
    """Yield the profiles that there are."""
    for name in machine.entries(f"{home(machine)}/profiles"):
        found = profile(machine, name)
        if found is not None:
            yield found


def profile(machine: Machine, name: str) -> Profile | None:
    """Return a profile, None where there is no directory of the name."""
    if not name or "/" in name or "\\" in name or name.startswith("."):
        return None
    folder = f"{home(machine)}/profiles/{name}"
    if not machine.path(folder).is_dir():
        return None
    path = f"{folder}/config.json"
    text = machine.read(path)
    if text is None:
        return Profile(name, folder, problem="its config.json is missing or cannot be read")
    config = jsonfile.mapping(jsonfile.parse(text))
    driver = jsonfile.text(config.get("Driver")) or jsonfile.text(config.get("VMDriver"))
    if not config or not driver:
        problem = "its config.json is empty" if not text.strip() else "its config.json is no profile's"
        return Profile(name, path, problem=problem)
    kubernetes = jsonfile.mapping(config.get("KubernetesConfig"))
    return Profile(name, path, driver, jsonfile.text(kubernetes.get("ContainerRuntime")))


def has_machine(machine: Machine, name: str) -> bool:
    """Tell whether the machine of a profile is registered."""
    return machine.path(f"{home(machine)}/machines/{name}/config.json").is_file()


def runs(machine: Machine, profile: Profile) -> bool | None:
    """Tell whether the machine of a profile runs: None where no driver's process could be told, or none listed."""
    marks = [mark.format(name=profile.name) for mark in MACHINE_MARKS.get(profile.driver, ())]
    return _any_process(machine, marks) if marks else None


def _any_process(machine: Machine, marks: Sequence[str]) -> bool | None:
    """Tell whether a process has one of the marks in its command line (arguments end in NUL)."""
    if machine.os == "linux":
        pids = [name for name in machine.entries("/proc") if name.isdigit()]
        lines = (machine.read(f"/proc/{pid}/cmdline", 16384) or "" for pid in pids)
        return any(mark in line for line in lines for mark in marks) if pids else None
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        line = "\0".join(process.info["cmdline"] or []) + "\0"
        if any(mark in line for mark in marks):
            return True
    return False
