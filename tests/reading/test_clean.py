"""What is taken off a line before it is read, and what is joined again."""

from kdoctor.reading.clean import clean, unwrap


def texts(text: str) -> list[str]:
    """Return the cleaned lines' texts."""
    return [line.text for line in clean(text)]


def test_stamps_of_ci_systems_and_tools_go() -> None:
    """GitHub Actions, buildkit and compose put a stamp before every line."""
    assert texts("2026-03-01T09:12:05.1234567Z dial tcp: refused") == ["dial tcp: refused"]
    assert texts("#12 0.345 dial tcp: refused") == ["dial tcp: refused"]
    assert texts("web-1  | dial tcp: refused") == ["dial tcp: refused"]


def test_a_date_that_separates_records_stays() -> None:
    """A log's own time of day is how its records are told apart."""
    line = "2026-03-01T09:12:05Z level=error msg=refused"
    assert texts(line) == [line]


def test_what_stands_before_every_line_goes() -> None:
    """Quoting, indentation and a service's name with a bar, also one inside the other."""
    assert texts("> db | one\n> db | two") == ["one", "two"]
    assert texts("    one\n      two") == ["one", "  two"]
    assert texts("db | one\ntwo") == ["db | one", "two"]


def test_a_folded_yaml_scalar_is_one_line() -> None:
    """kubectl folds a long message in single quotes, and doubles the quotes in it."""
    dump = "status:\n  message: 'rpc error: failed to pull ''a''\n    and unpack it'\n  reason: ErrImagePull"
    assert texts(dump) == [
        "status:",
        "  message: 'rpc error: failed to pull 'a' and unpack it'",
        "  reason: ErrImagePull",
    ]


def test_console_breaks_are_undone_although_quotes_were_escaped() -> None:
    """The console's width is that of the line before its escapes are undone; a blank at the break stays."""
    head = 'level=error msg="lookup of \\"reg.example\\" failed: '
    head += "x" * (79 - len(head)) + " "
    assert unwrap(clean(head + "\nbecause")) == head.replace('\\"', '"') + "because\n"


def test_powershell_names_the_command_first() -> None:
    """Windows PowerShell writes `docker : ` before a native command's error."""
    record = "docker : no such host\nAt line:1 char:1\n    + FullyQualifiedErrorId : NativeCommandError"
    assert texts(record)[0] == "no such host"


def test_markdowns_emphasis_goes_and_masks_stay() -> None:
    lines = clean("**dial tcp: lookup** quay.io: **no such host**\npassword=**** a ** b **c")
    assert [line.text for line in lines] == [
        "dial tcp: lookup quay.io: no such host",
        "password=**** a ** b **c",
    ]
