"""A TLS handshake is judged as Go judges it, by the puller's CA files alone."""

from __future__ import annotations

import datetime as dt
import os
import ssl
import time
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kdoctor.probes import certificates
from kdoctor.probes.ask import Found
from kdoctor.probes.certificates import read
from kdoctor.settings.trust import Trust
from tests.probes.net_peers import (
    LOOPBACK,
    Ask,
    Handler,
    Place,
    Tunnels,
    blocking_tls,
    closed_port,
    closes,
    connect_proxy,
    drips,
    floods,
    place,
    resets,
    run,
    says,
    serve,
    server_context,
    silent,
    socks_proxy,
    trust_in,
)

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
HOSTS = "127.0.0.1 reg.test\n"


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


async def handshake(vantage: Place, host: str, context: ssl.SSLContext, handler: Handler = silent) -> Found:
    async with serve(handler, context=context) as server:
        return await run(Ask(vantage), "tls.handshake", registry=f"{host}:{server.port}")


async def test_trusted(tmp_path: Path, ca: trustme.CA) -> None:
    vantage = place(tmp_path, hosts=HOSTS, trust=trust_in(tmp_path, ca))
    found = await handshake(vantage, "reg.test", server_context(ca.issue_cert("reg.test", "*.reg.test")))
    assert found.outcome == "ok"
    assert found.data["version"] == "TLSv1.3"
    assert found.data["names"] == ("reg.test", "*.reg.test")
    assert found.data["ca_file"] == str(tmp_path / "ca0.pem")


async def test_an_ip_address_needs_an_ip_name(tmp_path: Path, ca: trustme.CA) -> None:
    vantage = place(tmp_path, trust=trust_in(tmp_path, ca))
    good = await handshake(vantage, LOOPBACK, server_context(ca.issue_cert(LOOPBACK)))
    bad = await handshake(vantage, LOOPBACK, server_context(ca.issue_cert("reg.test")))
    assert (good.outcome, bad.outcome) == ("ok", "name-mismatch")


async def test_unknown_authority(tmp_path: Path, ca: trustme.CA) -> None:
    vantage = place(tmp_path, hosts=HOSTS, trust=trust_in(tmp_path, trustme.CA()))
    certificate = ca.issue_cert("reg.test")
    found = await handshake(vantage, "reg.test", server_context(certificate))
    assert found.outcome == "unknown-authority"
    assert "trustme" in str(found.data["issuer"])
    leaf = x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes())
    assert found.data["fingerprint"] == leaf.fingerprint(hashes.SHA256()).hex()
    assert found.data["self_signed"] is False
    assert "also" not in found.data
    assert "intercepted" not in found.data  # no other host could be looked at


async def test_an_authority_is_read_from_the_chain_that_shows_it(tmp_path: Path, ca: trustme.CA) -> None:
    leaf = ca.issue_cert("reg.test")
    for shown, found in ((b"", None), (ca.cert_pem.bytes(), x509.load_pem_x509_certificate(ca.cert_pem.bytes()))):
        (tmp_path / "chain.pem").write_bytes(leaf.private_key_and_cert_chain_pem.bytes() + shown)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "chain.pem")
        seen = await handshake(place(tmp_path, hosts=HOSTS), "reg.test", context)
        assert seen.outcome == "unknown-authority"
        wanted = None if found is None else found.fingerprint(hashes.SHA256()).hex()
        assert seen.data.get("ca_fingerprint") == wanted
        assert ("cannot be taken from there" in seen.detail) is (found is None)
        if found is not None:
            assert x509.load_pem_x509_certificate(str(seen.data["ca_pem"]).encode()) == found
            assert found.subject.rfc4514_string() in seen.detail


def test_a_chain_that_only_looks_like_one_has_no_authority(ca: trustme.CA) -> None:
    leaf, stranger = ca.issue_cert("reg.test"), trustme.CA()
    now = dt.datetime.now(dt.UTC)
    shown = [ssl.PEM_cert_to_DER_cert(one.bytes().decode()) for one in (leaf.cert_chain_pems[0], stranger.cert_pem)]
    assert certificates.authority(shown, now) is None
    good = [shown[0], ssl.PEM_cert_to_DER_cert(ca.cert_pem.bytes().decode())]
    assert certificates.authority(good, now) is not None
    assert certificates.authority(good, now + dt.timedelta(days=400_000)) is None
    assert certificates.authority([b"no certificate"], now) is None
    assert certificates.authority([], now) is None


