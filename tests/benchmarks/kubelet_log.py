"""A kubelet's journal of any size as nodes write it, with twenty failures at known lines.

The lines are of the kinds that a node's journal holds (kubelet, containerd, systemd, the kernel), about in
their shares, each with values of its own. Two of every three failures lie across the borders of the blocks in which
kdoctor reads, where one is near; the others lie anywhere.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

MIB = 1024 * 1024
_BLOCK, _HEAD = 4 * MIB, MIB + 1
"""How kdoctor reads: first _HEAD bytes, then blocks of _BLOCK; failures are put on both kinds of border."""

_POOL = 30_000

# (share, program, line); names in braces are filled in for each line
ORDINARY: tuple[tuple[int, str, str], ...] = (
    (90, "kubelet", '{I} kubelet.go:2421] "SyncLoop (PLEG): event for pod" pod="{pod}" event={{"ID":"{uid}","Type":"ContainerStarted","Data":"{hex}"}}'),
    (60, "kubelet", '{I} kubelet.go:2437] "SyncLoop (probe)" probe="readiness" status="ready" pod="{pod}"'),
    (40, "kubelet", '{I} kubelet.go:2405] "SyncLoop UPDATE" source="api" pods=["{pod}"]'),
    (30, "kubelet", '{I} kubelet.go:2398] "SyncLoop ADD" source="api" pods=["{pod}"]'),
    (20, "kubelet", '{I} kubelet.go:2412] "SyncLoop DELETE" source="api" pods=["{pod}"]'),
    (120, "kubelet", '{I} reconciler_common.go:251] "operationExecutor.VerifyControllerAttachedVolume started for volume \\"kube-api-access-{short}\\" (UniqueName: \\"kubernetes.io/projected/{uid}-kube-api-access-{short}\\") pod \\"web-{n}\\" (UID: \\"{uid}\\") " pod="{pod}"'),
    (60, "kubelet", '{I} operation_generator.go:721] "MountVolume.SetUp succeeded for volume \\"config-{short}\\" (UniqueName: \\"kubernetes.io/configmap/{uid}-config\\") pod \\"web-{n}\\" (UID: \\"{uid}\\") " pod="{pod}"'),
    (40, "kubelet", '{I} reconciler_common.go:299] "Volume detached for volume \\"tmp-{short}\\" (UniqueName: \\"kubernetes.io/empty-dir/{uid}-tmp\\") on node \\"node-{d}\\" DevicePath \\"\\""'),
    (40, "kubelet", '{I} scope.go:117] "RemoveContainer" containerID="{hex}"'),
    (30, "kubelet", '{I} pod_startup_latency_tracker.go:104] "Observed pod startup duration" pod="{pod}" podStartSLOduration={n}.{short} podStartE2EDuration="{d}.{n}s" podCreationTimestamp="2026-11-23 04:00:{s} +0000 UTC" firstStartedPulling="2026-11-23 04:00:{s}.{n} +0000 UTC m=+{n}.{d}" lastFinishedPulling="2026-11-23 04:00:{s}.{n} +0000 UTC m=+{n}.{d}"'),
    (50, "kubelet", '{I} prober.go:107] "Probe failed" probeType="Readiness" pod="{pod}" podUID="{uid}" containerName="web" probeResult="failure" output="HTTP probe failed with statuscode: 503"'),
    (40, "kubelet", '{I} prober.go:107] "Probe failed" probeType="Liveness" pod="{pod}" podUID="{uid}" containerName="api" probeResult="failure" output="Get \\"http://10.244.{d}.{s}:8080/healthz\\": dial tcp 10.244.{d}.{s}:8080: connect: connection refused"'),
    (25, "kubelet", '{I} prober.go:107] "Probe failed" probeType="Readiness" pod="{pod}" podUID="{uid}" containerName="api" probeResult="failure" output="Get \\"http://10.244.{d}.{s}:8080/ready\\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"'),
    (25, "kubelet", '{E} pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"job\\" with CrashLoopBackOff: \\"back-off 5m0s restarting failed container=job pod=job-{n}_default({uid})\\"" pod="{pod}" podUID="{uid}"'),
    (20, "kubelet", '{E} remote_runtime.go:432] "ContainerStatus from runtime service failed" err="rpc error: code = NotFound desc = an error occurred when try to find container \\"{hex}\\": not found" containerID="{hex}"'),
    (20, "kubelet", '{I} pod_container_deletor.go:53] "DeleteContainer returned error" containerID={{"Type":"containerd","ID":"{hex}"}} err="failed to get container status \\"{hex}\\": rpc error: code = NotFound desc = an error occurred when try to find container \\"{hex}\\": not found"'),
    (15, "kubelet", '{E} dns.go:153] "Nameserver limits exceeded" err="Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.0.0.2 10.0.0.3 10.0.0.4"'),
    (10, "kubelet", "{W} machine_info.go:65] Cannot read vendor id correctly, set empty."),
    (10, "kubelet", "{W} reflector.go:458] object-\"default\"/\"kube-root-ca.crt\": watch of *v1.ConfigMap ended with: very short watch: object-\"default\"/\"kube-root-ca.crt\": Unexpected watch close - watch lasted less than a second and no items received"),
    (10, "kubelet", '{I} image_gc_manager.go:300] "Disk usage on image filesystem is over the high threshold, trying to free bytes down to the low threshold" usage=8{d} highThreshold=85 amountToFree={n}000000 lowThreshold=80'),
    (10, "kubelet", '{I} kuberuntime_gc.go:360] "Failed to remove container log dead symlink" path="/var/log/containers/web-{n}_default_web-{hex}.log"'),
    (10, "kubelet", "{I} server.go:1213] http: TLS handshake error from 10.0.{d}.{s}:4{s}12: EOF"),
    (8, "kubelet", '{I} trace.go:236] Trace[{n}{d}]: "Calculate volume metrics of data for pod {pod}" (23-Nov-2026 04:00:{s}.{n}) (total time: 1{n}ms):'),
    (4, "kubelet", "Trace[{n}{d}]: [1.{n}s] [1.{n}s] END"),
    (4, "kubelet", '{I} apiserver.go:52] "Watching apiserver"'),
    (4, "kubelet", "        goroutine {n} [chan receive, {d} minutes]:"),
    (60, "containerd", 'time="{iso}" level=info msg="CreateContainer within sandbox \\"{hex}\\" for container &ContainerMetadata{{Name:web,Attempt:{d},}}"'),
    (40, "containerd", 'time="{iso}" level=info msg="StartContainer for \\"{hex}\\" returns successfully"'),
    (30, "containerd", 'time="{iso}" level=info msg="PullImage \\"{image}\\" returns image reference \\"sha256:{hex}\\""'),
    (30, "containerd", 'time="{iso}" level=info msg="ImageUpdate event name:\\"{image}\\" labels:{{key:\\"io.cri-containerd.image\\" value:\\"managed\\"}}"'),
    (20, "containerd", 'time="{iso}" level=info msg="stop pulling image {image}: active requests=0, bytes read={n}{n}"'),
    (20, "containerd", 'time="{iso}" level=info msg="shim disconnected" id={hex} namespace=k8s.io'),
    (10, "containerd", 'time="{iso}" level=warning msg="cleaning up after shim disconnected" id={hex} namespace=k8s.io'),
    (10, "containerd", 'time="{iso}" level=error msg="ContainerStatus for \\"{hex}\\" failed" error="rpc error: code = NotFound desc = an error occurred when try to find container \\"{hex}\\": not found"'),
    (60, "systemd", "run-containerd-runc-k8s.io-{hex}-runc.{short}.mount: Deactivated successfully."),
    (20, "systemd", "cri-containerd-{hex}.scope: Consumed {d}.{n}s CPU time."),
    (10, "systemd", "Created slice kubepods-burstable-pod{short}.slice - libcontainer container kubepods-burstable-pod{short}.slice."),
    (15, "kernel", "IPv6: ADDRCONF(NETDEV_CHANGE): veth{short}: link becomes ready"),
    (10, "kernel", "cni0: port {d}(veth{short}) entered disabled state"),
)  # fmt: skip

_FAILED = 'failed to pull and unpack image \\"{image}\\": failed to resolve reference \\"{image}\\": {cause}'
_ENVELOPES: tuple[tuple[str, str], ...] = (
    ("kubelet", '{E} log.go:32] "PullImage from image service failed" err="rpc error: code = Unknown desc = %s" image="{image}"'),
    ("kubelet", '{E} kuberuntime_image.go:55] "Failed to pull image" err="rpc error: code = Unknown desc = %s" image="{image}"'),
    ("containerd", 'time="{iso}" level=error msg="PullImage \\"{image}\\" failed" error="rpc error: code = Unknown desc = %s"'),
    ("kubelet", '{E} pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"web\\" with ErrImagePull: \\"rpc error: code = Unknown desc = %s\\"" pod="{pod}" podUID="{uid}"'),
)  # fmt: skip

# (image, what the runtime says of it)
FAILURES: tuple[tuple[str, str], ...] = (
    ("docker.io/library/nginx:1", 'failed to do request: Head \\"https://registry-1.docker.io/v2/library/nginx/manifests/1\\": proxyconnect tcp: dial tcp 10.9.8.7:3128: connect: connection refused'),
    ("quay.io/a/b:1", 'failed to do request: Head \\"https://quay.io/v2/a/b/manifests/1\\": dial tcp: lookup quay.io on 10.0.0.2:53: no such host'),
    ("ghcr.io/a/b:1", 'failed to do request: Head \\"https://ghcr.io/v2/a/b/manifests/1\\": dial tcp: lookup ghcr.io on 10.0.0.2:53: server misbehaving'),
    ("quay.io/c/d:2", 'failed to do request: Head \\"https://quay.io/v2/c/d/manifests/2\\": dial tcp: lookup quay.io on 10.0.0.3:53: read udp 10.0.0.9:4->10.0.0.3:53: i/o timeout'),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": dial tcp 10.1.2.3:443: connect: connection refused'),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": dial tcp 10.1.2.3:443: i/o timeout'),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": read tcp 10.0.0.9:1->10.1.2.3:443: read: connection reset by peer'),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": net/http: TLS handshake timeout'),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": tls: failed to verify certificate: x509: certificate signed by unknown authority'),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": http: server gave HTTP response to HTTPS client'),
    ("docker.io/a/b:1", "unexpected status from HEAD request to https://registry-1.docker.io/v2/a/b/manifests/1: 429 Too Many Requests"),
    ("reg.example.com/a:1", "unexpected status from HEAD request to https://reg.example.com/v2/a/manifests/1: 503 Service Unavailable"),
    ("docker.io/library/nginx:9.99", "docker.io/library/nginx:9.99: not found"),
    ("docker.io/me/private:1", "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"),
    ("docker.io/arm/only:1", "no match for platform in manifest: not found"),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": dial tcp 10.1.2.3:443: connect: no route to host'),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": dial tcp [2001:db8::1]:443: connect: network is unreachable'),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": Proxy Authentication Required'),
    ("docker.io/library/big:1", "failed to extract layer sha256:aa: write /var/lib/containerd/x: no space left on device: unknown"),
    ("reg.example.com/a:1", 'failed to do request: Head \\"https://reg.example.com/v2/a/manifests/1\\": tls: failed to verify certificate: x509: certificate is valid for a.example.com, not reg.example.com'),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placed:
    """A failure in the log: the number (1-based) of its line, and the line."""

    line: int
    text: str


def write(path: Path, size: int, seed: int = 1) -> list[Placed]:
    """Write a log of about `size` bytes, and return its failures."""
    chance = random.Random(seed)
    pool = _ordinary(chance)
    share = size / (len(FAILURES) + 1)
    where = [share * (n + 0.5 * chance.random()) for n in range(len(FAILURES))]
    placed: list[Placed] = []
    at, line, now, held = 0, 0, datetime(2026, 11, 23, 4, tzinfo=UTC), []
    with path.open("wb") as file:
        while at < size:
            now += timedelta(microseconds=chance.randrange(40_000))
            program, text = pool[int(chance.random() * _POOL)]
            written = _line(now, program, text)
            line += 1
            if len(placed) < len(FAILURES) and _due(at, len(written), where[len(placed)], share, len(placed)):
                written = _line(now, *_failure(len(placed), chance))
                placed.append(Placed(line, written.decode().rstrip("\n")))
            held.append(written)
            at += len(written)
            if len(held) > 10_000:
                file.write(b"".join(held))
                held = []
        file.write(b"".join(held))
    assert len(placed) == len(FAILURES), "the log is too small for its failures"
    return placed


def _due(at: int, length: int, wanted: float, share: float, number: int) -> bool:
    """Tell whether a failure's place has come: of every three, one is across each kind of border, if one is near."""
    if at < wanted:
        return False
    if number % 3 == 2:
        return True
    border = 0 if number % 3 == 0 else _HEAD
    return (at - border) // _BLOCK != (at + length - border) // _BLOCK or at > wanted + share


