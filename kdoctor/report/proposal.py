"""A text that no rule knows, as a block to paste into an issue: redacted, with what a rule's author needs."""

from __future__ import annotations

from collections.abc import Mapping

from kdoctor import __version__
from kdoctor.listings import Proposal
from kdoctor.model import Report
from kdoctor.report import nearest, safety
from kdoctor.report.markdown import block, code, escaped
from kdoctor.report.words import Words, words

_ENGLISH = {
    "unknown": "A text that no rule of kdoctor knows",
    "known": "A text that kdoctor reads perhaps wrongly",
    "read": "kdoctor reads it as",
    "system": "system",
    "platforms": "found here",
    "engine": "words of",
    "replaced": "Placeholders stand for {counts}; the same value has the same placeholder.",
    "cut": "The first {count} lines are left out.",
    "start": "A rule from this text",
    "user": "user names",
    "mail": "e-mail addresses",
    "host": "host names",
    "address": "IP addresses",
    "mac": "MAC addresses",
    "image": "image names",
    "name": "names of objects",
    "namespace": "namespaces",
}
_CHINESE = {
    "unknown": "kdoctor 没有任何规则认识的文本",
    "known": "kdoctor 可能判断有误的文本",
    "read": "kdoctor 的判断",
    "system": "系统",
    "platforms": "本机上有",
    "engine": "出自",
    "replaced": "占位符代替了：{counts}；相同的值用相同的占位符。",
    "cut": "省略了开头的 {count} 行。",
    "start": "由这段文本开始写规则",
    "user": "用户名",
    "mail": "电子邮件地址",
    "host": "主机名",
    "address": " IP 地址",
    "mac": " MAC 地址",
    "image": "镜像名",
    "name": "对象名",
    "namespace": "命名空间",
}


def render(report: Report, proposal: Proposal) -> str:
    """Return the block as GitHub's Markdown, which reads well as plain text."""
    say = words(report.lang)
    known = [diagnosis for diagnosis in report.diagnoses if diagnosis.role.value in ("root", "independent")]
    own = _CHINESE if report.lang.lower().startswith("zh") else _ENGLISH
    parts = [f"### {own['known' if known else 'unknown']}", "\n".join(_facts(report, proposal, say, own))]
    if known:
        parts.append("\n".join(f"- {own['read']}{say.colon}{code(one.rule)} {escaped(one.title)}" for one in known))
    parts += [block(proposal.text, "text")]
    if report.nearest:
        near = [f"- {escaped(line)}" for line in nearest.lines(report.nearest, say)]
        parts += [f"{say.nearest}{say.colon.strip()}", "\n".join(near)]
    parts.append(f"{own['start']}{say.colon}{code('kdoctor rules new --from FILE')}")
    return "\n".join(safety.inert(line) for line in "\n\n".join(parts).split("\n")) + "\n"


def _facts(report: Report, proposal: Proposal, say: Words, own: Mapping[str, str]) -> list[str]:
    host = report.host
    lines = [f"- kdoctor {__version__}"]
    if host is not None:
        system = say.comma.join(filter(None, (f"{host.os}/{host.arch}", host.service_manager, host.ci)))
        lines.append(f"- {own['system']}{say.colon}{escaped(system)}")
        found = [f"{one.id} {one.version}" if one.version else one.id for one in host.platforms]
        lines.append(f"- {own['platforms']}{say.colon}{escaped(say.comma.join(found) or '-')}")
    if proposal.engine:
        lines.append(f"- {own['engine']}{say.colon}{escaped(proposal.engine)}")
    if proposal.replaced:
        counts = say.comma.join(f"{own[kind]} ({count})" for kind, count in proposal.replaced.items())
        lines.append(f"- {own['replaced'].format(counts=counts)}")
    if proposal.left_out:
        lines.append(f"- {own['cut'].format(count=proposal.left_out)}")
    return lines
