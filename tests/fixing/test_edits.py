"""Edits of files as text: what is meant changes, everything else keeps its bytes."""

import json
import tomllib

import pytest
import yaml

from kdoctor.fixes.edits import edited, same
from kdoctor.fixes.errors import NotEditableError
from kdoctor.model import Edit

OLD, NEW = "http://127.0.0.1:7890", "http://127.0.0.1:7897"


def json_edit(text: str | None, **changes: object) -> str:
    """Edit JSON, and see that doing it twice changes nothing the second time."""
    return twice(Edit("f", "json", **changes), text)  # type: ignore[arg-type]


def twice(edit: Edit, text: str | None) -> str:
    once = edited(edit, text)
    assert once is not None
    assert edited(edit, once) == once
    return once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, '{\n  "dns": ["1.1.1.1"]\n}\n'),
        ("", '{\n  "dns": ["1.1.1.1"]\n}\n'),
        ("{}\n", '{\n  "dns": ["1.1.1.1"]\n}\n'),
        ('{"a": 1}', '{"a": 1, "dns": ["1.1.1.1"]}'),
        ('{\n\t"a": 1\n}\n', '{\n\t"a": 1,\n\t"dns": ["1.1.1.1"]\n}\n'),
        ('{\r\n    "a": 1\r\n}\r\n', '{\r\n    "a": 1,\r\n    "dns": ["1.1.1.1"]\r\n}\r\n'),
        ('{"dns": []}', '{"dns": ["1.1.1.1"]}'),
        ('{\n  "dns": [\n    "8.8.8.8"\n  ]\n}', '{\n  "dns": [\n    "8.8.8.8",\n    "1.1.1.1"\n  ]\n}'),
        ('{"dns": ["8.8.8.8"], "b": {"c": [1, 2]}}', '{"dns": ["8.8.8.8", "1.1.1.1"], "b": {"c": [1, 2]}}'),
        ('\ufeff{"a": 1}', '\ufeff{"a": 1, "dns": ["1.1.1.1"]}'),
    ],
)
def test_json_gets_an_item_in_its_own_layout(text: str | None, expected: str) -> None:
    assert json_edit(text, add={"dns": ["1.1.1.1"]}) == expected


def test_json_puts_nested_keys_and_keeps_the_rest() -> None:
    text = '{\n    "debug": true,\n    "log-opts": {"max-size": "10m"}\n}\n'
    after = json_edit(text, set={"proxies": {"http-proxy": NEW}, "log-opts": {"max-file": "3"}})
    assert json.loads(after) == {
        "debug": True,
        "log-opts": {"max-size": "10m", "max-file": "3"},
        "proxies": {"http-proxy": NEW},
    }
    assert after.startswith('{\n    "debug": true,\n    "log-opts": {"max-size": "10m", "max-file": "3"},\n')


def test_json_leaves_an_empty_list_so_that_dockerd_reloads_the_key() -> None:
    text = '{"registry-mirrors": ["https://m.example/"], "debug": true}'
    assert (
        json_edit(text, remove={"registry-mirrors": ["https://m.example"]}) == '{"registry-mirrors": [], "debug": true}'
    )


def test_json_numbers_and_escapes_keep_their_spelling() -> None:
    text = '{"mtu": 1.5e3, "path": "a\\/b\\u00e9", "dns": ["8.8.8.8"]}'
    after = json_edit(text, add={"dns": ["1.1.1.1"]})
    assert after == '{"mtu": 1.5e3, "path": "a\\/b\\u00e9", "dns": ["8.8.8.8", "1.1.1.1"]}'


def test_a_list_written_with_commas_gets_words() -> None:
    text = '{"proxies": {"no-proxy": "localhost,127.0.0.1"}}'
    after = json_edit(text, add={"proxies": {"no-proxy": ["registry.corp"]}})
    assert after == '{"proxies": {"no-proxy": "localhost,127.0.0.1,registry.corp"}}'


