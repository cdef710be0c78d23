"""`kdoctor platforms` and `settings` in the lab: what a real dockerd is told, and by which line of which file."""

from typing import Any

import jsonschema
import pytest

from kdoctor.report.json import schema

from . import Lab
from .lab import MIRROR_URL, NO_PROXY, PROXY_URL
from .test_diagnosis import kdoctor


def rows(report: dict[str, Any], puller: str, topic: str) -> dict[str, dict[str, Any]]:
    return {r["name"]: r for r in report["settings"] if (r["puller"], r["topic"]) == (puller, topic)}


def test_the_daemons_proxy_with_the_line_that_sets_it(lab: Lab) -> None:
    lab.proxied()
    report, status = kdoctor(lab, "settings")
    assert status == 0
    jsonschema.validate(report, schema())
    found = rows(report, "docker", "proxy")
    assert found["HTTPS_PROXY"]["value"] == PROXY_URL
    assert found["HTTPS_PROXY"]["file"] == "/etc/default/docker"
    assert found["NO_PROXY"]["value"] == NO_PROXY
    assert any("HTTPS_PROXY is not the same everywhere" in notice for notice in report["notices"])


def test_an_edit_that_waits_for_a_restart_is_pending(lab: Lab) -> None:
    lab.proxied()
    lab.here.script("sed -i 's/3128/3999/' /etc/default/docker")
    report, _ = kdoctor(lab, "settings")
    pending = [r for r in report["settings"] if r["puller"] == "docker" and r["standing"] == "pending"]
    assert pending
    assert "not in effect" in pending[0]["note"]


def test_a_mirror_of_daemon_json(lab: Lab) -> None:
    lab.mirrored()
    report, _ = kdoctor(lab, "settings")
    mirror = rows(report, "docker", "mirror")["docker.io"]
    assert (mirror["value"].rstrip("/"), mirror["file"], mirror["line"]) == (MIRROR_URL, "/etc/docker/daemon.json", 3)


def test_the_engine_is_found(lab: Lab) -> None:
    report, status = kdoctor(lab, "platforms")
    assert status == 0
    jsonschema.validate(report, schema())
    found = {p["id"]: p for p in report["platform"]["platforms"]}
    assert found["docker-engine"]["found_by"].startswith("GET /info")
    assert found["docker-engine"]["version"]


@pytest.mark.parametrize("command", ["platforms", "settings"])
def test_without_root_there_is_no_error(lab: Lab, command: str) -> None:
    _, status = kdoctor(lab, command, user="dev")
    assert status == 0
