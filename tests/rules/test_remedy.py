"""Fixes: the variant for this machine, values as single arguments, what has no value is left out."""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kdoctor.model import UNSEEN, Evidence, Fix
from kdoctor.rules.remedy import Here, fixes
from tests.rules.folders import RuleFolder, evidence, scope

PARAMS: dict[str, Any] = {"proxy": {"type": "proxy"}, "file": {"type": "path", "optional": True}}


def offered(
    folder: RuleFolder,
    facts: dict[str, str] | None = None,
    platforms: tuple[str, ...] = ("docker-engine",),
    lang: str = "en",
    **results: Evidence,
) -> list[Fix]:
    book = folder.book()
    restart = lambda service: ("rc-service", service, "restart")  # noqa: E731
    return list(fixes(book.rule("proxy-gone"), scope(facts or {}, **results), book, Here(platforms, restart), lang))


def with_steps(folder: RuleFolder, *steps: dict[str, Any], **variant: Any) -> None:
    """Write one recipe with these steps and a rule that uses it with all its facts."""
    folder.recipe(
        "proxy.fix", params=PARAMS, variants=[{"on": ["any"], "proof": "docs", "steps": list(steps), **variant}]
    )
    use = {"use": "proxy.fix", "with": {"proxy": "{proxy}", "file": "{file}"}}
    folder.rule("proxy-gone", facts={n: {"type": s["type"], "optional": True} for n, s in PARAMS.items()}, fixes=[use])


def command(folder: RuleFolder, run: list[str], **facts: str) -> str | None:
    with_steps(folder, {"text": "Do it.", "run": run}, {"text": "Then rest."})
    (fix,) = offered(folder, {"proxy": "127.0.0.1:7890", **facts})
    return fix.steps[0].command


# --- which fixes, which variant ----------------------------------------------------------------------


def variants(folder: RuleFolder, *on: str, **more: Any) -> None:
    folder.recipe(
        "proxy.fix",
        variants=[
            *({"on": [one], "proof": "lab", "steps": [{"text": f"On {one}."}]} for one in on),
            *({"on": [one.replace("_", "-")], "not_applicable": why} for one, why in more.items()),
        ],
    )
    folder.rule("proxy-gone", fixes=[{"use": "proxy.fix"}])


def test_the_variant_of_the_first_platform_that_has_one_is_taken(folder: RuleFolder) -> None:
    variants(folder, "any", "docker-engine", "minikube")
    for platforms, wanted in (
        (("minikube", "docker-engine"), "minikube"),
        (("kind", "docker-engine"), "docker-engine"),
        (("podman",), "any"),
        ((), "any"),
    ):
        (fix,) = offered(folder, platforms=platforms)
        assert (fix.platform, fix.steps[0].text) == (wanted, f"On {wanted}.")


def test_what_does_not_apply_to_the_platform_is_not_offered(folder: RuleFolder) -> None:
    variants(folder, "any", minikube="It has no such setting.")
    assert offered(folder, platforms=("minikube", "docker-engine")) == []
    assert offered(folder, platforms=("docker-engine",)) != []


def test_a_platform_without_a_variant_gets_none(folder: RuleFolder) -> None:
    variants(folder, "minikube")
    assert offered(folder) == []


def test_fixes_come_in_their_order_where_their_condition_holds(folder: RuleFolder) -> None:
    for name in ("a", "b", "c", "d"):
        folder.recipe(f"fix.{name}")
    folder.rule(
        "proxy-gone",
        probes=[{"id": "p", "use": "proxy.listeners"}],
        verdict={"confirmed": {"p.outcome": "found"}},
        fixes=[
            {"use": "fix.a", "when": {"p.outcome": "none"}},
            {"use": "fix.b", "when": {"p.outcome": "found"}},
            {"use": "fix.c"},
            {"use": "fix.d", "when": {"none": [{"p.outcome": "none"}]}},
            {"use": "fix.c"},
        ],
    )
    assert [fix.id for fix in offered(folder, p=evidence("found"))] == ["fix.b", "fix.c", "fix.d"]
    assert [fix.id for fix in offered(folder, p=evidence(UNSEEN))] == ["fix.c"]


