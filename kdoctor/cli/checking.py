"""`kdoctor check`: what the flags select, and the report even when it is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kdoctor.cli import named
from kdoctor.cli.shared import Consent, Shared
from kdoctor.errors import UsageError, did_you_mean
from kdoctor.references import parse
from kdoctor.rules.book import open_book

if TYPE_CHECKING:
    from kdoctor.run.check import Wanted

SECONDS = 20.0
TOOLS = ("minikube", "kind", "k3s", "kubeadm", "docker")


def check(
    options: Shared,
    registries: list[str],
    images: list[str],
    manifests: list[Path],
    tool: str | None,
    configs: Sequence[Path] = (),
    *,
    skip_empty: bool = False,
    consent: Consent | None = None,
    via: tuple[str, ...] = (),
) -> int:
    """Check what the flags select, and return the exit status; with `consent` the fix is planned, too."""
    from kdoctor.run.check import Run
    from kdoctor.run.situation import run

    if skip_empty and manifests and not (registries or images) and not _manifest_images(manifests):
        print("kdoctor: no container image in the files; nothing to check", file=sys.stderr)
        return 0
    wanted = wanted_of(options, registries, images, manifests, tool, configs, via)
    job = Run(open_book(options.rules), wanted)
    try:
        options.progress(f"checking; at most {options.timeout or SECONDS:g} seconds ...")
        report = run(job.go())
    except KeyboardInterrupt:
        job.notices.append("interrupted; this is what was known by then")
        options.deliver(job.report())
        raise
    status = options.deliver(report)
    if consent is None:
        return status
    from kdoctor.cli.fixing import fix_report

    return fix_report(options, wanted, report, None, consent)


def wanted_of(
    options: Shared,
    registries: list[str],
    images: list[str],
    manifests: list[Path],
    tool: str | None,
    configs: Sequence[Path] = (),
    via: tuple[str, ...] = (),
) -> Wanted:
    """Return what the flags select.

    Raises:
        UsageError: a tool, image, registry or configuration file that is none, or manifests without an image.
    """
    if tool is not None and tool not in TOOLS:
        raise UsageError(f'--for takes {", ".join(TOOLS)}, not "{tool}".{did_you_mean(tool, TOOLS)}')
    for image in images:
        parse(image)
    from kdoctor.run.check import Wanted, nothing_selected

    from_files = _manifest_images(manifests)
    nothing_selected(from_files, [str(file) for file in manifests])
    return Wanted(
        tuple(named.registry(one) for one in registries),
        tuple(images),
        tuple(from_files),
        tuple(_config(file) for file in configs),
        tool,
        options.left(SECONDS),
        options.fail_on,
        options.lang,
        via,
    )


def _config(file: Path) -> str:
    """Return a configuration file's absolute path, by which its kind is told.

    Raises:
        UsageError: there is no such file, or it is of no kind that kdoctor reads.
    """
    from kdoctor.probes.configfiles import NAMES, is_known

    if not file.is_file():
        raise UsageError(f"--config {file}: there is no such file")
    path = str(file.resolve())
    if not is_known(path):
        raise UsageError(f"--config {file}: kdoctor tells the kind by the name: {', '.join(NAMES)}")
    return path


def _manifest_images(files: list[Path]) -> list[str]:
    if not files:
        return []
    from kdoctor.sources import read_manifest

    return list(dict.fromkeys(found.image for file in files for found in read_manifest(file).images))