@pytest.mark.parametrize("text", ["[]", '"x"', "{", '{"a" 1}', '{"a": 1,}', "{} x", '{"dns": "x\ny"}', "[" * 500])
def test_what_is_no_json_object_is_not_edited(text: str) -> None:
    with pytest.raises(NotEditableError):
        edited(Edit("f", "json", add={"dns": ["1.1.1.1"]}), text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{\n  "a": "x"\n  "b": true\n}\n', {"a": "x", "b": True}),
        ('{"a": [1, 2,], "b": 3,}', {"a": [1, 2], "b": 3}),
        ('// head\n{"a": 1, /* in */ "b": 2} # tail\n', {"a": 1, "b": 2}),
        ("{“a”: “x”, 'b': 1}", {"a": "x", "b": 1}),
        ('{"a": {"b": 1} "c": [1 2]}', {"a": {"b": 1}, "c": [1, 2]}),
        ('{"u": "http://x//y#z", "b": 1,, "c": 2}', {"u": "http://x//y#z", "b": 1, "c": 2}),
    ],
)
def test_slips_of_json_are_mended(text: str, data: object) -> None:
    after = edited(Edit("f", "json", repair=True), text)
    assert after is not None
    assert json.loads(after) == data


@pytest.mark.parametrize("text", ['{"a": }', '{"a": 1', '{"a": "x}', "[1]", "{a: 1}", '{"a": TRUE}', '{"a" "b"}'])
def test_what_would_have_to_be_guessed_is_not_mended(text: str) -> None:
    with pytest.raises(NotEditableError):
        edited(Edit("f", "json", repair=True), text)


DEFAULTS = """\
# Docker Upstart and SysVinit configuration file
#
# If you need Docker to use an HTTP proxy, it can also be specified here.
#export http_proxy="http://127.0.0.1:3128/"
DOCKER_OPTS="--dns 8.8.8.8"   # not for systemd
export HTTPS_PROXY='http://dev:pa55@127.0.0.1:7890/'  # the office
http_proxy=http://127.0.0.1:7890
"""


def test_shell_defaults_get_a_new_proxy_with_the_old_password() -> None:
    after = twice(Edit("f", "environment", replace={OLD: NEW}), DEFAULTS)
    assert after == DEFAULTS.replace("@127.0.0.1:7890/", "@127.0.0.1:7897").replace(f"={OLD}", f"={NEW}")


def test_shell_defaults_lose_a_variable_and_nothing_else() -> None:
    after = twice(Edit("f", "environment", remove={"HTTP_PROXY": True, "HTTPS_PROXY": True}), DEFAULTS)
    assert after == "".join(line for line in DEFAULTS.splitlines(keepends=True) if "7890" not in line)


def test_shell_defaults_get_a_word_more() -> None:
    text = 'export NO_PROXY="localhost,127.0.0.1"\n'
    assert (
        twice(Edit("f", "environment", add={"NO_PROXY": ["a.b"]}), text)
        == 'export NO_PROXY="localhost,127.0.0.1,a.b"\n'
    )
    assert twice(Edit("f", "environment", add={"NO_PROXY": ["a.b"]}), "X=1") == 'X=1\nNO_PROXY="a.b"\n'


def test_several_assignments_on_a_line_are_changed_each_for_itself() -> None:
    text = f'export HTTP_PROXY={OLD} FOO=1  HTTPS_PROXY="{OLD}" # both\n'
    assert twice(Edit("f", "environment", replace={OLD: NEW}), text) == text.replace(OLD, NEW)
    gone = Edit("f", "environment", remove={"HTTP_PROXY": True, "HTTPS_PROXY": True})
    assert twice(gone, text) == "export FOO=1 # both\n"
    assert twice(gone, f"export HTTP_PROXY={OLD} HTTPS_PROXY={OLD}\nX=1\n") == "X=1\n"


def test_a_line_that_runs_a_program_is_left_to_the_person() -> None:
    with pytest.raises(NotEditableError, match="sets HTTP_PROXY does more than that"):
        edited(Edit("f", "environment", replace={OLD: NEW}), f"HTTP_PROXY={OLD} curl https://example.com\n")