def test_a_fix_whose_parameter_has_no_value_is_not_offered(folder: RuleFolder) -> None:
    with_steps(folder, {"text": "Use {proxy}."})
    assert offered(folder, {}) == []
    assert offered(folder, {"proxy": "127.0.0.1:1"})[0].steps[0].text == "Use 127.0.0.1:1."


# --- steps -------------------------------------------------------------------------------------------


def test_a_step_without_its_values_is_left_out(folder: RuleFolder) -> None:
    with_steps(
        folder,
        {"text": "Text {file}."},
        {"text": "Run.", "run": ["cat", "{file}"]},
        {"text": "File.", "file": "{file}", "content": "x"},
        {"text": "Content.", "file": "/etc/x", "content": "{file}"},
        {"text": ["Edit {file}.", "Edit it."]},
    )
    (fix,) = offered(folder, {"proxy": "p:1"})
    assert [step.text for step in fix.steps] == ["Edit it."]
    (fix,) = offered(folder, {"proxy": "p:1", "file": "/etc/f"})
    assert [step.text for step in fix.steps] == ["Text /etc/f.", "Run.", "File.", "Content.", "Edit /etc/f."]


def test_a_fix_of_which_no_step_is_left_is_not_offered(folder: RuleFolder) -> None:
    with_steps(folder, {"text": "Text {file}."})
    assert offered(folder, {"proxy": "p:1"}) == []


def test_a_restart_without_the_change_before_it_is_no_fix(folder: RuleFolder) -> None:
    change = {"text": "Write it.", "file": "{file}", "content": "x"}
    reload = {"text": "Reload.", "run": ["sudo", "systemctl", "daemon-reload"]}
    restart = {"text": "Restart.", "restart": "docker"}
    with_steps(folder, change, reload, restart)
    assert offered(folder, {"proxy": "p:1"}) == []
    assert len(offered(folder, {"proxy": "p:1", "file": "/etc/x"})[0].steps) == 3
    with_steps(folder, restart)
    assert len(offered(folder, {"proxy": "p:1"})[0].steps) == 1
    with_steps(folder, {"text": "Ask for it."}, change, reload, restart)
    assert [step.text for step in offered(folder, {"proxy": "p:1"})[0].steps] == ["Ask for it."]
    with_steps(folder, {"text": "Look.", "run": ["cat", "/etc/x"]}, change, restart)
    assert [step.text for step in offered(folder, {"proxy": "p:1"})[0].steps] == ["Look.", "Restart."]
    with_steps(folder, {"text": "See {file}."}, restart)
    assert [step.text for step in offered(folder, {"proxy": "p:1"})[0].steps] == ["Restart."]


@pytest.mark.parametrize("key", ["restart", "reload"])
def test_a_service_is_named_by_the_recipe(folder: RuleFolder, key: str) -> None:
    with_steps(folder, {"text": "x", key: "{proxy}"})
    assert "is no name of a service" in " ".join(folder.problems())


def test_what_undoes_a_step_is_held_to_the_same(folder: RuleFolder) -> None:
    with_steps(folder, {"text": "x", "run": ["touch", "/a"], "do": True, "undo": ["sh", "-c", "rm {file}"]})
    assert "reads as a script" in " ".join(folder.problems())


def test_half_of_a_fix_that_deletes_is_not_offered(folder: RuleFolder) -> None:
    with_steps(folder, {"text": "Delete.", "run": ["minikube", "delete"]}, {"text": "Make anew with {file}."})
    assert [step.text for step in offered(folder, {"proxy": "p:1"})[0].steps] == ["Delete."]
    text = (folder.path / "fixes/proxy.fix.yaml").read_text().replace("risk: safe", "risk: destructive")
    folder.write("fixes/proxy.fix.yaml", text)
    assert offered(folder, {"proxy": "p:1"}) == []
    assert len(offered(folder, {"proxy": "p:1", "file": "/x"})[0].steps) == 2


