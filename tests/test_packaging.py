"""The wheel: built, installed into a clean environment, run from another folder."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINE = (
    'Error response from daemon: Get "https://registry-1.docker.io/v2/": '
    "proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused"
)

pytestmark = pytest.mark.timeout(300)


def run(*command: str | Path, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")} | {"HOME": str(cwd)}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT, cwd=folder)
    return next(folder.glob("kdoctor_cli-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    pip = folder / "venv" / "bin" / "pip"
    quiet = ("install", "-q", "--disable-pip-version-check")
    run(pip, *quiet, "-c", ROOT / "constraints.txt", wheel, cwd=folder)
    yield folder


def test_the_wheel_holds_compiled_rules_and_their_sources(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"kdoctor/_rules/index.json", "kdoctor/_rules/details.json", "kdoctor/py.typed"} <= names
    sources = {str(file.relative_to(ROOT / "rules").as_posix()) for file in (ROOT / "rules").rglob("*.yaml")}
    assert {f"kdoctor/_rules/{name}" for name in sources} <= names
    assert {f"kdoctor/data/{file.name}" for file in (ROOT / "kdoctor" / "data").glob("*.toml")} <= names
    assert not any(name.startswith(("tests/", "docs/")) for name in names)


def test_the_installed_command_explains_from_another_folder(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "venv/bin/kdoctor", "explain", "--no-probe", "-o", "json", LINE, cwd=tmp_path)
    report = json.loads(done.stdout)
    assert report["diagnoses"][0]["rule"] == "proxy-connection-refused"
    assert report["diagnoses"][0]["facts"]["proxy"] == "127.0.0.1:7890"


def test_the_installed_rules_are_all_there(installed: Path, tmp_path: Path) -> None:
    listed = json.loads(run(installed / "venv/bin/kdoctor", "rules", "list", "-o", "json", cwd=tmp_path).stdout)
    folders = [
        folder for folder in (ROOT / "rules").iterdir() if folder.is_dir() and folder.name not in ("fixes", "i18n")
    ]
    assert {rule["id"] for rule in listed} == {file.stem for folder in folders for file in folder.glob("*.yaml")}


def test_the_installed_module_checks_and_lints(installed: Path, tmp_path: Path) -> None:
    python = installed / "venv/bin/python"
    done = run(python, "-m", "kdoctor", "check", "--timeout", "3", "-o", "json", cwd=tmp_path, check=False)
    assert done.returncode in (0, 1, 3), done.stderr
    assert json.loads(done.stdout)["command"] == "check"
    run(python, "-m", "kdoctor", "rules", "test", cwd=tmp_path)


def test_a_plain_run_writes_nothing_beside_the_package(installed: Path, tmp_path: Path) -> None:
    run(installed / "venv/bin/kdoctor", "explain", "--no-probe", LINE, cwd=tmp_path)
    assert not list(tmp_path.iterdir())
