"""What a recipe's command may do with values: the program, scripts and redirections are the recipe's own."""

from __future__ import annotations

import pytest

from kdoctor.rules.commands import line, posix, powershell, problems, quoting
from tests.rules.folders import scope

GOOD = [
    ["docker", "pull", "{image}"],
    ["sudo", "docker", "pull", "{image}"],
    ["minikube", "ssh", "--", "docker", "pull", "{image}"],
    ["docker", "exec", "kind-control-plane", "crictl", "pull", "{image}"],
    ["docker", "save", "{image}", "|", "sudo", "ctr", "-n", "k8s.io", "images", "import", "-"],
    ["env", "HTTP_PROXY={to}", "HTTPS_PROXY={to}", "minikube", "start"],
    ["export", "NO_PROXY=localhost,{target}"],
    ["sudo", "sed", "-i.bak", "s|{value}|{to}|g", "{file}"],
    ["openssl", "s_client", "-connect", "{registry}", "<", "/dev/null", "|", "openssl", "x509", "-noout"],
    ["sudo", "sh", "-c", "containerd config default > /etc/containerd/config.toml"],
    ["sh", "-c", 'docker pull "$1"', "sh", "{image}"],
    ["grep", "-rn", "{old}", "."],
    ["grep", "--", "{old}", "file"],
    ["kubectl", "get", "pods", "-n", "{name}"],
    ["timeout", "5", "curl", "{url}"],
]


@pytest.mark.parametrize("run", GOOD, ids=" ".join)
def test_a_value_may_be_an_argument(run: list[str]) -> None:
    assert list(problems(run)) == []


@pytest.mark.parametrize(
    "run",
    [
        ["{tool}", "--version"],
        ["sudo", "{tool}"],
        ["sudo", "-n", "-u", "root", "{tool}"],
        ["env", "A=b", "{tool}"],
        ["timeout", "5", "{tool}"],
        ["minikube", "ssh", "--", "{tool}", "pull"],
        ["minikube", "ssh", "{tool}"],
        ["kubectl", "exec", "pod", "--", "{tool}"],
        ["docker", "exec", "node", "{tool}"],
        ["docker", "ps", "|", "{tool}"],
        ["docker", "ps", "&&", "sudo", "{tool}"],
        ["/usr/bin/{tool}"],
    ],
    ids=" ".join,
)
def test_a_value_is_never_the_program(run: list[str]) -> None:
    assert any("the program is a value" in problem for problem in problems(run))


@pytest.mark.parametrize(
    "run",
    [
        ["sh", "-c", "docker pull {image}"],
        ["sudo", "bash", "-lc", "echo {image}"],
        ["minikube", "ssh", "--", "sudo", "sh", "-c", "echo {image}"],
        ["docker", "exec", "node", "sh", "-c", "echo {image}"],
        ["kubectl", "exec", "pod", "--", "/bin/sh", "-c", "echo {image}"],
        ["python3", "-c", "print('{image}')"],
        ["perl", "-e", "{value}"],
        ["node", "-e", "{value}"],
        ["powershell", "-Command", "docker pull {image}"],
        ["powershell.exe", "-NoProfile", "-Command", "docker", "pull", "{image}"],
        ["pwsh", "{file}"],
        ["cmd", "/c", "docker pull {image}"],
        ["eval", "{value}"],
        ["sh", "{file}"],
        ["su", "-", "root", "-c", "docker pull {image}"],
    ],
    ids=" ".join,
)
def test_a_value_is_never_part_of_a_script(run: list[str]) -> None:
    assert any("reads as a script" in problem for problem in problems(run))


def test_nothing_of_a_value_is_piped_into_a_shell() -> None:
    assert any("piped" in problem for problem in problems(["curl", "-sfL", "{url}", "|", "sudo", "sh", "-"]))
    assert list(problems(["curl", "-sfL", "https://get.k3s.io", "|", "sh", "-"])) == []


def test_a_value_names_no_file_to_write_and_no_variable() -> None:
    assert any("names the file" in problem for problem in problems(["echo", "x", ">", "{file}"]))
    assert any('before "="' in problem for problem in problems(["export", "{variable}=x"]))
    assert any('before "="' in problem for problem in problems(["env", "{variable}=x", "docker", "pull"]))


@pytest.mark.parametrize(
    "value", ["a;reboot", "$(reboot)", "`reboot`", "a b", "a|b", "a&b", "a>b", "a*b", "a'b", 'a"b', "a\\b", "#a", "a!b"]
)
def test_where_words_are_read_again_only_plain_values_stand(value: str) -> None:
    for run in (
        ["minikube", "ssh", "--", "docker", "pull", "{image}"],
        ["ssh", "node", "docker", "pull", "{image}"],
        ["sudo", "sed", "-i", "s|a|{image}|", "/etc/x"],
        ["colima", "ssh", "--", "docker", "pull", "{image}"],
    ):
        assert line(run, scope({"image": value})) is None
        assert line(run, scope({"image": "quay.io:5000/a/b:1@sha256:0"})) is not None
    assert line(["docker", "pull", "{image}"], scope({"image": value})) == f"docker pull {posix(value)}"


@pytest.mark.parametrize(
    "value", ["a\nb", "a\rb", "a\tb", "a\x1b[2Jb", "a\u202eb", "a\u2028b", "a\x00b", "-a", "--", ""]
)
def test_no_control_signs_and_no_options(value: str) -> None:
    assert line(["docker", "pull", "{image}"], scope({"image": value})) is None


def test_powershell_has_quotes_of_its_own() -> None:
    quote = quoting("win32")
    assert quote is powershell
    assert line(["docker", "pull", "{image}"], scope({"image": "quay.io/a:1"}), quote) == "docker pull quay.io/a:1"
    assert line(["x", "{image}"], scope({"image": "a'; reboot"}), quote) == "x 'a''; reboot'"
    assert line(["x", "{image}"], scope({"image": "@a"}), quote) == "x '@a'"
    assert line(["x", "{image}"], scope({"image": "$env:PATH"}), quote) == "x '$env:PATH'"
    assert quoting("linux") is quoting("darwin") is posix
