"""Facts are looked for where they can stand: the words before a pattern never hide a match of it."""

import pytest

from kdoctor.reading import extract
from kdoctor.rules.literals import needs, signs

ALL = (
    *extract._IMAGE,
    *extract._REGISTRY,
    *(one for searched in extract._PATTERNS.values() for one in searched),
    extract._PULLING,
    extract._MANIFEST_URL,
    extract._PREFLIGHT_PORT,
)
SEARCHED = [(words, pattern) for words, pattern in ALL if words]


@pytest.mark.parametrize(("words", "pattern"), SEARCHED, ids=[words[0] for words, _ in SEARCHED])
def test_every_match_has_one_of_the_words(words: tuple[str, ...], pattern: str) -> None:
    sets = needs(pattern, most=50) + signs(pattern, most=50)
    assert any(all(any(word in needed for word in words) for needed in one) for one in sets), sets


def test_a_name_that_is_left_out_leaves_the_registry() -> None:
    text = 'Failed to pull image "reg.example.com/...": unauthorized'
    assert list(extract.facts("image", text, len(text))) == []
    assert next(extract.facts("registry", text, len(text))) == "reg.example.com"


def test_what_could_not_be_resolved_is_a_host_only_where_it_reads_as_one() -> None:
    for text in (
        'failed to resolve reference "reg.example/a:1"',
        "failed to resolve image: x",
        "cannot resolve the name",
    ):
        assert list(extract.facts("host", text, len(text))) == []
    for text in ("could not resolve host: reg", 'cannot resolve "reg.example"', "Could not resolve proxy: reg.example"):
        assert next(extract.facts("host", text, len(text))).startswith("reg")


def test_the_namespace_of_a_schema_is_no_registry() -> None:
    text = '<Objs xmlns="http://schemas.microsoft.com/powershell/2004/04">denied'
    assert list(extract.facts("registry", text, len(text))) == []


def test_the_url_is_that_of_the_request_that_failed() -> None:
    text = 'looks like "https://charts.example.com" is no repository: Get "https://charts.example.com/index.yaml": x509'
    assert next(extract.facts("url", text, text.index("is no"))) == "https://charts.example.com/index.yaml"


def test_an_inspected_image_may_stand_on_the_next_line() -> None:
    text = "distribution inspect failed for\n     reg.example.com/lab/web:2: toomanyrequests"
    assert next(extract.facts("image", text, len(text))) == "reg.example.com/lab/web:2"


def test_a_quoted_name_before_a_colon_is_the_image_where_no_other_word_names_one() -> None:
    text = 'collect catalog "reg.example.com/lab/index:v4":\n  pinging container registry reg.example.com: no such host'
    assert next(extract.facts("image", text, len(text))) == "reg.example.com/lab/index:v4"
    text = 'open "reg.example.com/lab/index": denied'
    assert list(extract.facts("image", text, len(text))) == []


def test_what_nc_could_not_reach_is_the_registry() -> None:
    text = "nc: connect to reg.example.com port 443 (tcp) failed: Connection timed out"
    assert next(extract.facts("registry", text, len(text))) == "reg.example.com"


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("`web:1.27-alpine` cannot be pulled: dial tcp 192.0.2.9:443: i/o timeout", ["web:1.27-alpine"]),
        ("`lab/web:v2` cannot be pulled", ["lab/web:v2"]),
        ("`cache.example.com:6379` and `redis:6379`, `group:docker`, `web:192.0.2.9`, `sha256:0a1b2c3d`", []),
        ("pulling lab/web:1.2 (first run)", ["lab/web:1.2"]),
        ("docker pull attempt 1 failed", []),
        ("Starting container: lab/web:latest", ["lab/web:latest"]),
        ("failed to solve: web:17-jdk:\nfailed to copy: httpReadSeeker: failed open", ["web:17-jdk"]),
        ('invalid argument "Lab/web" for "-t, --tag" flag: invalid reference format', ["Lab/web"]),
        ('invalid argument "lab/web" for "--platform" flag', []),
        ('Failed to apply default image tag "LAB/web": ', ["LAB/web"]),
    ],
)
def test_an_image_is_what_has_the_form_of_one_where_one_can_stand(text: str, images: list[str]) -> None:
    assert list(dict.fromkeys(extract.facts("image", text, len(text)))) == images


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ('Get "https://192.0.2.7:6443/api": net/http: TLS handshake timeout', "6443"),
        ("http://[2001:db8::1]:10248/healthz", "10248"),
        ("https_proxy=http://192.0.2.9:3128", None),
        ('HTTPS_PROXY="http://192.0.2.9:3128"', None),
        ('uses proxy "http://192.0.2.9:3128"', None),
        ("https://192.0.2.7/api", None),
    ],
)
def test_a_port_is_that_of_a_url_unless_it_is_a_proxys(text: str, port: str | None) -> None:
    assert next(extract.facts("port", text, len(text)), None) == port


def test_a_prompt_is_no_path_and_what_is_cut_no_image() -> None:
    prompt = (
        "C:\\ws\\backend>aws ecr-public get-login-password | docker login -u AWS --password-stdin public.ecr.aws/x1"
    )
    assert list(extract.facts("path", prompt, len(prompt))) == []
    assert next(extract.facts("registry", prompt, len(prompt))) == "public.ecr.aws"
    assert list(extract.facts("image", "pull access denied for reg.example-", 0)) == []


def test_the_image_of_a_pulls_last_lines_is_found() -> None:
    for text in (
        "Status: Downloaded newer image for team/app:1.2",
        "#16 unpacking to team/app:1.2",
        "  pulling: team/app:1.2",
    ):
        assert next(extract.facts("image", text, len(text))) == "team/app:1.2"


def test_a_checksum_is_no_part_of_a_downloads_address() -> None:
    url = "https://dl.example.com/kubectl"
    assert next(extract.facts("url", f"download failed: {url}?checksum=file:{url}.sha256", 0)) == url
