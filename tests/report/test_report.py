"""What each format says of a report, and the exit status that follows from it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from kdoctor.model import UNSEEN, Check, Evidence, Report, Role, Severity, Status, Verdict
from kdoctor.report import RENDERERS, Options
from kdoctor.report.github import append_summary
from kdoctor.report.json import schema
from kdoctor.report.layout import columns, wrap
from kdoctor.report.status import exit_status
from kdoctor.report.words import words


def _text(report: Report, **options: Any) -> str:
    return RENDERERS["text"].render(report, Options(**options))


def _strict(node: Any) -> Any:
    """Refuse fields that the schema does not name."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {name: _strict(item) for name, item in node.items()}
    if out.get("type") == "object" and "properties" in out:
        out["additionalProperties"] = False
    return out


@pytest.mark.parametrize("name", ["problem", "walked", "healthy", "healed", "unknown"])
def test_json_fits_its_schema_and_names_every_field(name: str, request: pytest.FixtureRequest) -> None:
    report: Report = request.getfixturevalue(name)
    jsonschema.Draft202012Validator.check_schema(schema())
    document = json.loads(RENDERERS["json"].render(report, Options()))
    jsonschema.validate(document, schema(), jsonschema.Draft202012Validator)
    jsonschema.validate(document, _strict(schema()), jsonschema.Draft202012Validator)


def test_json_has_the_fields_of_the_contract(problem: Report) -> None:
    document = json.loads(RENDERERS["json"].render(problem, Options()))
    assert document["schema"] == "kdoctor/report/1"
    assert document["status"] == "problem"
    root = document["diagnoses"][0]
    assert root["facts"] == {"proxy": "127.0.0.1:7890", "registry": "registry-1.docker.io"}
    assert root["matched"]["line"] == 1
    assert root["evidence"][0]["outcome"] == "refused"
    assert root["fixes"][0]["steps"][1]["command"].startswith("sudo systemctl")
    assert document["platform"]["platforms"][0]["id"] == "docker-engine"


def test_the_schema_refuses_another_verdict(problem: Report) -> None:
    document = json.loads(RENDERERS["json"].render(problem, Options()))
    document["diagnoses"][0]["verdict"] = "perhaps"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema(), jsonschema.Draft202012Validator)


def test_text_says_what_is_wrong_then_how_we_know_then_what_to_do(problem: Report) -> None:
    out = _text(problem)
    order = [
        "The proxy 127.0.0.1:7890 refuses connections",
        "proxy-connection-refused, confirmed, seen from docker",
        "nothing listens",
        "How we know",
        "refused  tcp.connect 127.0.0.1:7890, seen from docker",
        "Why",
        "What to do",
        "Then ask again",
        "Follows from it",
        "base-image-unavailable",
        "What could not be seen",
    ]
    places = [out.index(word) for word in order]
    assert places == sorted(places)


def test_a_reason_for_not_seeing_stands_once(problem: Report) -> None:
    why = "no node of a local cluster runs here"
    unseen = tuple(Evidence(f"registry.{kind}", "reg.example.com", "node", UNSEEN, why) for kind in ("ping", "blob"))
    out = _text(replace(problem, diagnoses=(replace(problem.diagnoses[0], evidence=unseen),), checks=()))
    assert out.count(why) == 1
    assert "- registry.ping reg.example.com (node)" in out
    assert "- registry.blob reg.example.com (node)" in out


def test_a_command_is_alone_on_its_line_and_whole(problem: Report) -> None:
    command = problem.diagnoses[0].fixes[0].steps[1].command
    assert command is not None
    assert len(command) > 80
    for width in (40, 80):
        assert command in [line.strip() for line in _text(problem, width=width).splitlines()]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_lines_keep_to_the_width(walked: Report, lang: str, verbose: int) -> None:
    commands = {step.command for d in walked.diagnoses for fix in d.fixes for step in fix.steps}
    long = [
        line
        for line in _text(replace(walked, lang=lang), verbose=verbose).splitlines()
        if columns(line) > 80 and line.strip() not in commands
    ]
    assert long == []


def test_check_shows_its_steps_before_the_diagnosis(walked: Report) -> None:
    out = _text(walked)
    assert out.index("tcp.connect     127.0.0.1:7890") < out.index("error: The proxy")
    assert "skipped   tls.handshake   registry-1.docker.io  tcp.connect failed" in out
    assert "by the proxy http://127.0.0.1:7890" in out


def test_healthy_is_two_lines(healthy: Report) -> None:
    assert _text(healthy).splitlines() == [
        "Healthy: nothing here stands in the way of starting or pulling.",
        "Checks: 1 passed, 1 did not apply.",
    ]


def test_a_refuted_text_is_told_as_healed(healed: Report) -> None:
    out = _text(healed)
    assert out.startswith("The text tells of a failure that is not there any more.\n")
    assert "The proxy accepts connections now." in out
    assert "error:" not in out


