"""registry.mirrors, control and substitute against real servers on loopback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kdoctor import registries
from kdoctor.model import Evidence
from kdoctor.probes.kinds import KINDS
from kdoctor.probes.runner import Place, Runner
from kdoctor.registries import PublicMirror
from kdoctor.settings.dockerd import Mirror
from kdoctor.settings.source import Source
from tests.probes.registry_peers import Answer, Asker, Content, Puller, Raw, error, registry, serving


def configured(url: str, line: int = 1) -> Mirror:
    return Mirror(url, Source("daemon-json", "registry-mirrors", "/etc/docker/daemon.json", line))


async def ask_mirrors(
    tmp_path: Path, urls: list[str], upstream: str, image: str | None = None, vantage: str = "docker"
) -> Evidence:
    own = tuple(configured(url, line) for line, url in enumerate(urls, 1))
    asker = Asker(Puller(tmp_path, own_mirrors=own, name=vantage), frozenset({upstream}))
    given = {"image": f"{upstream}/{image}"} if image else {"registry": upstream}
    return await asker.other("registry.mirrors", **given)


async def test_without_mirrors_there_are_none(tmp_path: Path) -> None:
    assert (await Asker(Puller(tmp_path)).other("registry.mirrors", registry="docker.io")).outcome == "none"


async def test_a_dead_mirror_beside_a_working_one(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64")
    async with serving(registry(content)) as gone:
        dead = f"http://{gone.host}"
    async with serving(registry(content)) as mirror, serving(registry(content)) as upstream:
        works = f"http://user:secret@{mirror.host}/"
        found = await ask_mirrors(tmp_path, [works, dead], upstream.host, "lib/app:1")
        assert mirror.asked("HEAD") == [f"/v2/lib/app/manifests/1?ns={upstream.host}"]
        assert "authorization" not in mirror.seen[-1].headers
    assert found.outcome == "some-dead"
    assert found.data["dead"] == (dead,)
    assert found.data["working"] == (f"http://{mirror.host}",)
    assert (found.data["cause"], found.data["upstream"]) == ("connect refused", "ok")
    assert (found.data["file"], found.data["line"]) == ("/etc/docker/daemon.json", 2)
    assert "secret" not in found.detail


async def test_a_mirror_with_a_path_gets_v2_behind_it(tmp_path: Path) -> None:
    async with serving(lambda request: (200, {}, b"{}")) as mirror, serving(registry(Content())) as upstream:
        found = await ask_mirrors(tmp_path, [f"http://{mirror.host}/cache/"], upstream.host)
        assert mirror.asked("GET") == [f"/cache/v2/?ns={upstream.host}"]
    assert found.outcome == "ok"


@pytest.mark.parametrize(
    "answer",
    [
        (503, {}, b""),
        (403, {"Content-Type": "text/html"}, b"<html><title>Campus only</title></html>"),
        (200, {"Content-Type": "text/html"}, b"<html>closed</html>"),
        (404, {"Content-Type": "text/html"}, b"<html>nginx</html>"),
        Raw(b"", "close"),
    ],
)
async def test_a_mirror_that_cannot_serve_is_dead(answer: Answer, tmp_path: Path) -> None:
    async with serving(lambda request: answer) as mirror, serving(registry(Content())) as upstream:
        found = await ask_mirrors(tmp_path, [f"http://{mirror.host}"], upstream.host, "lib/app:1")
    assert found.outcome == "all-dead"
    assert found.data["upstream"] == "not-found"


@pytest.mark.parametrize("answer", [error(404, "MANIFEST_UNKNOWN"), error(404, "NAME_UNKNOWN"), (401, {}, b"")])
async def test_a_mirror_that_lacks_the_image_is_not_dead(answer: Answer, tmp_path: Path) -> None:
    async with serving(lambda request: answer) as mirror, serving(registry(Content())) as upstream:
        found = await ask_mirrors(tmp_path, [f"http://{mirror.host}"], upstream.host, "lib/app:1")
    assert (found.outcome, found.data["working"]) == ("ok", ())


@pytest.mark.parametrize(
    ("vantage", "there", "outcome"),
    [("docker", True, "all-dead"), ("docker", False, "ok"), ("node:a", True, "ok")],
)
async def test_a_mirror_that_wants_a_login_serves_no_dockerd(
    tmp_path: Path, vantage: str, there: bool, outcome: str
) -> None:
    wants = (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
    content = Content()
    content.single("1", "amd64")
    behind = registry(content) if there else lambda request: wants
    async with serving(lambda request: wants) as mirror, serving(behind) as upstream:
        found = await ask_mirrors(tmp_path, [f"http://{mirror.host}"], upstream.host, "lib/app:1", vantage)
    assert found.outcome == outcome
    if outcome == "all-dead":
        assert found.data["cause"] == "it wants a login, 401"


async def test_plain_http_goes_through_the_proxy_with_the_whole_url(tmp_path: Path) -> None:
    async with serving(registry(Content())) as upstream, serving(lambda request: (200, {}, b"{}")) as proxy:
        env = (("HTTP_PROXY", f"http://user:secret@{proxy.host}"),)
        vantage = Puller(tmp_path, own_mirrors=(configured("http://mirror.test:8080"),), proxy_env=env)
        found = await Asker(vantage, frozenset({upstream.host})).other("registry.mirrors", registry=upstream.host)
        assert proxy.asked() == [f"http://mirror.test:8080/v2/?ns={upstream.host}"]
        assert proxy.seen[0].headers["host"] == "mirror.test:8080"
        assert proxy.seen[0].headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="
        assert all("proxy-authorization" not in request.headers for request in upstream.seen)
    assert found.outcome == "ok"
    assert "secret" not in str(found)


async def test_a_mirror_that_is_no_url_is_dead(tmp_path: Path) -> None:
    async with serving(registry(Content())) as upstream:
        found = await ask_mirrors(tmp_path, ["mirror.example.com"], upstream.host)
    assert (found.outcome, found.data["cause"]) == ("all-dead", "url")


async def test_the_control_is_the_first_other_registry_that_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="https://x.test/"'}
    async with (
        serving(lambda request: Raw(b"", "silence")) as silent,
        serving(lambda request: (200, {"Content-Type": "text/html"}, b"<html>portal</html>")) as portal,
        serving(lambda request: (401, challenge, b"")) as alive,
    ):
        monkeypatch.setattr("kdoctor.probes.mirrors.CONTROLS", (silent.host, portal.host, alive.host))
        found = await Asker(Puller(tmp_path)).other("registry.control", registry="registry.k8s.io")
        assert (found.outcome, found.data["host"]) == ("ok", alive.host)
        monkeypatch.setattr("kdoctor.probes.mirrors.CONTROLS", (portal.host,))
        none = await Asker(Puller(tmp_path)).other("registry.control", registry="registry.k8s.io")
    assert (none.outcome, none.data["tried"]) == ("none", (f"{portal.host}: not-registry",))


def known(monkeypatch: pytest.MonkeyPatch, *mirrors: tuple[str, str]) -> None:
    """Let these repositories, with their layout, be the known mirrors of registry.k8s.io."""
    table = tuple(PublicMirror(name, "registry.k8s.io", layout, "", "2026", "x") for name, layout in mirrors)  # type: ignore[arg-type]
    monkeypatch.setattr(registries, "public_mirrors", lambda: table)


def kubernetes(*names: str) -> Content:
    """Return the content of a mirror; `registry` looks at the tag alone, so a name is kept as repository:tag."""
    content = Content()
    for name in names:
        content.single(name.rpartition(":")[2], "amd64", layer=name.encode())
    return content


async def test_a_substitute_must_have_what_an_installer_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        serving(registry(Content())) as empty,
        serving(registry(kubernetes("pause:3.9"))) as partial,
        serving(registry(kubernetes("pause:3.9", "coredns:v1.11.1"))) as whole,
    ):
        known(
            monkeypatch,
            (f"{empty.host}/k", "flat"),
            (partial.host, "path"),
            (f"{whole.host}/google_containers", "flat"),
        )
        found = await Asker(Puller(tmp_path)).other("registry.substitute", registry="registry.k8s.io")
        assert "/v2/google_containers/coredns/manifests/v1.11.1" in whole.asked("HEAD")
    assert found.outcome == "found"
    assert found.data["repository"] == f"{whole.host}/google_containers"
    assert found.data["host"] == whole.host
    tried = found.data["tried"]
    assert isinstance(tried, tuple)
    assert tried[0] == f"{empty.host}/k: not-found"


async def test_a_mirror_by_path_is_found_but_is_no_image_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(registry(kubernetes("coredns/coredns:v9", "pause:3.9"))) as mirror:
        known(monkeypatch, (mirror.host, "path"))
        asker = Asker(Puller(tmp_path))
        image = "k8s.gcr.io/coredns/coredns:v9"
        found = await asker.other("registry.substitute", registry="k8s.gcr.io", image=image)
        assert mirror.asked("HEAD")[0] == "/v2/coredns/coredns/manifests/v9"
    assert (found.outcome, found.data["host"]) == ("found", mirror.host)
    assert "repository" not in found.data


async def test_no_mirror_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(registry(Content())) as gone:
        pass
    known(monkeypatch, (gone.host, "flat"))
    found = await Asker(Puller(tmp_path)).other("registry.substitute", registry="registry.k8s.io")
    assert (found.outcome, found.data["tried"]) == ("none", (f"{gone.host}: connect refused",))
    unknown = await Asker(Puller(tmp_path)).other("registry.substitute", registry="reg.test")
    assert unknown.outcome == "none"


async def test_what_was_cut_off_is_not_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(lambda request: Raw(b"", "silence")) as silent, serving(lambda request: (404, {}, b"")) as lacks:
        monkeypatch.setattr("kdoctor.probes.mirrors.CONTROLS", (silent.host, lacks.host))
        known(monkeypatch, (silent.host, "flat"), (lacks.host, "flat"))
        mirror = (configured(f"http://{silent.host}"),)
        asker = Asker(Puller(tmp_path, own_mirrors=mirror), seconds=0.6)
        for kind in ("control", "substitute", "mirrors"):
            asker.began = time.monotonic()
            assert (await asker.other(f"registry.{kind}", registry="registry.k8s.io")).outcome == "cut", kind


async def test_a_mirror_is_looked_for_from_the_shell_where_the_puller_is_unseen(tmp_path: Path) -> None:
    """A fix may name what serves from here; the puller's own registry is not asked from elsewhere."""
    shell = Place("shell", Puller(tmp_path, proxy_env=(("HTTPS_PROXY", "http://127.0.0.1:1"),)))
    runner = Runner(5.0, frozenset(), shell)
    node = Place("node", None, "no node runs here")
    found = await runner.ask(node, "registry.substitute", {"registry": "registry.k8s.io"})
    ping = await runner.ask(node, "registry.ping", {"registry": "registry.k8s.io"})
    assert (found.vantage, found.outcome) == ("shell", "none")
    assert found.data["tried"]
    assert (ping.vantage, ping.outcome) == ("node", "unseen")


def test_no_verdict_rests_on_what_the_shell_sees() -> None:
    from kdoctor.rules.book import open_book

    by_shell = {kind.id for kind in KINDS.values() if kind.by_shell}
    book = open_book(())
    for rule in map(book.rule, book.ids):
        ids = [p.id for p in rule.probes if p.use in by_shell]
        decided = f"{rule.verdict.confirmed} {rule.verdict.refuted}"
        assert not [one for one in ids if f"{one}." in decided], rule.id
