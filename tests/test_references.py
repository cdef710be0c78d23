"""Image references: what Docker accepts is accepted, and a slip is named."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdoctor.errors import UsageError
from kdoctor.references import ImageNameError, Reference, parse, same_image

SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "normalised", "familiar"),
    [
        ("ubuntu", "docker.io/library/ubuntu:latest", "ubuntu:latest"),
        ("ubuntu:22.04", "docker.io/library/ubuntu:22.04", "ubuntu:22.04"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu:latest", "ubuntu:latest"),
        ("index.docker.io/grafana/loki:3", "docker.io/grafana/loki:3", "grafana/loki:3"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"),
        (
            "registry.k8s.io/coredns/coredns:v1",
            "registry.k8s.io/coredns/coredns:v1",
            "registry.k8s.io/coredns/coredns:v1",
        ),
        ("[::1]:5000/a/b:t", "[::1]:5000/a/b:t", "[::1]:5000/a/b:t"),
        (f"nginx@{SHA}", f"docker.io/library/nginx@{SHA}", f"nginx@{SHA}"),
        (f"nginx:1@{SHA}", f"docker.io/library/nginx:1@{SHA}", f"nginx:1@{SHA}"),
        ("a_b/c__d--e.f", "docker.io/a_b/c__d--e.f:latest", "a_b/c__d--e.f:latest"),
        ("HOST/app", "HOST/app:latest", "HOST/app:latest"),
        ("registry.k8s.io", "docker.io/library/registry.k8s.io:latest", "registry.k8s.io:latest"),
    ],
)
def test_a_reference_has_one_full_and_one_familiar_form(text: str, normalised: str, familiar: str) -> None:
    reference = parse(text)
    assert (reference.normalised, reference.familiar) == (normalised, familiar)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Foo/Bar", "Foo/Bar: repository name must be lowercase"),
        ("UBUNTU:latest", "repository name must be lowercase"),
        ("https://ghcr.io/a/b", "no scheme; leave https:// out"),
        ("docker://nginx", "leave docker:// out"),
        ("nginx latest", "no blanks"),
        ("nginx:1:2", "there are two tags"),
        ("$REGISTRY/app:1", "$REGISTRY was not filled in"),
        ("reg.io/app:${TAG}", "${TAG} was not filled in"),
        ("reg.io/{{ .Values.image }}:1", "{{ .Values.image }} was not filled in"),
        ("<registry>/app", "<registry> was not filled in"),
        ("reg.io/app:", "the tag behind the colon is missing"),
        ("reg.io/:1", "the repository's name is missing"),
        ("reg.io/a//b", "two slashes"),
        ("reg.io/a/", "ends with a slash"),
        ("reg.io:99999/a", "99999 is not a port"),
        ("reg.io/a___b", '"a___b" cannot be part'),
        ("a/b:c/d", "a tag has no slash"),
        ("a:-x", '"-x" is not a tag'),
        ("a:" + "x" * 129, "at most 128"),
        ("a@sha256:abc", "has 64 hexadecimal digits, this one has 3"),
        ("a@md5:" + "a" * 32, "a digest is expected"),
        ("a@sha256:" + "A" * 64, "0-9 and a-f"),
        ("a" * 64, "an image id, not a name"),
        ("scratch", "reserved name"),
        ("", "no image is named"),
        ("   ", "no image is named"),
        ("a\x1b[31m", "cannot be part"),
    ],
)
def test_what_is_wrong_is_said(text: str, reason: str) -> None:
    with pytest.raises(ImageNameError, match=re.escape(reason)) as caught:
        parse(text)
    assert isinstance(caught.value, UsageError)
    assert str(caught.value).isprintable()


_COMPONENT = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?", fullmatch=True).filter(lambda s: len(s) < 30)
_REGISTRY = st.sampled_from(["docker.io", "ghcr.io", "localhost", "reg.test:5000", "10.0.0.1:5000", "[fd00::1]:80"])
_TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(_REGISTRY, st.lists(_COMPONENT, min_size=1, max_size=4), _TAG, st.sampled_from([None, SHA]))
def test_both_forms_parse_back_to_the_same_image(registry: str, path: list[str], tag: str, digest: str | None) -> None:
    if registry == "docker.io" and len(path) == 1:
        path = ["library", *path]
    reference = Reference(registry, "/".join(path), tag, digest)
    assert parse(reference.normalised) == reference
    assert parse(reference.familiar) == reference


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_a_usage_error(text: str) -> None:
    try:
        reference = parse(text)
    except ImageNameError as error:
        assert str(error).isprintable()
    else:
        assert parse(reference.normalised) == reference


@given(st.text(alphabet="aA0.:/@-_sh256[]$", max_size=40))
def test_near_references_do_not_change_when_parsed_again(text: str) -> None:
    try:
        reference = parse(text)
    except ImageNameError:
        return
    assert parse(reference.normalised) == reference
    assert parse(reference.familiar).normalised == reference.normalised


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("nginx:1.27", "docker.io/library/nginx:1.27", True),
        ("nginx", "nginx:latest", True),
        ("quay.io/a/b:1", "quay.io/a/b@sha256:11", True),
        ("nginx:1.27", "nginx:1.28", False),
        ("nginx", "quay.io/nginx", False),
        ("Nginx", "nginx", False),
    ],
)
def test_two_names_of_one_image(one: str, other: str, same: bool) -> None:
    assert same_image(one, other) is same_image(other, one) is same