def test_an_unknown_text_offers_neighbours_and_no_diagnosis(unknown: Report) -> None:
    out = _text(unknown)
    assert out.startswith("No known failure is in this text.\n")
    assert "Not a diagnosis" in out
    assert "kdoctor explain registry-timeout" in out
    assert "--report-unknown" in out


def test_what_could_not_be_seen_is_said_even_when_healthy(healthy: Report) -> None:
    unseen = Check("kube.api", "shell", "10.0.0.1:6443", "unseen", detail="no permission")
    out = _text(replace(healthy, status=Status.UNKNOWN, blind=True, checks=(*healthy.checks, unseen)))
    assert "Nothing wrong was found, but not everything could be looked at." in out
    assert "no permission" in out


def test_many_steps_that_went_well_are_counted(walked: Report) -> None:
    many = tuple(Check("tcp.connect", "docker", f"10.0.0.{n}:443", "open") for n in range(30))
    report = replace(walked, checks=(*many, *walked.checks))
    assert "19 more ok" in _text(report)
    assert "10.0.0.29:443" in _text(report, verbose=1)
    assert "failed    tcp.connect" in _text(report)


def test_quiet_is_a_line_for_each_finding(problem: Report, healthy: Report) -> None:
    assert _text(problem, quiet=True) == (
        "error proxy-connection-refused: The proxy 127.0.0.1:7890 refuses connections\n"
    )
    assert _text(healthy, quiet=True) == ""


def test_chinese_words_and_widths(problem: Report) -> None:
    out = _text(replace(problem, lang="zh-CN"))
    assert "错误：The proxy 127.0.0.1:7890 refuses connections" in out
    assert "怎么办" in out
    assert "What to do" not in out
    assert columns("错误：") == 6


def test_chinese_text_wraps_between_characters_and_not_before_a_mark() -> None:
    text = "拉取镜像时使用的是守护进程的代理，而不是终端里的代理。" * 4
    for width in range(20, 60):
        parts = wrap(text, width)
        assert "".join(parts) == text
        assert all(columns(part) <= width for part in parts)
        assert not any(part[0] in "，。" for part in parts)


def test_both_languages_have_every_word() -> None:
    english, chinese = words("en"), words("zh")
    for mapping in ("severity", "verdict", "risk", "role"):
        assert getattr(english, mapping).keys() == getattr(chinese, mapping).keys()


def test_junit_counts_what_it_holds(walked: Report) -> None:
    suite = ET.fromstring(RENDERERS["junit"].render(walked, Options())).find("testsuite")
    assert suite is not None
    assert suite.get("tests") == str(len(suite.findall("testcase"))) == "6"
    assert suite.get("failures") == str(len(suite.findall("testcase/failure"))) == "3"
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped"))) == "2"
    names = [case.get("name", "") for case in suite.findall("testcase")]
    assert "proxy-connection-refused: The proxy 127.0.0.1:7890 refuses connections" in names


def test_junit_fails_only_where_the_exit_status_does(walked: Report) -> None:
    warned = tuple(replace(d, severity=Severity.WARNING) for d in walked.diagnoses)
    report = replace(walked, diagnoses=warned, blind=False)
    assert 'failures="0"' in RENDERERS["junit"].render(report, Options())
    assert 'failures="3"' in RENDERERS["junit"].render(report, Options(fail_on=Severity.WARNING))
    assert exit_status(report, Severity.ERROR) == 0
    assert exit_status(report, Severity.WARNING) == 1


def test_junit_is_never_empty() -> None:
    suite = ET.fromstring(RENDERERS["junit"].render(Report("check", Status.HEALTHY, "en"), Options())).find("testsuite")
    assert suite is not None
    assert suite.get("tests") == "1"


def test_github_annotates_the_root_and_leaves_the_consequence_to_the_summary(problem: Report) -> None:
    out = RENDERERS["github"].render(problem, Options())
    assert out.startswith("::error title=kdoctor proxy-connection-refused%3A The proxy 127.0.0.1%3A7890 refuses")
    assert len(out.splitlines()) == 1
    assert "%0A" in out


def test_github_points_at_the_line_of_a_manifest(problem: Report) -> None:
    root = problem.diagnoses[0]
    place = replace(root.locations[0], source="deploy/app.yaml", line=7)
    out = RENDERERS["github"].render(replace(problem, diagnoses=(replace(root, locations=(place,)),)), Options())
    assert out.startswith("::error file=deploy/app.yaml,line=7,title=")


def test_a_failure_that_comes_again_has_its_place_and_count(problem: Report) -> None:
    root = problem.diagnoses[0]
    place = replace(root.locations[0], source="kubelet.log", line=2, last_line=5, count=2)
    again = replace(problem, diagnoses=(replace(root, locations=(place,)), *problem.diagnoses[1:]))
    github = RENDERERS["github"].render(again, Options())
    assert github.startswith("::error file=kubelet.log,line=2,endLine=5,title=")
    for name in ("text", "markdown", "github"):
        assert "2 times, lines 2 to 5 of kubelet.log" in RENDERERS[name].render(again, Options())


