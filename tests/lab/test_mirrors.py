"""`kdoctor mirrors` in the lab: real registries that serve, lack the image, or serve another one."""

import sys
from typing import Any

from kdoctor.report.json import schema

from . import Lab, addresses
from .manners import Answer, Wire
from .test_diagnosis import ROOT, kdoctor

HANGZHOU = "registry.cn-hangzhou.aliyuncs.com/google_containers"
ALIYUN = "registry.aliyuncs.com/google_containers"


def offers(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["repository"]: one for one in report["offers"]}


def test_the_best_mirror_of_kubernetes_is_named_with_its_use(lab: Lab) -> None:
    report, status = kdoctor(lab, "mirrors", "registry.k8s.io")
    assert status == 0
    found = offers(report)
    assert report["offers"][0]["repository"] == HANGZHOU
    assert found[HANGZHOU]["fits"]
    assert found[HANGZHOU]["same"] is True
    assert found[HANGZHOU]["rate"] > 0
    assert found["k8s.m.daocloud.io"]["outcome"] == "unreached"
    assert report["fixes"]
    assert any(HANGZHOU in step["text"] + step.get("command", "") for fix in report["fixes"] for step in fix["steps"])


def test_another_digest_is_a_warning_and_never_the_best(lab: Lab) -> None:
    lab.answer("registry.cn-hangzhou.aliyuncs.com", Answer.UNAVAILABLE)
    report, _ = kdoctor(lab, "mirrors", "registry.k8s.io/pause:3.9")
    found = offers(report)
    assert (found[ALIYUN]["outcome"], found[ALIYUN]["same"]) == ("ok", False)
    assert found[HANGZHOU]["outcome"] == "server-error"
    assert not report["fixes"]
    page = lab.run([sys.executable, "-m", "kdoctor", "mirrors", "registry.k8s.io"], env={"PYTHONPATH": str(ROOT)})
    assert "ANOTHER digest" in page.stdout


def test_the_upstream_being_away_leaves_mirrors_to_compare_with_each_other(lab: Lab) -> None:
    lab.wire(addresses.K8S, Wire.RESET)
    report, status = kdoctor(lab, "mirrors", "registry.k8s.io/pause:3.9")
    assert status == 0
    assert {one["same"] for one in report["offers"] if one["outcome"] == "ok"} == {False}  # no two agree


def test_a_mirror_of_the_persons_own(lab: Lab) -> None:
    report, status = kdoctor(lab, "mirrors", "alpine", "--add", addresses.MIRROR)
    assert status == 0
    best = report["offers"][0]
    assert (best["repository"], best["same"], best["listed"]) == (addresses.MIRROR, True, False)
    assert best["image"] == f"{addresses.MIRROR}/library/alpine:latest"


def test_none_serves(lab: Lab) -> None:
    report, status = kdoctor(lab, "mirrors", "quay.io")
    assert status == 1
    assert {one["outcome"] for one in report["offers"]} == {"unreached"}


def test_the_report_keeps_to_its_schema(lab: Lab) -> None:
    import jsonschema

    report, _ = kdoctor(lab, "mirrors", "registry.k8s.io")
    jsonschema.validate(report, schema())
