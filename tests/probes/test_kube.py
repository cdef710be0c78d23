"""kubectl's configuration and its API server; where kubectl is installed, it is the judge."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import os
import re
import shutil
import socket
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kdoctor.model import UNSEEN
from tests.probes.api_peer import VERSION, api_server, status
from tests.probes.asking import asked, machine_at, put
from tests.probes.net_peers import serve

_CONFIG = "/home/ann/.kube/config"
_GOOD = """\
apiVersion: v1
kind: Config
current-context: dev
contexts: [{name: dev, context: {cluster: c, user: u}}, {name: other, context: {cluster: x, user: u}}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
users: [{name: u, user: {}}]
"""


@pytest.mark.parametrize(
    ("text", "outcome", "said"),
    [
        (_GOOD, "ok", "10.0.0.1:6443"),
        ("", "empty", "no cluster"),
        ("apiVersion: v1\nkind: Config\nclusters: null\n", "empty", "no cluster"),
        ("a: b: c\n", "invalid", "line 1"),
        ("a:\n  - b\n c: [\n", "invalid", "line"),
        ("- a\n", "invalid", "mapping"),
        ("kind: Pod\n", "invalid", 'its kind is "Pod"'),
        (_GOOD.replace("current-context: dev\n", ""), "no-context", "no current-context"),
        (_GOOD.replace("current-context: dev", "current-context: nope"), "no-context", '"nope" does not exist'),
        (_GOOD.replace("current-context: dev", "current-context: other"), "no-context", 'cluster "x"'),
        (
            _GOOD.replace('"}}]\nusers', '", certificate-authority: ca.crt}}]\nusers'),
            "invalid",
            "/home/ann/.kube/ca.crt",
        ),
        (_GOOD.replace('"}}]\nusers', '", certificate-authority-data: "%%%"}}]\nusers'), "invalid", "no base64"),
        (_GOOD.replace("https://10.0.0.1:6443", ""), "invalid", "no server"),
    ],
)
async def test_a_kubeconfig(tmp_path: Path, text: str, outcome: str, said: str) -> None:
    put(tmp_path, _CONFIG, text)
    found = await asked("kube.config", machine_at(tmp_path))
    assert found.outcome == outcome, found
    assert said in found.detail


async def test_no_kubeconfig(tmp_path: Path) -> None:
    found = await asked("kube.config", machine_at(tmp_path))
    assert (found.outcome, found.data["path"]) == ("missing", _CONFIG)
    found = await asked("kube.config", machine_at(tmp_path, KUBECONFIG="/nope:/neither"))
    assert found.outcome == "missing"


async def test_files_of_kubeconfig_are_merged_the_first_wins(tmp_path: Path) -> None:
    put(tmp_path, "/a", "current-context: other\nclusters: [{name: x, cluster: {server: 'https://x.test'}}]\n")
    put(tmp_path, "/b", _GOOD)
    found = await asked("kube.config", machine_at(tmp_path, KUBECONFIG="/nope::/a:/b"))
    assert (found.outcome, found.data["context"], found.data["server"]) == ("ok", "other", "https://x.test")
    assert found.data["contexts"] == ("dev", "other")


async def test_a_pod_s_own_configuration(tmp_path: Path) -> None:
    put(tmp_path, "/var/run/secrets/kubernetes.io/serviceaccount/token", "t")
    put(tmp_path, "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", "x")
    machine = machine_at(tmp_path, KUBERNETES_SERVICE_HOST="10.96.0.1", KUBERNETES_SERVICE_PORT="443")
    found = await asked("kube.config", machine)
    assert (found.outcome, found.data["server"]) == ("ok", "https://10.96.0.1:443")


async def test_the_api_server_answers(tmp_path: Path) -> None:
    async with api_server({"/version": (200, VERSION)}) as api:
        put(tmp_path, _CONFIG, api.config())
        found = await asked("kube.api", machine_at(tmp_path))
    assert found.outcome == "ok"
    assert "v1.32.0" in found.detail
    assert found.data["local"] is True


async def test_a_static_token_goes_along_and_a_wrong_one_is_unauthorized(tmp_path: Path) -> None:
    async with api_server({"/version": (200, VERSION)}, token="right") as api:
        put(tmp_path, _CONFIG, api.config(user={"token": "right"}))
        assert (await asked("kube.api", machine_at(tmp_path))).outcome == "ok"
        put(tmp_path, _CONFIG, api.config(user={"token": "wrong-hunter2"}))
        found = await asked("kube.api", machine_at(tmp_path))
    assert found.outcome == "unauthorized"
    assert "hunter2" not in repr(found)


async def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    async with api_server({"/version": (200, VERSION)}) as api:
        client = api.ca.issue_cert("ann@corp.test")
        user = {
            "client-certificate-data": base64.b64encode(client.cert_chain_pems[0].bytes()).decode(),
            "client-key-data": base64.b64encode(client.private_key_pem.bytes()).decode(),
        }
        put(tmp_path, _CONFIG, api.config(user=user))
        assert (await asked("kube.api", machine_at(tmp_path))).outcome == "ok"
        assert api.clients == [True]


_PAST, _PRESENT = dt.datetime(2020, 1, 2, tzinfo=dt.UTC), dt.datetime(2090, 1, 1, tzinfo=dt.UTC)


def _pem(ends: dt.datetime, name: str = "ann") -> str:
    """Return a certificate that signs itself and ends then."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(called, called, key.public_key(), 7, dt.datetime(2019, 1, 1, tzinfo=dt.UTC), ends)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("user", "authority", "said"),
    [
        (
            "client-certificate-data: OLD",
            "",
            'certificate of the user "u" (client-certificate-data) ended on 2020-01-02',
        ),
        (
            "client-certificate: old.crt",
            "",
            'certificate of the user "u" (/home/ann/.kube/old.crt) ended on 2020-01-02',
        ),
        ("", "certificate-authority-data: OLD", 'authority of the cluster "c" (certificate-authority-data) ended on'),
        ("client-certificate-data: NEW", "certificate-authority-data: BOTH", ""),
        ("client-certificate-data: OLD, token: t", "", ""),
        ("", "certificate-authority-data: OLD, insecure-skip-tls-verify: true", ""),
    ],
)
async def test_certificates_that_have_ended_are_read_from_the_file(
    tmp_path: Path, user: str, authority: str, said: str
) -> None:
    old, new = _pem(_PAST), _pem(_PRESENT)
    put(tmp_path, "/home/ann/.kube/old.crt", old)
    text = _GOOD.replace("user: {}", f"user: {{{user}}}").replace(':6443"', f':6443"{authority and ", "}{authority}')
    for word, pem in (("OLD", old), ("NEW", new), ("BOTH", old + new)):
        text = text.replace(f": {word}", f": {base64.b64encode(pem.encode()).decode()}")
    put(tmp_path, _CONFIG, text)
    found = await asked("kube.config", machine_at(tmp_path))
    assert found.outcome == ("expired" if said else "ok"), found
    assert said in found.detail
    if said:
        assert (found.data["user"], found.data["until"]) == ("u", "2020-01-02")


