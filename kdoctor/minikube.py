"""minikube's own files: its home, its profiles, its machines (minikube pkg/minikube/config, localpath)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kdoctor.machine import Machine
from kdoctor.settings import jsonfile

DEFAULT = "minikube"
CONTAINER_DRIVERS = ("docker", "podman")


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