def test_the_job_summary_is_appended(problem: Report, tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    append_summary(problem, Options(), path)
    out = path.read_text()
    assert out.startswith("before\n### error: The proxy 127.0.0.1:7890 refuses connections\n")
    assert "```sh\ndocker pull hello-world\n```" in out


def test_markdown_of_the_other_answers(healthy: Report, healed: Report, unknown: Report) -> None:
    render = RENDERERS["markdown"].render
    assert render(healthy, Options()).startswith("**Healthy")
    assert "not so any more" in render(healed, Options())
    assert "`registry-timeout` The registry does not answer" in render(unknown, Options())


@pytest.mark.parametrize(
    ("change", "arguments", "expected"),
    [
        ({}, {}, 1),
        ({"blind": True}, {}, 1),
        ({}, {"exit_zero": True}, 0),
        ({"severity": Severity.WARNING}, {}, 0),
        ({"severity": Severity.WARNING}, {"fail_on": Severity.WARNING}, 1),
        ({"severity": Severity.WARNING, "blind": True}, {}, 3),
        ({"verdict": Verdict.REFUTED}, {}, 0),
        ({"verdict": Verdict.INCONCLUSIVE}, {"allow_inconclusive": True}, 1),
        ({"diagnoses": (), "status": Status.HEALTHY}, {}, 0),
        ({"diagnoses": (), "status": Status.UNKNOWN}, {}, 3),
        ({"diagnoses": (), "status": Status.HEALTHY, "blind": True}, {}, 3),
        ({"diagnoses": (), "status": Status.UNKNOWN, "blind": True}, {"allow_inconclusive": True}, 0),
        ({"diagnoses": (), "status": Status.UNKNOWN, "blind": True}, {"exit_zero": True}, 0),
        ({"command": "explain"}, {}, 0),
        ({"command": "explain", "verdict": Verdict.REFUTED, "status": Status.HEALTHY}, {}, 0),
        ({"command": "explain", "diagnoses": (), "status": Status.UNKNOWN}, {}, 1),
        ({"command": "explain", "diagnoses": (), "status": Status.UNKNOWN}, {"exit_zero": True}, 0),
        ({"command": "explain", "diagnoses": (), "status": Status.UNKNOWN}, {"allow_inconclusive": True}, 1),
    ],
)
def test_exit_status(problem: Report, change: dict[str, Any], arguments: dict[str, Any], expected: int) -> None:
    change = {"command": "check", **change}
    of_diagnosis = {name: change.pop(name) for name in ("severity", "verdict") if name in change}
    diagnosis = replace(problem.diagnoses[0], role=Role.ROOT, **of_diagnosis)
    report = replace(problem, **{"diagnoses": (diagnosis,), **change})
    assert exit_status(report, **{"fail_on": Severity.ERROR, **arguments}) == expected


@pytest.mark.parametrize("name", ["text", "json"])
def test_plain_output_imports_nothing_heavy(name: str) -> None:
    """A plain `explain` must stay fast."""
    code = (
        "import sys\n"
        "from kdoctor.model import Report, Status\n"
        "from kdoctor.report import RENDERERS, Options\n"
        f"RENDERERS[{name!r}].render(Report('explain', Status.UNKNOWN, 'en'), Options())\n"
        "heavy = {'rich', 'httpx', 'asyncio', 'yaml', 'xml.etree.ElementTree', 'kubernetes', 'jsonschema'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_way_is_shown_vantage_by_vantage_where_there_are_several() -> None:
    from kdoctor.model import Check, Report, Status
    from kdoctor.report import Options, text

    def check(vantage: str, step: str, outcome: str, *, ok: bool = True, skipped: str | None = None) -> Check:
        return Check(step, vantage, "reg.test", outcome, 0.1, skipped, "", ok, "reg.test")

    checks = (
        check("docker", "name", "ok"),
        check("docker", "connect", "open"),
        check("node:a", "name", "nxdomain", ok=False),
        check("ssh:b", "connect", "", skipped="unseen: no way"),
    )
    shown = text.render(Report("check", Status.PROBLEM, "en", checks=checks), Options(False, 0, False, 80))
    matrix = shown[shown.index("Where the way breaks") :].split("\n\n", maxsplit=1)[0].splitlines()
    assert [" ".join(line.split()) for line in matrix[1:]] == [
        "reg.test",
        "docker ok",
        "node:a name: nxdomain",
        "ssh:b connect: not seen",
    ]
    alone = text.render(Report("check", Status.PROBLEM, "en", checks=checks[:2]), Options(False, 0, False, 80))
    assert "Where the way breaks" not in alone
