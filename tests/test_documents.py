"""README and docs: every command in them runs, every file and option they name is there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

NOT_RUN_HERE = {
    "pipx install .": "tests/test_packaging.py installs what this builds",
    "make check": "the target is checked; it sets up and runs `kdoctor check`",
    "make test": "this very run",
}

MANIFEST = """apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: "127.0.0.1:1/web:1"}]
"""
LOG = 'dockerd[1]: level=error msg="Get \\"https://reg.example.com/v2/\\": x509: certificate has expired"\n'


def commands() -> list[tuple[str, str]]:
    found = []
    for document in DOCUMENTS:
        for block in re.findall(r"```console\n(.*?)```", document.read_text(), re.DOTALL):
            found += [(document.name, line[2:]) for line in block.splitlines() if line.startswith("$ ")]
    return list(dict.fromkeys(found))


def gitlab_script() -> list[str]:
    text = (ROOT / "docs" / "ci.md").read_text()
    block = re.search(r"```yaml\nkdoctor:\n.*?```", text, re.DOTALL)
    assert block
    job: dict[str, Any] = yaml.safe_load(block[0].removeprefix("```yaml").removesuffix("```"))["kdoctor"]
    return [line for line in job["script"] if line.startswith("kdoctor")]


def offline() -> list[str]:
    """Return what keeps a command in a network of its own that leads nowhere, where that can be had."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        return []
    return ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]


def in_folder(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a person would, with kdoctor on PATH and small files of the names that the documents use."""
    (folder / "deploy").mkdir(exist_ok=True)
    for name in ("deploy.yaml", "deploy/app.yaml", "deploy/db.yaml"):
        (folder / name).write_text(MANIFEST)
    for name in ("kubelet.log", "deploy.log"):
        (folder / name).write_text(LOG)
    (folder / "registries.yaml").write_text("mirrors: {}\n")
    env = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith("GITHUB_")}
    env |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)}
    shell = [*offline(), "bash", "-c", command]
    return subprocess.run(shell, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("document", "command"), [c for c in commands() if c[1] not in NOT_RUN_HERE])
def test_command_of_a_document_runs(document: str, command: str, tmp_path: Path) -> None:
    done = in_folder(command, tmp_path)
    assert "Traceback" not in done.stderr
    assert "kdoctor itself failed" not in done.stderr
    # 1 and 3 say something of this machine, 127 that a tool is not installed; 2 would be a wrong command
    assert done.returncode in (0, 1, 3, 127), done.stdout + done.stderr
    assert done.stdout or done.stderr


@pytest.mark.parametrize("command", gitlab_script())
def test_command_of_the_gitlab_job_runs(command: str, tmp_path: Path) -> None:
    done = in_folder(command, tmp_path)
    assert done.returncode in (0, 1, 3), done.stderr
    assert (tmp_path / "kdoctor.xml").read_text().startswith("<?xml")


def test_commands_that_are_not_run_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("check", "test"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
        assert f"make {target}" in (ROOT / "README.md").read_text()
    assert 'name = "kdoctor-cli"' in (ROOT / "pyproject.toml").read_text()


def test_links_lead_to_files() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_action_takes_what_the_documents_give_it() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    script = (ROOT / ".github" / "check.sh").read_text()
    steps = action["runs"]["steps"]
    variables = next(step["env"] for step in steps if "env" in step)
    for name, value in variables.items():
        assert name == "KDOCTOR_ACTION" or re.search(r"inputs\.([\w-]+)", value)[1] in action["inputs"]  # type: ignore[index]
        assert f"${name}" in script or name == "KDOCTOR_ACTION"
    assert "${{" not in script


def test_the_action_checks_and_annotates(tmp_path: Path) -> None:
    """The script of the action, with an environment as GitHub gives it."""
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(MANIFEST)
    environment = tmp_path / "kdoctor-venv"
    (environment / "bin").mkdir(parents=True)
    script = (ROOT / ".github" / "check.sh").read_text()
    for line in ('python3 -m venv "$environment"\n', '"$environment/bin/pip" install'):
        assert line in script
    # the environment of this test run takes the place of a fresh one; installing is test_packaging's
    script = "\n".join(line for line in script.splitlines() if "venv " not in line and "pip" not in line)
    (environment / "bin" / "kdoctor").symlink_to(shutil.which("kdoctor", path=str(Path(sys.executable).parent)) or "")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "KDOCTOR_ACTION": str(ROOT),
        "KDOCTOR_MANIFESTS": f"{manifest}\n",
        "KDOCTOR_IMAGES": "",
        "KDOCTOR_REGISTRIES": "",
        "KDOCTOR_FOR": "",
        "KDOCTOR_FAIL_ON": "error",
        "KDOCTOR_TIMEOUT": "5",
        "KDOCTOR_ALLOW": "false",
    }
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 1, 3), done.stderr
    assert all(line.startswith("::") for line in done.stdout.splitlines()), done.stdout
    assert (tmp_path / "kdoctor-report.json").exists()
    assert (tmp_path / "output").read_text().startswith("report=")
    assert (tmp_path / "summary").read_text()