_COREFILE = ".:53 {\n  errors\n  forward . 127.0.0.53\n}\n"


@pytest.mark.parametrize(
    ("answer", "outcome", "line"),
    [
        ((200, {"kind": "ConfigMap", "data": {"Corefile": _COREFILE}}), "invalid", 3),
        ((200, {"kind": "ConfigMap", "data": {"Corefile": ".:53 {\n  errors\n}\n"}}), "ok", None),
        (status(404, "NotFound", "not found"), "missing", None),
        (status(403, "Forbidden", "forbidden"), UNSEEN, None),
    ],
)
async def test_the_clusters_corefile(
    tmp_path: Path, answer: tuple[int, object], outcome: str, line: int | None
) -> None:
    async with api_server({"/api/v1/namespaces/kube-system/configmaps/coredns": answer}) as api:
        put(tmp_path, _CONFIG, api.config())
        found = await asked("kube.corefile", machine_at(tmp_path))
    assert (found.outcome, found.data.get("line")) == (outcome, line), found
    if line:
        assert found.detail.startswith("configmap kube-system/coredns, line 3")


async def test_a_plugin_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    script = tmp_path / "plugin"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    async with api_server({}, token="t") as api:
        put(
            tmp_path,
            _CONFIG,
            api.config(user={"exec": {"command": str(script), "apiVersion": "client.authentication.k8s.io/v1"}}),
        )
        found = await asked("kube.api", machine_at(tmp_path))
    assert (found.outcome, found.data["status"]) == ("ok", 401)
    assert "runs no plugin" in found.detail
    assert not mark.exists()


