"""One edit applied to one text: the format's own editor, chosen by name. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from kdoctor.fixes import environment, ini, jsonedit, resolvconf
from kdoctor.fixes.errors import NotEditableError
from kdoctor.model import Edit

_PORTS = {"http": 80, "https": 443, "socks5": 1080}


def edited(edit: Edit, text: str | None) -> str | None:
    """Return the file's text after the edit; `text` is None where there is no file, and so is the result.

    Raises:
        NotEditableError: the text is not what the format or the edit expects.
    """
    new = _edited(edit, text)
    if (
        edit.replace
        and new == text
        and not any(value.rpartition("://")[2] in (text or "") for value in edit.replace.values())
    ):
        raise NotEditableError(f"the value {next(iter(edit.replace))} does not stand in it as it is in effect")
    return new


def _edited(edit: Edit, text: str | None) -> str | None:
    if text is None and not (edit.set or edit.add or edit.content is not None):
        if edit.remove:
            return None  # there is nothing to take out
        raise NotEditableError("there is no such file")
    old = text or ""
    match edit.format:
        case "text":
            if text is not None and text != edit.content:
                raise NotEditableError("it is there already, with something else in it")
            return edit.content
        case "json":
            if edit.repair:
                from kdoctor.fixes.jsonrepair import repair

                return repair(old)
            return jsonedit.edit(old, edit.set, edit.add, edit.remove, edit.replace, same, edit.first)
        case "environment":
            return environment.edit(old, edit.set, edit.add, edit.remove, edit.replace, same)
        case "ini":
            return ini.edit(old, edit.set, edit.add, edit.remove)
        case "resolv":
            return resolvconf.edit(old, edit.add, edit.remove, first=edit.first)
        case "toml" | "yaml":
            from kdoctor.fixes import trees

            change = trees.edit_toml if edit.format == "toml" else trees.edit_yaml
            return change(old, edit.set, edit.add, edit.remove, edit.replace, same, edit.first)
        case _:
            raise NotEditableError(f'no editor for the format "{edit.format}"')


def same(value: str, old: str) -> str | None:
    """Return the userinfo (USER:PASSWORD@, or nothing) of a value that names what `old` does, None if it does not.

    URLs are the same when they lead to the same host and port; a closing slash and a userinfo do not count.
    """
    if value == old:
        return ""
    try:
        one, other = urlsplit(_url(value, old)), urlsplit(_url(old))
        alike = (one.hostname, one.port or _PORTS.get(one.scheme)) == (
            other.hostname,
            other.port or _PORTS.get(other.scheme),
        )
    except ValueError:
        return None
    if not alike or one.hostname is None or (one.path.rstrip("/"), one.query) != (other.path.rstrip("/"), other.query):
        return None
    user, at, _ = one.netloc.rpartition("@")
    return f"{user}{at}"


def _url(text: str, like: str = "") -> str:
    """Return a value as URL: with the scheme of another one where it has none, else http."""
    return text if "://" in text else f"{like.partition('://')[0] if '://' in like else 'http'}://{text}"