def test_words_taken_out_of_a_continued_line_leave_the_others_as_they_stand() -> None:
    text = f"[Service]\nEnvironment=\"A=1\" \\\n    'HTTP_PROXY={OLD}' \\\n    'B=2'\n"
    after = twice(Edit("f", "environment", remove={"HTTP_PROXY": True}), text)
    assert after == "[Service]\nEnvironment=\"A=1\" \\\n    'B=2'\n"
    assert twice(Edit("f", "environment", replace={OLD: NEW}), text) == text.replace(OLD, NEW)


DROP_IN = f"""\
[Unit]
Description=x
[Service]
; proxies
Environment="HTTP_PROXY={OLD}" "NO_PROXY=localhost" \\
    HTTPS_PROXY={OLD}
Environment=GODEBUG=x%%y
ExecStart=/usr/bin/dockerd
[Install]
WantedBy=x
"""


def test_a_drop_in_keeps_its_other_lines() -> None:
    after = twice(Edit("f", "environment", replace={OLD: NEW}), DROP_IN)
    assert f'Environment="HTTP_PROXY={NEW}" "NO_PROXY=localhost" \\\n    HTTPS_PROXY={NEW}\n' in after
    rest = [line for line in after.splitlines() if "PROXY" not in line]
    assert rest == [line for line in DROP_IN.splitlines() if "PROXY" not in line]


def test_a_drop_in_gets_a_variable_into_its_service_section() -> None:
    after = twice(Edit("f", "environment", add={"NO_PROXY": ["r.corp"]}), "[Service]\nType=notify\n\n[Install]\n")
    assert after == '[Service]\nType=notify\nEnvironment="NO_PROXY=r.corp"\n\n[Install]\n'


def test_a_percent_sign_is_doubled_for_systemd_only() -> None:
    value = "http://u:a%40b@p:1"
    unit = twice(Edit("f", "environment", set={"HTTP_PROXY": value}), "[Service]\n")
    assert unit == '[Service]\nEnvironment="HTTP_PROXY=http://u:a%%40b@p:1"\n'
    assert twice(Edit("f", "environment", set={"HTTP_PROXY": value}), "") == f'export HTTP_PROXY="{value}"\n'


def test_resolv_conf_gets_a_nameserver_before_the_others() -> None:
    text = "# by hand\nsearch corp.test\nnameserver 10.0.0.1\nnameserver 10.0.0.2\noptions timeout:1\n"
    after = twice(Edit("f", "resolv", add={"nameserver": ["9.9.9.9"]}, first=True), text)
    assert after == text.replace("nameserver 10.0.0.1", "nameserver 9.9.9.9\nnameserver 10.0.0.1")
    assert twice(Edit("f", "resolv", add={"nameserver": ["9.9.9.9"]}, first=True), "") == "nameserver 9.9.9.9\n"


def test_resolv_conf_takes_addresses_only() -> None:
    with pytest.raises(NotEditableError):
        edited(Edit("f", "resolv", add={"nameserver": ["dns.example"]}), "")


def test_ini_sets_a_key_beside_its_section() -> None:
    text = "[Resolve]\n#DNS=\n#FallbackDNS=\nLLMNR=no\n\n[Other]\nDNS=x\n"
    after = twice(Edit("f", "ini", set={"Resolve": {"DNS": "9.9.9.9"}}), text)
    assert after == "[Resolve]\n#DNS=\n#FallbackDNS=\nLLMNR=no\nDNS=9.9.9.9\n\n[Other]\nDNS=x\n"


HOSTS = """\
# the company's mirror
server = "https://registry-1.docker.io"  # upstream

[host."https://old.example"]
  capabilities = ["pull", "resolve"]  # no push

# the last resort
[host."https://slow.example"]
  skip_verify = true
"""


def test_toml_renames_a_host_where_it_stands() -> None:
    after = twice(Edit("f", "toml", replace={"https://old.example": "https://new.example"}), HOSTS)
    assert after == HOSTS.replace("old.example", "new.example")