async def test_a_certificate_that_does_not_fit(tmp_path: Path) -> None:
    async with api_server({"/version": (200, VERSION)}) as api:
        other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
        put(tmp_path, _CONFIG, api.config(certificate_authority_data=other))
        assert (await asked("kube.api", machine_at(tmp_path))).outcome == "tls"
        put(tmp_path, _CONFIG, api.config(certificate_authority_data=None))
        assert (await asked("kube.api", machine_at(tmp_path))).outcome == "tls"
        assert api.requests == []
    async with api_server({"/version": (200, VERSION)}, host="10.9.9.9") as api:
        put(tmp_path, _CONFIG, api.config())
        assert (await asked("kube.api", machine_at(tmp_path))).outcome == "tls"
        put(tmp_path, _CONFIG, api.config(tls_server_name="10.9.9.9"))
        assert (await asked("kube.api", machine_at(tmp_path))).outcome == "ok"


async def test_without_verification_no_credential_is_sent(tmp_path: Path) -> None:
    async with api_server({"/version": (200, VERSION)}) as api:
        text = api.config(user={"token": "secret"}, certificate_authority_data=None, insecure_skip_tls_verify=True)
        put(tmp_path, _CONFIG, text)
        assert (await asked("kube.api", machine_at(tmp_path))).outcome == "ok"
        assert api.requests == [("/version", "")]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (status(403, "Forbidden", "no"), "ok"),
        ((200, {"hello": "world"}), "not-kubernetes"),
        ((503, "busy"), "not-kubernetes"),
        ((403, "nginx"), "not-kubernetes"),
        (None, "timeout"),
    ],
)
async def test_other_answers(tmp_path: Path, answer: tuple[int, object] | None, outcome: str) -> None:
    async with api_server({"/version": answer}) as api:
        put(tmp_path, _CONFIG, api.config())
        seconds = 2.2 if answer is None else 5.0
        assert (await asked("kube.api", machine_at(tmp_path), seconds)).outcome == outcome


async def test_plain_http_where_tls_is_wanted(tmp_path: Path) -> None:
    async with api_server({"/version": (200, VERSION)}, tls=False) as api:
        put(tmp_path, _CONFIG, api.config(server=f"https://127.0.0.1:{api.port}"))

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n")

        async with serve(refuse) as server:
            put(tmp_path, _CONFIG, api.config(server=f"https://{server.address}"))
            assert (await asked("kube.api", machine_at(tmp_path))).outcome == "not-kubernetes"
        put(tmp_path, _CONFIG, api.config(server=f"http://127.0.0.1:{api.port}"))
        assert (await asked("kube.api", machine_at(tmp_path))).outcome == "ok"


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_nobody_listens(tmp_path: Path) -> None:
    put(tmp_path, _CONFIG, _GOOD.replace("10.0.0.1:6443", f"127.0.0.1:{_closed_port()}"))
    assert (await asked("kube.api", machine_at(tmp_path))).outcome == "refused"


async def test_addresses_of_a_text(tmp_path: Path) -> None:
    put(tmp_path, "/etc/hosts", "127.0.0.1 localhost\n")
    machine = machine_at(tmp_path)
    assert (await asked("kube.api", machine)).outcome == "no-config"
    assert (await asked("kube.api", machine, address=f"localhost:{_closed_port()}")).outcome == "refused"
    assert (await asked("kube.api", machine, address="192.0.2.1:6443")).outcome == UNSEEN
    assert (await asked("kube.api", machine, address="169.254.169.254:80")).outcome == UNSEEN
    assert (await asked("kube.api", machine, address="nonsense:x")).outcome == UNSEEN
    async with api_server({"/version": (200, VERSION)}) as api:
        found = await asked("kube.api", machine, address=f"127.0.0.1:{api.port}")
        assert found.outcome == UNSEEN
        assert api.requests == []
        put(tmp_path, _CONFIG, api.config())
        assert (await asked("kube.api", machine, address=f"127.0.0.1:{api.port}")).outcome == "ok"


