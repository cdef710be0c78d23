"""Why a URL goes the way it does, in words, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdoctor.settings.goproxy import Reason
from kdoctor.settings.source import Source

_CHINESE_PLACES: Mapping[str, str] = {
    "process": "在其进程的环境变量中",
    "daemon-json": "在 daemon.json 中",
    "command-line": "在 dockerd 的命令行中",
    "systemd": "在其 systemd 单元中",
    "init-defaults": "在其服务的默认设置中",
    "desktop": "在 Docker Desktop 的设置中",
    "file": "在文件中",
    "unknown": "引擎自己这样报告，看不到是哪个文件",
}

NOT_READABLE = "the engine does not answer and its process's environment cannot be read"
"""Why the settings of an engine are not known."""

_CHINESE_UNSEEN = {NOT_READABLE: "引擎没有应答，其进程的环境变量也无法读取"}


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language: by reason, and those for a variable that is set for the other scheme alone."""

    reasons: Mapping[Reason, str]
    other: str
    chinese: bool = False

    def origin(self, source: Source | None) -> str:
        """Return where a setting stands, in parentheses; nothing for this shell's own environment."""
        if source is None or source.kind == "environment":
            return ""
        if not self.chinese:
            return f" ({source.text})"
        if source.file is None:
            return f"（{_CHINESE_PLACES[source.kind]}）"
        return f"（{source.file} 第 {source.line} 行）" if source.line else f"（{source.file}）"

    def unseen(self, why: str) -> str:
        """Return why settings are not known."""
        return _CHINESE_UNSEEN.get(why, why) if self.chinese else why


_ENGLISH = Words(
    {
        Reason.SET: "{name} is set{origin}",
        Reason.DROPPED: "{name} is set{origin}, but Go cannot parse its value and drops it without a word",
        Reason.LOOPBACK: "loopback hosts are never proxied",
        Reason.NO_PROXY: '{name} entry "{entry}" covers it{origin}',
        Reason.CGI: "{name} is set{origin}, and so is REQUEST_METHOD: Go takes the process for a CGI program",
        Reason.UNSET: "no {name} is set",
        Reason.OTHER_SCHEME: "proxies are for http and https URLs only",
        Reason.MALFORMED_HOST: "Go finds no host and port in the URL and goes direct",
        Reason.BAD_URL: "Go cannot parse the URL",
    },
    other="no {name} is set; {other} is not used for {scheme} URLs",
)
_CHINESE = Words(
    {
        Reason.SET: "设置了 {name}{origin}",
        Reason.DROPPED: "设置了 {name}{origin}，但 Go 无法解析它的值，会不声不响地丢弃",
        Reason.LOOPBACK: "回环主机从不经过代理",
        Reason.NO_PROXY: "{name} 中的“{entry}”包含它{origin}",
        Reason.CGI: "设置了 {name}{origin}，同时设置了 REQUEST_METHOD：Go 把该进程当作 CGI 程序",
        Reason.UNSET: "没有设置 {name}",
        Reason.OTHER_SCHEME: "代理只用于 http 和 https 的 URL",
        Reason.MALFORMED_HOST: "Go 在该 URL 中找不到主机和端口，因此直连",
        Reason.BAD_URL: "Go 无法解析该 URL",
    },
    other="没有设置 {name}；{other} 不用于 {scheme} 的 URL",
    chinese=True,
)


def words(lang: str) -> Words:
    """Return the sentences of a language; English where there are none."""
    return _CHINESE if lang == "zh" else _ENGLISH
