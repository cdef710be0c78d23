"""When a line was written: the time stamps of the logs that clusters and engines write.

A stamp without a zone is in this machine's time zone, as klog, syslog and journalctl print it; one without
a year is of the last twelve months.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from kdoctor.errors import UsageError

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: n for n, name in enumerate(_NAMES, 1)}
_MONTH = "(?P<mon>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = r"(?P<h>\d\d):(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
_ISO = rf"(?P<y>\d{{4}})[-/](?P<o>\d\d)[-/](?P<d>\d\d)[T\s_]{_CLOCK}\s?(?P<z>Z|UTC|[+-]\d\d:?\d\d)?"
# A priority, a container's or pod's name, a step of a job: what may stand before the stamp.
_PREFIX = (
    r"(?:\x1b\[[\d;]{0,12}m)?\s{0,12}(?:<\d{1,3}>(?:1\s)?|[\w.@/-]{1,80}\s{1,20}\|\s{0,2}|\*\s|\[(?:pod|container)/[^\]]{1,200}\]\s"
    r"|(?:[^\t\n]{1,120}\t){1,3}|\[?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s)?\[?\ufeff?"
)
_FORMS = tuple(
    re.compile(form)
    for form in (
        _PREFIX + _ISO,
        rf"{_PREFIX}[IWEFD](?P<o>\d\d)(?P<d>\d\d)\s{_CLOCK}",  # klog
        rf"{_PREFIX}{_MONTH}\s{{0,2}}(?P<d>\d{{1,2}})\s{_CLOCK}(?:\s(?P<y>20\d\d)\b)?",  # syslog, dmesg
        rf"{_PREFIX}(?P<d>\d{{1,2}})\s{_MONTH}\s(?P<y>\d{{4}})\s{_CLOCK}",
        r"\s{0,12}(?P<e>1\d{9}\.\d{3,6})\s",  # journalctl -o short-unix, squid
        rf".{{0,4000}}?(?:\b(?:time|ts|t)=\"?|\"(?:ts|t|time|timestamp|@timestamp|Time|lastTimestamp|eventTime)\":\s?\"){_ISO}",
        r".{0,4000}?\"(?:ts|__REALTIME_TIMESTAMP|timestamp)\":\s?\"?(?P<e>1\d{9,15}(?:\.\d{1,9})?)",
        rf".{{0,400}}?\[(?P<d>\d\d)/{_MONTH}/(?P<y>\d{{4}}):{_CLOCK}\s(?P<z>[+-]\d{{4}})\]",  # an access log
    )
)
_DURATION = re.compile(
    r"(\d{1,6}(?:\.\d{1,3})?)\s?(ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:r|ours?)?|d(?:ays?)?|w(?:eeks?)?)(?![a-z])"
)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def instant(line: str, now: datetime) -> float | None:
    """Return when a line was written, in seconds since the epoch; None where it does not say.

    `now` has a zone; stamps without one are in it.
    """
    for form in _FORMS:
        found = form.match(line)
        if found is not None:
            return _value(found, now)
    return None


def _value(found: re.Match[str], now: datetime) -> float | None:
    parts = found.groupdict()
    if parts.get("e"):
        number = float(parts["e"])
        return number / 1e6 if number > 1e14 else number / 1e3 if number > 1e11 else number
    try:
        month = _MONTHS[parts["mon"]] if parts.get("mon") else int(parts["o"])
        clock = (int(parts["h"]), int(parts["m"]), min(int(parts["s"] or 0), 59))
        fraction = int(((parts["f"] or "") + "000000")[:6])
        zone = _zone(parts.get("z"))
        if parts.get("y"):
            return _seconds((int(parts["y"]), month, int(parts["d"]), *clock, fraction), zone, now)
        for year in (now.year, now.year - 1):
            at = _seconds((year, month, int(parts["d"]), *clock, fraction), zone, now)
            if at <= now.timestamp() + 86400:
                return at
    except ValueError:  # the 30th of February
        return None
    return None


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text in ("Z", "UTC"):
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def _seconds(parts: tuple[int, int, int, int, int, int, int], zone: tzinfo | None, now: datetime) -> float:
    """Return seconds since the epoch of a time that is in `zone`, or in that of `now`."""
    return datetime(*parts, tzinfo=zone or now.tzinfo).timestamp()


class _Local(tzinfo):
    """This machine's zone, with its changes through the year."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        assert when is not None
        return when.replace(tzinfo=None).astimezone().utcoffset() or timedelta()

    def dst(self, when: datetime | None) -> timedelta:
        return timedelta()

    def tzname(self, when: datetime | None) -> str:
        return "local"


_LOCAL = _Local()


def local_now() -> datetime:
    """Return the time now, in this machine's zone."""
    return datetime.now(UTC).astimezone().replace(tzinfo=_LOCAL)


def since(text: str, now: datetime) -> float:
    """Return what `--since` means, in seconds since the epoch.

    A duration before now (`10m`, `1h30m`, `2d`, `-2h`, `2 hours ago`), `now`, `today`, `yesterday`, a time of RFC 3339,
    a date with or without a time (this machine's zone), a time of today, a log's own time stamp (`Nov 28 10:00:00`), or
    seconds since the epoch, with `@` or without.

    Raises:
        UsageError: it is none of these, or lies in the future.
    """
    at = _given(text.strip(), now)
    if at is None:
        raise UsageError(f'--since "{text[:60]}": a duration (10m, 2h, 1d), a time (2026-11-26 10:00) or RFC 3339')
    if at > now.timestamp() + 60:
        raise UsageError(f'--since "{text[:60]}" lies in the future')
    return at


def _in_seconds(unit: str) -> float:
    return _SECONDS["ms" if unit == "ms" else unit[0]]


def _given(text: str, now: datetime) -> float | None:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if text == "now":
        return now.timestamp()
    if text in ("today", "yesterday"):
        return (midnight - timedelta(days=text == "yesterday")).timestamp()
    short = text.removesuffix(" ago").removeprefix("-").strip()
    if short and _DURATION.sub("", short).strip() == "":
        return now.timestamp() - sum(float(n) * _in_seconds(unit) for n, unit in _DURATION.findall(short))
    if re.fullmatch(r"@?1\d{9}(?:\.\d{1,9})?", text):
        return float(text.removeprefix("@"))
    if re.fullmatch(_CLOCK, text):
        text = f"{now:%Y-%m-%d} {text}"
    if _DAY.fullmatch(text):
        text += " 00:00:00"
    stamp = next((found for form in _FORMS if (found := form.fullmatch(text))), None)
    return None if stamp is None else _value(stamp, now)