async def test_an_authority_counts_from_when_its_file_has_it(tmp_path: Path, ca: trustme.CA) -> None:
    trust = trust_in(tmp_path, trustme.CA())
    vantage = place(tmp_path, hosts=HOSTS, trust=trust)
    context = server_context(ca.issue_cert("reg.test"))
    before = [(await handshake(vantage, "reg.test", context)).outcome for _ in range(2)]
    ca.cert_pem.write_to_path(trust.ca_files[0])
    after = await handshake(vantage, "reg.test", context)
    Path(trust.ca_files[0]).unlink()
    gone = await handshake(vantage, "reg.test", context)
    assert [*before, after.outcome, gone.outcome] == ["unknown-authority"] * 2 + ["ok", "unknown-authority"]


async def test_no_ca_file_trusts_nobody(tmp_path: Path, ca: trustme.CA) -> None:
    found = await handshake(place(tmp_path, hosts=HOSTS), "reg.test", server_context(ca.issue_cert("reg.test")))
    assert found.outcome == "unknown-authority"
    assert "ca_file" not in found.data


async def test_a_certificate_that_does_not_parse_does_not_spoil_the_bundle(tmp_path: Path, ca: trustme.CA) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + ca.cert_pem.bytes())
    vantage = place(tmp_path, hosts=HOSTS, trust=Trust(ca_files=(str(bundle),)))
    found = await handshake(vantage, "reg.test", server_context(ca.issue_cert("reg.test")))
    assert found.outcome == "ok"


async def test_expired_hides_nothing(tmp_path: Path, ca: trustme.CA) -> None:
    old = server_context(ca.issue_cert("other.test", not_before=NOW - 9 * DAY, not_after=NOW - DAY))
    known = await handshake(place(tmp_path, hosts=HOSTS, trust=trust_in(tmp_path, ca)), "reg.test", old)
    unknown = await handshake(place(tmp_path, hosts=HOSTS), "reg.test", old)
    assert (known.outcome, known.data["also"]) == ("expired", "name-mismatch")
    assert (unknown.outcome, unknown.data["also"]) == ("expired", "name-mismatch, unknown-authority")
    assert known.data["not_after"] == (NOW - DAY).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_expired_alone(tmp_path: Path, ca: trustme.CA) -> None:
    old = server_context(ca.issue_cert("reg.test", not_before=NOW - 9 * DAY, not_after=NOW - DAY))
    found = await handshake(place(tmp_path, hosts=HOSTS, trust=trust_in(tmp_path, ca)), "reg.test", old)
    assert found.outcome == "expired"
    assert "also" not in found.data


async def test_not_yet_valid(tmp_path: Path, ca: trustme.CA) -> None:
    young = server_context(ca.issue_cert("reg.test", not_before=NOW + DAY, not_after=NOW + 9 * DAY))
    found = await handshake(place(tmp_path, hosts=HOSTS, trust=trust_in(tmp_path, ca)), "reg.test", young)
    assert found.outcome == "not-yet-valid"


async def test_name_mismatch_names_the_names(tmp_path: Path, ca: trustme.CA) -> None:
    vantage = place(tmp_path, hosts=HOSTS, trust=trust_in(tmp_path, ca))
    found = await handshake(vantage, "reg.test", server_context(ca.issue_cert("other.test")))
    assert found.outcome == "name-mismatch"
    assert "other.test" in found.detail


async def test_a_common_name_is_no_name(tmp_path: Path) -> None:
    key, path = ec.generate_private_key(ec.SECP256R1()), tmp_path / "server.pem"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reg.test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - DAY, NOW + DAY)
    certificate = builder.sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = serialization.PrivateFormat.PKCS8
    path.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
    (tmp_path / "ca.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    found = await handshake(
        place(tmp_path, hosts=HOSTS, trust=Trust(ca_files=(str(tmp_path / "ca.pem"),))), "reg.test", context
    )
    assert (found.outcome, found.data["self_signed"], found.data["names"]) == ("name-mismatch", True, ())


async def test_a_missing_intermediate_is_an_unknown_authority(tmp_path: Path, ca: trustme.CA) -> None:
    leaf = ca.create_child_ca().issue_cert("reg.test")
    (tmp_path / "leaf.pem").write_bytes(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "leaf.pem")
    vantage = place(tmp_path, hosts=HOSTS, trust=trust_in(tmp_path, ca))
    assert (await handshake(vantage, "reg.test", context)).outcome == "unknown-authority"
    assert (await handshake(vantage, "reg.test", server_context(leaf))).outcome == "ok"