@pytest.mark.parametrize("value", ["$(reboot)", "a b", "a;b", "-x", "a\nb", "evil.example/'"])
def test_a_fact_that_has_not_its_types_form_is_none(folder: RuleFolder, value: str) -> None:
    with_steps(folder, {"text": "Use {proxy}."})
    assert offered(folder, {"proxy": value}) == []
    folder.recipe(
        "proxy.fix",
        params={"any": {"type": "text", "optional": True}},
        variants=[{"on": ["any"], "proof": "docs", "steps": [{"text": ["Use {any}.", "Use it."]}]}],
    )
    folder.rule("proxy-gone", facts=PARAMS, fixes=[{"use": "proxy.fix", "with": {"any": "{proxy}"}}])
    assert offered(folder, {"proxy": value})[0].steps[0].text == "Use it."


def test_a_value_in_a_command_within_a_sentence_is_plain(folder: RuleFolder) -> None:
    with_steps(folder, {"text": ["Run `cat {file}`.", "See {file}."]})
    assert offered(folder, {"proxy": "p:1", "file": "/a/b"})[0].steps[0].text == "Run `cat /a/b`."
    assert offered(folder, {"proxy": "p:1", "file": "/a;reboot"})[0].steps[0].text == "See /a;reboot."


def test_a_parameter_that_a_rule_does_not_name_has_the_fact_of_its_name(folder: RuleFolder) -> None:
    with_steps(folder, {"text": "Use {proxy}."})
    folder.rule("proxy-gone", facts=PARAMS, fixes=[{"use": "proxy.fix", "with": {"proxy": "{file}"}}])
    assert offered(folder, {"proxy": "p:1", "file": "q:2"})[0].steps[0].text == "Use q:2."


def test_a_step_may_depend_on_a_parameter(folder: RuleFolder) -> None:
    with_steps(
        folder,
        {"text": "Drop-in.", "when": {"file": {"contains": ".d/"}}},
        {"text": "Else.", "when": {"file": {"exists": False}}},
    )
    assert [s.text for s in offered(folder, {"proxy": "p:1", "file": "/a.d/b"})[0].steps] == ["Drop-in."]
    assert [s.text for s in offered(folder, {"proxy": "p:1"})[0].steps] == ["Else."]


def test_restart_is_this_machines_way(folder: RuleFolder) -> None:
    with_steps(folder, {"text": "Restart.", "restart": "docker"})
    assert offered(folder, {"proxy": "p:1"})[0].steps[0].command == "rc-service docker restart"


def test_verify_is_a_line_to_paste_and_left_out_without_its_values(folder: RuleFolder) -> None:
    with_steps(folder, {"text": "x"}, verify=["docker", "pull", "{file}"])
    assert offered(folder, {"proxy": "p:1", "file": "a b"})[0].verify == "docker pull 'a b'"
    assert offered(folder, {"proxy": "p:1"})[0].verify is None