def test_toml_loses_a_table_and_keeps_the_comments_of_the_next() -> None:
    after = twice(Edit("f", "toml", remove={"host": {"https://old.example": True}}), HOSTS)
    assert '# the last resort\n[host."https://slow.example"]' in after
    assert "old.example" not in after
    assert "# no push" not in after
    assert list(tomllib.loads(after)["host"]) == ["https://slow.example"]


def test_toml_gets_a_table() -> None:
    edit = Edit("f", "toml", set={"host": {"https://n.example": {"capabilities": ("pull", "resolve")}}})
    after = twice(edit, HOSTS)
    assert after.startswith(HOSTS)
    assert tomllib.loads(after)["host"]["https://n.example"] == {"capabilities": ["pull", "resolve"]}


REGISTRIES = """\
# k3s
mirrors:
  docker.io:
    endpoint:
      - "https://old.example"   # first

  quay.io:
    endpoint: ["https://q.example"]
configs: {"old.example": {tls: {insecure_skip_verify: false}}}
"""


def test_yaml_gets_an_item_behind_the_others() -> None:
    after = twice(Edit("f", "yaml", add={"mirrors": {"docker.io": {"endpoint": ["https://new.example"]}}}), REGISTRIES)
    first = '      - "https://old.example"   # first\n'
    assert after == REGISTRIES.replace(first, first + "      - https://new.example\n")


def test_yaml_replaces_a_value_in_its_quotes_place() -> None:
    after = twice(Edit("f", "yaml", replace={"https://old.example": "https://new.example"}), REGISTRIES)
    assert yaml.safe_load(after)["mirrors"]["docker.io"]["endpoint"] == ["https://new.example"]
    assert "# first" in after
    assert after.splitlines()[0] == "# k3s"


@pytest.mark.parametrize(
    ("format_", "text"),
    [("toml", "a = = 1"), ("yaml", "a: [1"), ("yaml", "- 1\n"), ("toml", 'dns = "x"'), ("yaml", "dns: {a: 1}\n")],
)
def test_what_is_not_of_its_format_is_not_edited(format_: str, text: str) -> None:
    with pytest.raises(NotEditableError):
        edited(Edit("f", format_, set={"dns": {"a": "b"}} if "1}" not in text else {}, add={"dns": ["1"]}), text)


def test_a_value_that_does_not_stand_there_is_told() -> None:
    with pytest.raises(NotEditableError, match="does not stand"):
        edited(Edit("f", "environment", replace={OLD: NEW}), "HTTP_PROXY=$CORP\n")


@pytest.mark.parametrize(
    ("value", "old", "kept"),
    [
        ("http://h:1", "http://h:1", ""),
        ("http://h:1/", "http://h:1", ""),
        ("http://u:p@h:1", "http://h:1", "u:p@"),
        ("h:1", "http://h:1", ""),
        ("https://h", "h:443", ""),
        ("http://h:1/x", "http://h:1", None),
        ("http://h:2", "http://h:1", None),
        ("$PROXY", "http://h:1", None),
        ("http://h:99999999", "http://h:1", None),
    ],
)
def test_values_that_lead_to_the_same_place(value: str, old: str, kept: str | None) -> None:
    assert same(value, old) == kept


def test_a_list_below_an_anchor_keeps_its_indentation() -> None:
    text = "x: &a\n  - https://m\n  - https://k\nmirrors:\n  docker.io:\n    endpoint: *a\n"
    after = twice(Edit("f", "yaml", replace={"https://m": "https://n"}), text)
    assert after == text.replace("https://m", "https://n")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('host = {"https://m" = {capabilities = ["pull"]}, "https://k" = {}}\n', 'host = { "https://k" = {}}\n'),
        ('server = "https://m/"  # it\nhost."https://m".capabilities = ["pull"]\nx = 1\n', "x = 1\n"),
        ("server = 'https://k'\r\n[host.'https://m/']\r\n[host.'https://k']\r\n", None),
    ],
)
def test_a_mirror_goes_from_hosts_toml_however_it_is_written(text: str, after: str | None) -> None:
    gone = Edit("f", "toml", remove={"server": ["https://m"], "host": {"https://m": True}})
    assert twice(gone, text) == (after or text.replace("[host.'https://m/']\r\n", ""))