async def test_an_intermediate_in_the_pool_is_enough_as_for_go(tmp_path: Path, ca: trustme.CA) -> None:
    child = ca.create_child_ca()
    vantage = place(tmp_path, hosts=HOSTS, trust=trust_in(tmp_path, child))
    assert (await handshake(vantage, "reg.test", server_context(child.issue_cert("reg.test")))).outcome == "ok"


async def test_verification_does_not_matter_to_an_insecure_registry(tmp_path: Path, ca: trustme.CA) -> None:
    for trust in (Trust(insecure=True), Trust(insecure_networks=("127.0.0.0/8",))):
        vantage = place(tmp_path, hosts=HOSTS, trust=trust)
        found = await handshake(vantage, "reg.test", server_context(ca.issue_cert("other.test")))
        assert found.outcome == "ok"
        assert "insecure" in found.detail


async def test_what_the_operating_system_would_say_is_unseen(tmp_path: Path, ca: trustme.CA) -> None:
    vantage = place(tmp_path, hosts=HOSTS, trust=Trust(system=True))
    assert (await handshake(vantage, "reg.test", server_context(ca.issue_cert("reg.test")))).outcome == "unseen"
    old = server_context(ca.issue_cert("reg.test", not_before=NOW - 9 * DAY, not_after=NOW - DAY))
    assert (await handshake(vantage, "reg.test", old)).outcome == "expired"