def test_a_file_holds_the_values_once(folder: RuleFolder) -> None:
    folder.recipe(
        "proxy.fix",
        params={"a": {"type": "text"}, "b": {"type": "text"}},
        variants=[{"on": ["any"], "proof": "docs", "steps": [{"text": "x {a}{b}", "run": ["cat", "{a}{b}"]}]}],
    )
    use = {"use": "proxy.fix", "with": {"a": "{proxy}", "b": "{file}"}}
    folder.rule("proxy-gone", facts={n: {"type": "text", "optional": True} for n in ("proxy", "file")}, fixes=[use])
    (step,) = offered(folder, {"proxy": "{b}", "file": "{a}{proxy}"})[0].steps
    assert (step.text, step.command) == ("x {b}{a}{proxy}", "cat '{b}{a}{proxy}'")


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a, b", "a]\n[b", "a'b", "a: b", "{a}", "a#b"])
def test_no_value_breaks_out_of_the_place_it_has_in_a_file(folder: RuleFolder, value: str) -> None:
    with_steps(folder, {"text": "Write.", "file": "/etc/x", "content": 'P="{file}"'}, {"text": "Then rest."})
    assert [s.content for s in offered(folder, {"proxy": "p:1", "file": "/etc/fine-1.0"})[0].steps] == [
        'P="/etc/fine-1.0"',
        None,
    ]
    assert [s.content for s in offered(folder, {"proxy": "p:1", "file": value})[0].steps] == [None]


# --- commands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["-rf", "--help", "-", "--config=/tmp/x", "-o"])
def test_a_value_never_becomes_an_option(folder: RuleFolder, value: str) -> None:
    assert (
        command(folder, ["docker", "pull", "{file}"], file=value) == ""
        or offered(folder, {"proxy": "p", "file": value})[0].steps[0].text == "Then rest."
    )
    assert command(folder, ["docker", "{file}{proxy}"], file=value) is None


def test_a_value_that_begins_with_a_dash_is_no_part_of_a_word_either(folder: RuleFolder) -> None:
    assert command(folder, ["x", "--file={file}"], file="/v") == "x --file=/v"
    assert command(folder, ["x", "--file={file}"], file="-v") is None
    assert command(folder, ["x", "-e{file}"], file="-v") is None


@pytest.mark.parametrize("run", [["{file}", "pull"], ["sh", "-c", "echo {file}"]])
def test_a_value_is_never_a_command(folder: RuleFolder, run: list[str]) -> None:
    with_steps(folder, {"text": "x", "run": run})
    assert "value" in " ".join(folder.problems())


def test_only_the_recipes_own_signs_are_left_to_the_shell(folder: RuleFolder) -> None:
    assert (
        command(folder, ["cat", "a b", "|", "grep", "{file}", ">", "~/x y"], file="|")
        == "cat 'a b' | grep '|' > ~/'x y'"
    )
    assert command(folder, ["cat", "{file}"], file="~/x") == "cat '~/x'"
    assert command(folder, ["cat", "{file}"], file="&&") == "cat '&&'"
    assert command(folder, ["cat", "{file}"], file="$USER") == "cat '$USER'"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=20))
def test_a_shell_reads_any_value_as_one_argument(folder: RuleFolder, value: str) -> None:
    assume(not value.startswith("-"))
    line = command(folder, ["printf", "%s", "{file}"], file=value)
    assert line is not None
    assert shlex.split(line) == ["printf", "%s", value]
    assert subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout == value.encode()


# --- languages ---------------------------------------------------------------------------------------


def test_a_translation_that_cannot_be_filled_gives_way_to_the_english_text(folder: RuleFolder) -> None:
    with_steps(folder, {"text": "Edit it."})
    folder.translation("fixes/proxy.fix", of="x", title="修复 {file}", steps={"Edit it.": "编辑 {file}。"})
    (fix,) = offered(folder, {"proxy": "p:1"}, lang="zh")
    assert (fix.title, fix.steps[0].text) == ("Title of proxy.fix", "Edit it.")


def test_a_translated_step_is_the_same_step(folder: RuleFolder) -> None:
    with_steps(folder, {"text": ["Edit {file}.", "Edit it."], "run": ["edit", "{proxy}"]})
    folder.translation(
        "fixes/proxy.fix", of="x", title="修复", steps={"Edit {file}.": "编辑 {file}。", "Edit it.": "编辑它。"}
    )
    (fix,) = offered(folder, {"proxy": "p:1"}, lang="zh")
    assert (fix.title, fix.steps[0].text, fix.steps[0].command) == ("修复", "编辑它。", "edit p:1")