def _line(now: datetime, program: str, text: str) -> bytes:
    stamp = f"{now:%H:%M:%S.%f}"
    said = text.replace("\x01", f"{now:%m%d} {stamp}    1234").replace("\x02", f"{now:%Y-%m-%dT%H:%M:%S}.{now:%f}000Z")
    return f"{now:%b %d %H:%M:%S} node-1 {program}[1234]: {said}\n".encode()


def _ordinary(chance: random.Random) -> list[tuple[str, str]]:
    kinds = chance.choices(ORDINARY, [share for share, _, _ in ORDINARY], k=_POOL)
    return [(program, text.format(**_values(chance))) for _, program, text in kinds]


def _failure(number: int, chance: random.Random) -> tuple[str, str]:
    image, cause = FAILURES[number]
    program, envelope = _ENVELOPES[number % len(_ENVELOPES)]
    said = envelope % (_FAILED if "extract" not in cause else 'failed to pull and unpack image \\"{image}\\": {cause}')
    return program, said.format(**{**_values(chance), "image": image, "cause": cause})


def _values(chance: random.Random) -> dict[str, str]:
    def hexadecimal(length: int) -> str:
        return f"{chance.getrandbits(4 * length):0{length}x}"

    name = chance.choice(("web", "api", "coredns", "job", "cache", "db", "worker", "ingress-nginx-controller"))
    space = chance.choice(("default", "kube-system", "shop", "monitoring"))
    registry = chance.choice(
        ("docker.io/library/nginx", "registry.k8s.io/pause", "quay.io/coreos/etcd", "ghcr.io/x/app")
    )
    uid = hexadecimal(32)
    return {
        "I": "I\x01",
        "W": "W\x01",
        "E": "E\x01",
        "iso": "\x02",
        "pod": f"{space}/{name}-{hexadecimal(10)}-{hexadecimal(5)}",
        "uid": f"{uid[:8]}-{uid[8:12]}-{uid[12:16]}-{uid[16:20]}-{uid[20:]}",
        "hex": hexadecimal(64),
        "short": hexadecimal(5),
        "n": str(chance.randrange(1000)),
        "d": str(chance.randrange(10)),
        "s": f"{chance.randrange(60):02}",
        "image": f"{registry}:{chance.randrange(9)}.{chance.randrange(30)}",
    }