async def test_python_variables_have_no_say(tmp_path: Path, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    ca.cert_pem.write_to_path(str(tmp_path / "env.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "env.pem"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://{LOOPBACK}:{closed_port()}")
    found = await handshake(place(tmp_path, hosts=HOSTS), "reg.test", server_context(ca.issue_cert("reg.test")))
    assert found.outcome == "unknown-authority"


# --- handshakes that do not come to a certificate ----------------------------------------------


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "http"),
        (says(b"HTTP/"), "http"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "not-tls"),
        (says(b"\x05\xff"), "not-tls"),
        (says(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", hold=True), "alert"),
        (says(b"\x15\x03\x03\x00\x02\x02\x28"), "alert"),
        (closes, "closed"),
        (resets, "reset"),
        (drips, "http"),
        (floods, "http"),
    ],
)
async def test_each_way_to_break_has_its_word(tmp_path: Path, handler: Handler, outcome: str) -> None:
    began = time.monotonic()
    async with serve(handler) as server:
        ask = Ask(place(tmp_path, hosts=HOSTS))
        found = await run(ask, "tls.handshake", registry=f"reg.test:{server.port}")
    assert found.outcome == outcome
    assert time.monotonic() - began < 2


async def test_no_server_hello_is_a_timeout_before_the_deadline(tmp_path: Path) -> None:
    async with serve(silent) as server:
        ask = Ask(place(tmp_path, hosts=HOSTS), seconds=2.5)
        found = await run(ask, "tls.handshake", registry=f"reg.test:{server.port}")
        assert ask.remaining > 0
    assert found.outcome == "timeout"


async def test_an_endless_handshake_costs_bounded_memory(tmp_path: Path) -> None:
    async def endless(reader: object, writer: object) -> None:
        record = b"\x16\x03\x03\x40\x00" + b"\x02\xff\xff\xff" + bytes(16380)
        while True:
            writer.write(record)  # type: ignore[attr-defined]
            await writer.drain()  # type: ignore[attr-defined]

    async with serve(endless) as server:
        found = await run(Ask(place(tmp_path, hosts=HOSTS)), "tls.handshake", registry=f"reg.test:{server.port}")
    assert found.outcome in ("alert", "not-tls")


async def test_alerts_have_gos_words(tmp_path: Path, ca: trustme.CA) -> None:
    context = server_context(ca.issue_cert("reg.test"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca.cert_pem.bytes().decode())
    vantage = place(tmp_path, hosts=HOSTS, trust=trust_in(tmp_path, ca))
    with blocking_tls(context, 1) as port:
        found = await run(Ask(vantage), "tls.handshake", registry=f"reg.test:{port}")
    assert (found.outcome, found.data["alert"]) == ("alert", "certificate required")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with blocking_tls(context, 1) as port:
        found = await run(Ask(vantage), "tls.handshake", registry=f"reg.test:{port}")
    assert (found.outcome, found.data["alert"]) == ("alert", "handshake failure")


async def test_the_pullers_client_certificate_is_shown(tmp_path: Path, ca: trustme.CA) -> None:
    context = server_context(ca.issue_cert("reg.test"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca.cert_pem.bytes().decode())
    own = ca.issue_cert("client.test")
    own.private_key_pem.write_to_path(str(tmp_path / "client.key"))
    own.cert_chain_pems[0].write_to_path(str(tmp_path / "client.cert"))
    files = trust_in(tmp_path, ca).ca_files
    trust = Trust(ca_files=files, client=(str(tmp_path / "client.cert"), str(tmp_path / "client.key")))
    with blocking_tls(context, 1) as port:
        ask = Ask(place(tmp_path, hosts=HOSTS, trust=trust))
        assert (await run(ask, "tls.handshake", registry=f"reg.test:{port}")).outcome == "ok"


async def test_a_server_that_only_knows_old_versions(tmp_path: Path) -> None:
    async with serve(says(b"\x15\x03\x01\x00\x02\x02\x46")) as server:
        found = await run(Ask(place(tmp_path, hosts=HOSTS)), "tls.handshake", registry=f"reg.test:{server.port}")
    assert (found.outcome, found.data["alert"]) == ("alert", "protocol version not supported")


async def test_a_failed_route_is_unreached_with_its_cause(tmp_path: Path) -> None:
    ask = Ask(place(tmp_path, hosts=HOSTS))
    found = await run(ask, "tls.handshake", registry=f"reg.test:{closed_port()}")
    assert (found.outcome, found.data["cause"]) == ("unreached", "connect refused")


# --- through a proxy ------------------------------------------------------------------------------


async def test_through_proxies(tmp_path: Path, ca: trustme.CA) -> None:
    tunnels = Tunnels()
    async with (
        serve(silent, context=server_context(ca.issue_cert("reg.test"))) as server,
        serve(connect_proxy(tunnels)) as http,
        serve(socks_proxy(tunnels)) as socks,
    ):
        tunnels.ways["reg.test:443"] = (LOOPBACK, server.port)
        for url in (f"http://{http.address}", f"socks5://{socks.address}"):
            vantage = place(tmp_path, env={"HTTPS_PROXY": url}, trust=trust_in(tmp_path, ca))
            assert (await run(Ask(vantage), "tls.handshake", registry="reg.test")).outcome == "ok"
        # Nothing but the handshake goes through: no request, no credential.
        assert len(tunnels.heads) == 2


async def test_an_interceptor_signs_for_unrelated_hosts_too(tmp_path: Path, ca: trustme.CA) -> None:
    tunnels = Tunnels()
    async with (
        serve(silent, context=server_context(ca.issue_cert("registry-1.docker.io"))) as hub,
        serve(silent, context=server_context(ca.issue_cert("quay.io", "ghcr.io", "registry.k8s.io"))) as others,
        serve(silent, context=server_context(trustme.CA(organization_name="Public").issue_cert("quay.io"))) as honest,
        serve(connect_proxy(tunnels)) as proxy,
    ):
        vantage = place(tmp_path, env={"HTTPS_PROXY": f"http://{proxy.address}"})
        tunnels.ways["registry-1.docker.io:443"] = (LOOPBACK, hub.port)
        tunnels.ways |= {f"{host}:443": (LOOPBACK, others.port) for host in ("quay.io", "ghcr.io", "registry.k8s.io")}
        intercepted = await run(Ask(vantage), "tls.handshake", registry="docker.io")
        tunnels.ways |= {f"{host}:443": (LOOPBACK, honest.port) for host in ("quay.io", "ghcr.io", "registry.k8s.io")}
        private = await run(Ask(vantage), "tls.handshake", registry="docker.io")
    assert (intercepted.outcome, intercepted.data["intercepted"]) == ("unknown-authority", True)
    assert (private.outcome, private.data["intercepted"]) == ("unknown-authority", False)


# --- the certificate itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "host", "covered"),
    [
        (("a.test",), "A.test.", True),
        (("*.a.test",), "x.a.test", True),
        (("*.a.test",), "a.test", False),
        (("*.a.test",), "x.y.a.test", False),
        (("a.test",), "b.a.test", False),
        (("10.0.0.1",), "10.0.0.1", True),
        (("10.0.0.1",), "10.0.0.2", False),
        (("fd00::1",), "[fd00:0::1]", True),
    ],
)
def test_names_as_go_compares_them(ca: trustme.CA, names: tuple[str, ...], host: str, covered: bool) -> None:
    pem = ca.issue_cert(*names).cert_chain_pems[0].bytes()
    leaf = read(x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER))
    assert leaf is not None
    assert leaf.covers(host) is covered


@pytest.mark.parametrize("der", [b"", b"rubbish", os.urandom(2000)])
def test_rubbish_is_no_certificate(der: bytes) -> None:
    assert read(der) is None
