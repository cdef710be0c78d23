"""How long `kdoctor check` takes for 20 images on 20 registries whose every answer takes 100 ms.

    python -m tests.benchmarks.check_speed

The registries are TLS servers on loopback addresses; each waits before it answers a request.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import trustme

from tests.lab import Lab

COUNT = 20
DELAY = 0.1

CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
LAYER = os.urandom(2048)


def digest(data: bytes) -> str:
    """Return the OCI digest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(CONFIG),
            "size": len(CONFIG),
        },
        "layers": [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(LAYER), "size": len(LAYER)}
        ],
    }
).encode()
INDEX = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [
            {
                "mediaType": MANIFEST_TYPE,
                "digest": digest(MANIFEST),
                "size": len(MANIFEST),
                "platform": {"os": "linux", "architecture": architecture},
            }
            for architecture in ("amd64", "arm64")
        ],
    }
).encode()
CONTENT = {
    "/v2/app/manifests/1": (INDEX_TYPE, INDEX),
    f"/v2/app/manifests/{digest(INDEX)}": (INDEX_TYPE, INDEX),
    f"/v2/app/manifests/{digest(MANIFEST)}": (MANIFEST_TYPE, MANIFEST),
    f"/v2/app/blobs/{digest(CONFIG)}": ("application/octet-stream", CONFIG),
    f"/v2/app/blobs/{digest(LAYER)}": ("application/octet-stream", LAYER),
    "/v2/": ("application/json", b"{}"),
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, each after the delay."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            await asyncio.sleep(DELAY)
            kind, body = CONTENT.get(path.partition("?")[0], ("application/json", b'{"errors": []}'))
            status = "200 OK" if path.partition("?")[0] in CONTENT else "404 Not Found"
            lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
            lines += [f"Docker-Content-Digest: {digest(body)}", "Docker-Distribution-Api-Version: registry/2.0", "", ""]
            writer.write("\r\n".join(lines).encode() + (b"" if method == "HEAD" else body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def serve(folder: Path) -> None:
    """Serve the registries until the process ends; `ready` in the folder names them."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    names = []
    for number in range(COUNT):
        host = f"127.0.1.{number + 1}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(host).configure_cert(context)
        server = await asyncio.start_server(answer, host, 0, ssl=context)
        names.append(f"{host}:{server.sockets[0].getsockname()[1]}")
    (folder / "new").write_text("\n".join(names))
    (folder / "new").rename(folder / "ready")
    await asyncio.Event().wait()


def measure() -> tuple[float, int, dict[str, Any]]:
    """Return seconds, exit status and report of one check, made where a dockerd runs: in the fault lab."""
    with tempfile.TemporaryDirectory() as folder, Lab() as lab:
        Path(folder).chmod(0o755)
        serving = [sys.executable, "-m", "tests.benchmarks.check_speed", "serve", folder]
        server = threading.Thread(target=_served, args=(lab, serving), daemon=True)
        server.start()
        images = [f"--image={name}/app:1" for name in _names(Path(folder))]
        env = {"PYTHONPATH": str(Path.cwd()), "SSL_CERT_FILE": f"{folder}/ca.pem"}
        lab.run([sys.executable, "-m", "kdoctor", "rules", "list"], env=env)
        began = time.perf_counter()
        done = lab.run([sys.executable, "-m", "kdoctor", "check", "-o", "json", *images], env=env)
        seconds = time.perf_counter() - began
    return seconds, done.returncode, json.loads(done.stdout)


def _served(lab: Lab, command: list[str]) -> None:
    with contextlib.suppress(subprocess.SubprocessError, OSError, RuntimeError):
        lab.run(command, env={"PYTHONPATH": str(Path.cwd())}, timeout=60)


def _names(folder: Path) -> list[str]:
    """Wait for the servers and return their host:port names."""
    for _ in range(200):
        if (folder / "ready").exists():
            return (folder / "ready").read_text().split()
        time.sleep(0.05)
    raise SystemExit("the registries did not start")


def main() -> None:
    """Print the figures; with `serve FOLDER` be the registries."""
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(Path(sys.argv[2])))
        return
    seconds, status, report = measure()
    checks = report["checks"]
    print(
        f"{COUNT} images on {COUNT} registries, {DELAY * 1000:.0f} ms an answer: {seconds:.2f} s, exit status {status}"
    )
    print(f"{sum(c['id'] == 'blob' and c['outcome'] == 'ok' for c in checks)} blobs reached")


if __name__ == "__main__":
    main()