async def test_a_server_at_a_metadata_address_is_not_contacted(tmp_path: Path) -> None:
    put(tmp_path, _CONFIG, _GOOD.replace("10.0.0.1:6443", "169.254.169.254"))
    assert (await asked("kube.api", machine_at(tmp_path))).outcome == UNSEEN


async def test_a_proxy_in_the_way(tmp_path: Path) -> None:
    put(tmp_path, _CONFIG, _GOOD)
    port = _closed_port()
    found = await asked("kube.api", machine_at(tmp_path, HTTPS_PROXY=f"http://u:hunter2@127.0.0.1:{port}"))
    assert (found.outcome, found.data["cause"]) == ("proxied", "proxy-connect refused")
    assert "hunter2" not in repr(found)

    async def deny(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    async with serve(deny) as server:
        proxy = f"http://{server.address}"
        found = await asked("kube.api", machine_at(tmp_path, HTTPS_PROXY=proxy))
        assert (found.outcome, found.data["cause"]) == ("proxied", "tunnel denied")
        put(tmp_path, _CONFIG, _GOOD.replace('6443"', f'6443", proxy-url: "{proxy}"'))
        assert (await asked("kube.api", machine_at(tmp_path))).outcome == "proxied"
    put(tmp_path, _CONFIG, _GOOD.replace("10.0.0.1:6443", f"127.0.0.1:{_closed_port()}"))
    assert (await asked("kube.api", machine_at(tmp_path, HTTPS_PROXY=proxy))).outcome == "refused"


# kubectl's words for an outcome of kube.api; it waits for nothing that kdoctor does not wait for.
_KUBECTL = {
    "ok": r"v1\.32\.0|Forbidden|forbidden",
    "unauthorized": r"must be logged in|Unauthorized",
    "refused": r"refused",
    "tls": r"x509|tls:",
    "not-kubernetes": r"gave HTTP response to HTTPS client",
    "no-context": r"context was not found|does not exist|no configuration|no server|localhost:8080|was refused|unknown",
    "invalid": r"error loading config file|unable to read|illegal base64|no kind|cannot unmarshal",
}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
async def test_the_real_kubectl_agrees(tmp_path: Path) -> None:
    async with (
        api_server({"/version": (200, VERSION)}, token="right") as api,
        api_server({"/version": (200, VERSION)}, host="x.test") as named,
    ):
        other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
        configs = {
            "right": api.config(user={"token": "right"}),
            "wrong": api.config(user={"token": "wrong"}),
            "untrusted": api.config(user={"token": "right"}, certificate_authority_data=other),
            "no authority": api.config(user={"token": "right"}, certificate_authority_data=None),
            "name": named.config(user={"token": "t"}),
            "server name": named.config(user={"token": "t"}, tls_server_name="x.test"),
            "closed": api.config(user={"token": "t"}, server=f"https://127.0.0.1:{_closed_port()}"),
            "missing file": api.config(certificate_authority_data=None, certificate_authority="/nope/ca.crt"),
            "no base64": api.config(certificate_authority_data="%%%"),
            "broken": "a: b: c\n",
            "no context": api.config().replace("current-context: dev", "current-context: nope"),
        }
        for name, text in configs.items():
            put(tmp_path, _CONFIG, text)
            config = await asked("kube.config", machine_at(tmp_path))
            ours = (await asked("kube.api", machine_at(tmp_path))).outcome if config.outcome == "ok" else config.outcome
            process = await asyncio.create_subprocess_exec(
                "kubectl",
                "get",
                "--raw",
                "/version",
                "--request-timeout=5s",
                env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path) + _CONFIG},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await asyncio.wait_for(process.communicate(), 20)
            assert re.search(_KUBECTL[ours], said.decode()), (name, ours, said.decode())
