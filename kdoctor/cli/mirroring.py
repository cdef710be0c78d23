"""`kdoctor mirrors`: which registries and images are meant, and the report."""

from __future__ import annotations

from kdoctor.cli.shared import Shared
from kdoctor.errors import UsageError, did_you_mean
from kdoctor.references import parse
from kdoctor.registries import canonical, is_well_known, public_mirrors
from kdoctor.rules.book import open_book

SECONDS = 20.0


def mirrors(options: Shared, named: list[str], added: list[str]) -> int:
    """Ask the mirrors of what is named, and return the exit status: 0 where one serves, 1 where none does."""
    from kdoctor.run.mirrors import Wanted, offers
    from kdoctor.run.situation import run

    registries = tuple(one for one in named if _is_registry(one))
    images = tuple(one for one in named if one not in registries)
    for image in images:
        parse(image)
    if added and not named:
        raise UsageError(
            "--add needs the registry or image that it mirrors, such as: kdoctor mirrors registry.k8s.io --add HOST"
        )
    for repository in added:
        _check_repository(repository)
    wanted = Wanted(registries, images, tuple(added), options.timeout or SECONDS, options.lang)
    options.progress(f"asking mirrors; at most {wanted.seconds:g} seconds ...")
    return options.deliver(run(offers(open_book(options.rules), wanted)))


def _is_registry(text: str) -> bool:
    """Tell whether the text names a registry: a known one, or a host without an image behind it."""
    known = {mirror.of for mirror in public_mirrors()}
    if is_well_known(text) or canonical(text) in known:
        return True
    return "/" not in text and "." in text and ":" not in text.rpartition(".")[2]


def _check_repository(repository: str) -> None:
    """Refuse what cannot stand before an image's name.

    Raises:
        UsageError: it is no HOST[/PATH].
    """
    host = repository.partition("/")[0]
    if "://" in repository or not ("." in host or ":" in host or host == "localhost"):
        known = [mirror.repository for mirror in public_mirrors()]
        raise UsageError(f'--add "{repository}" is no HOST[/PATH].{did_you_mean(repository, known)}')
    try:
        parse(f"{repository.rstrip('/')}/probe")
    except UsageError as error:
        raise UsageError(f'--add "{repository}" is no HOST[/PATH], such as mirror.example.com/k8s') from error
