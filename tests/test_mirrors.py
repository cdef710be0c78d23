"""The list of mirrors, its comparison, and `kdoctor mirrors` as a person calls it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kdoctor.errors import UsageError
from kdoctor.listings import Offer
from kdoctor.machine import Machine
from kdoctor.run.mirrors import compared
from kdoctor.settings import mirrorlist
from tests.cli.test_commands import kdoctor

ROOT = Path(__file__).resolve().parents[1]


def offer(name: str, digest: str | None, outcome: str = "ok") -> Offer:
    return Offer(name, "registry.k8s.io", f"{name}/pause:3.9", outcome, digest=digest)


def same(found: list[Offer]) -> list[bool | None]:
    return [one.same for one in found]


def test_the_upstream_decides_which_digest_is_right() -> None:
    assert same(compared([offer("a", "1"), offer("b", "2"), offer("c", "2")], "1")) == [True, False, False]


def test_without_the_upstream_two_mirrors_that_agree_decide() -> None:
    assert same(compared([offer("a", "1"), offer("b", "2"), offer("c", "2")], None)) == [False, True, True]


def test_one_mirror_alone_is_not_compared() -> None:
    assert same(compared([offer("a", "1"), offer("b", None, "not-found")], None)) == [None, None]


def test_where_no_two_agree_none_is_right() -> None:
    assert same(compared([offer("a", "1"), offer("b", "2")], None)) == [False, False]


def test_what_does_not_serve_is_not_compared() -> None:
    assert same(compared([offer("a", "1"), offer("b", "2", "timeout"), offer("c", "1")], None)) == [True, None, True]


def machine(tmp_path: Path, text: str) -> Machine:
    file = tmp_path / "home/u/.config/kdoctor/mirrors.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return Machine(root=tmp_path, home=Path("/home/u"))


def test_the_persons_own_mirrors_come_first(tmp_path: Path) -> None:
    own = machine(tmp_path, '[[mirror]]\nrepository = "mirror.corp.test/k8s/"\nof = "registry.k8s.io"\n')
    found = mirrorlist.mirrors_here(own, "registry.k8s.io")
    assert found[0].repository == "mirror.corp.test/k8s"
    assert found[0].layout == "path"
    assert len(found) > 1
    assert mirrorlist.mirrors_here(own, "docker.io")[0].repository != "mirror.corp.test/k8s"


def test_without_a_list_there_are_the_known_ones() -> None:
    assert mirrorlist.mirrors_here(Machine(root=Path("/nowhere")), "quay.io")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[mirror]\n", "not TOML"),
        ('[[mirrors]]\nof = "docker.io"\n', 'unknown table "mirrors"'),
        ('[[mirror]]\nrepositery = "a.test"\n', 'unknown key "repositery". Did you mean "repository"?'),
        ('[[mirror]]\nrepository = "a.test"\n', "of is missing"),
        ('[[mirror]]\nrepository = "a.test"\nof = 1\n', "of must be text"),
        ('[[mirror]]\nrepository = "a.test"\nof = "docker.io"\nlayout = "falt"\n', 'Did you mean "flat"?'),
        ("mirror = 1\n", "stand under [[mirror]]"),
    ],
)
def test_a_wrong_list_is_told_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mirrors\.toml") as failed:
        mirrorlist.own_mirrors(machine(tmp_path, text))
    assert said in str(failed.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["quay.io/UPPER:1"], "UPPER"),
        (["--add", "mirror.test"], "--add needs"),
        (["quay.io", "--add", "https://mirror.test"], "is no HOST"),
        (["quay.io", "--add", "mirror"], "is no HOST"),
        (["quay.io", "--add", "mirror.test/UPPER"], "is no HOST"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], said: str, tmp_path: Path) -> None:
    cache = os.environ["XDG_CACHE_HOME"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CACHE_HOME": cache, "PYTHONPATH": str(ROOT)}
    done = kdoctor(env, "mirrors", *arguments)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert not done.stdout
