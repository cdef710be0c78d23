"""How long `kdoctor explain --no-probe` takes for a kubelet log of any size with 20 failures in it.

    python -m tests.benchmarks.big_log [MEBIBYTES]

Ripgrep reads the same file with the same patterns in the same run. Prints wall times, their ratio, the
peak memory and how many of the failures were found.
"""

import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kdoctor.rules.book import open_book

FAILURES = (
    'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 10.9.8.7:3128: connect: connection refused',
    'Head "https://quay.io/v2/a/b/manifests/1": dial tcp: lookup quay.io on 10.0.0.2:53: no such host',
    'Head "https://ghcr.io/v2/a/b/manifests/1": dial tcp: lookup ghcr.io on 10.0.0.2:53: server misbehaving',
    'Head "https://quay.io/v2/c/d/manifests/2": dial tcp: lookup quay.io on 10.0.0.3:53: read udp 10.0.0.9:4->10.0.0.3:53: i/o timeout',
    'Head "https://reg.example.com/v2/a/manifests/1": dial tcp 10.1.2.3:443: connect: connection refused',
    'Head "https://reg.example.com/v2/a/manifests/1": dial tcp 10.1.2.3:443: i/o timeout',
    'Head "https://reg.example.com/v2/a/manifests/1": read tcp 10.0.0.9:1->10.1.2.3:443: read: connection reset by peer',
    'Head "https://reg.example.com/v2/a/manifests/1": net/http: TLS handshake timeout',
    'Head "https://reg.example.com/v2/a/manifests/1": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    'Head "https://reg.example.com/v2/a/manifests/1": http: server gave HTTP response to HTTPS client',
    "unexpected status from HEAD request to https://registry-1.docker.io/v2/a/b/manifests/1: 429 Too Many Requests",
    "unexpected status from HEAD request to https://reg.example.com/v2/a/manifests/1: 503 Service Unavailable",
    "docker.io/library/nginx:9.99: not found",
    "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
    "no match for platform in manifest: not found",
    'Head "https://reg.example.com/v2/a/manifests/1": dial tcp 10.1.2.3:443: connect: no route to host',
    'Head "https://reg.example.com/v2/a/manifests/1": dial tcp [2001:db8::1]:443: connect: network is unreachable',
    'Head "https://reg.example.com/v2/a/manifests/1": Proxy Authentication Required',
    "failed to extract layer sha256:aa: write /var/lib/containerd/x: no space left on device: unknown",
    'Head "https://reg.example.com/v2/a/manifests/1": x509: certificate is valid for a.example.com, not reg.example.com',
)

ORDINARY = (
    'I1123 {t} {p} reconciler_common.go:224] "operationExecutor.VerifyControllerAttachedVolume started for volume \\"kube-api-access-{n}\\" '
    '(UniqueName: \\"kubernetes.io/projected/{n}\\") pod \\"web-{n}\\"" pod="default/web-{n}"',
    'I1123 {t} {p} kubelet.go:2421] "SyncLoop (PLEG): event for pod" pod="kube-system/coredns-{n}" event={{"ID":"{n}","Type":"ContainerStarted"}}',
    'I1123 {t} {p} pod_startup_latency_tracker.go:104] "Observed pod startup duration" pod="default/job-{n}" podStartSLOduration=1.{n}',
    "W1123 {t} {p} machine_info.go:65] Cannot read vendor id correctly, set empty.",
    'I1123 {t} {p} scope.go:117] "RemoveContainer" containerID="{n}{n}{n}"',
    'E1123 {t} {p} prober.go:104] "Probe failed" probeType="Readiness" pod="default/web-{n}" containerName="web" output="HTTP probe failed with statuscode: 500"',
)


def lines(size: int, seed: int = 1) -> Iterator[str]:
    """Yield the log's lines, about `size` bytes, the failures spread evenly."""
    chance = random.Random(seed)
    written, failed = 0, 0
    while written < size:
        number = chance.randrange(10**6)
        stamp = f"{number % 24:02}:{number % 60:02}:00.{number:06}"
        if failed < len(FAILURES) and written > size * failed // len(FAILURES):
            host = re.search(r"https://([^/]+)/", FAILURES[failed])
            image = f"{host[1] if host else 'docker.io'}/library/nginx:1".replace("registry-1.", "")
            cause = FAILURES[failed].replace('"', '\\"')
            failed += 1
            line = (
                f'E1123 {stamp} 1234 pod_workers.go:1300] "Error syncing pod" err="failed to pull and unpack image '
                f'\\"{image}\\": failed to resolve reference \\"{image}\\": {cause}"'
            )
        else:
            line = chance.choice(ORDINARY).format(t=stamp, p=1234, n=number)
        written += len(line) + 50
        yield f"Nov 23 {stamp[:8]} node-1 kubelet[1234]: {line}\n"


def patterns(file: Path) -> None:
    """Write the rules' patterns for ripgrep."""
    book = open_book()
    count = max(n for numbers in book.literals.values() for n in numbers) + 1
    found = {re.sub(r"\(\?P<\w+>", "(?:", book.pattern(number)[2]) for number in range(count)}
    file.write_text("".join(f"{regex}\n" for regex in sorted(found) if "\n" not in regex))


def timed(command: list[str], env: dict[str, str] | None = None) -> tuple[float, str]:
    """Return wall time and standard output."""
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    return time.perf_counter() - began, done.stdout


def main() -> None:
    """Print the figures."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    with tempfile.TemporaryDirectory() as folder:
        log, list_of_patterns = Path(folder) / "kubelet.log", Path(folder) / "patterns"
        with log.open("w") as file:
            file.writelines(lines(size * 1024 * 1024))
        patterns(list_of_patterns)
        env = {**os.environ, "XDG_CACHE_HOME": folder}
        ours = [sys.executable, "-m", "kdoctor", "explain", "--no-probe", "-o", "json", "--file", str(log)]
        timed([*ours[:-1], str(list_of_patterns)], env)
        theirs, _ = timed(
            [
                "rg",
                "--dfa-size-limit",
                "1G",
                "--regex-size-limit",
                "1G",
                "-i",
                "-U",
                "--no-config",
                "-c",
                "-f",
                str(list_of_patterns),
                str(log),
            ]
        )
        seconds, out = timed(ours, env)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        report = json.loads(out)
        count = sum(place["count"] for d in report["diagnoses"] for place in d["locations"])
    print(f"{size} MiB: kdoctor {seconds:.2f} s, ripgrep {theirs:.2f} s, ratio {seconds / theirs:.2f}, peak {peak} MiB")
    print(f"{len(report['diagnoses'])} rules, {count} places: {' '.join(d['rule'] for d in report['diagnoses'])}")


if __name__ == "__main__":
    main()
