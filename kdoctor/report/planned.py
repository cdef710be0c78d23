"""A plan for a person: which fix, what it changes line by line, what it runs, what stops, what is left to do."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from kdoctor.fixes.plan import Plan
from kdoctor.masking import mask
from kdoctor.model import Fix, Risk
from kdoctor.report.layout import Page, Style
from kdoctor.report.words import words


@dataclass(frozen=True, slots=True)
class PlanWords:
    """The few words of plans in one language."""

    fix: str
    because: str
    files: str
    commands: str
    restarts: str
    reload: str
    restart: str
    stops: str
    keeps: str
    by_hand: str
    others: str
    verify: str
    origin: str
    lost: str
    weaker: str
    nothing: str
    not_applied: str
    link: str


_ENGLISH = PlanWords(
    fix="Fix",
    because="for {rule}, risk: {risk}",
    files="Changes",
    commands="Runs",
    restarts="Then",
    reload="{service} reads its settings again; nothing stops",
    restart="{service} is restarted",
    stops="These running containers stop: {names}",
    keeps="No running container stops",
    by_hand="Left to you",
    others="Other ways (kdoctor fix --recipe ID, or by hand)",
    verify="Proof: the failed question is asked again, and",
    origin="These commands come from {file}, which is not of kdoctor",
    lost="What it removes cannot be brought back by `kdoctor undo`.",
    weaker="This weakens security:",
    nothing="Everything is already as this fix would make it.",
    not_applied="Nothing was changed. To make it: {command}",
    link="{link} is a link to {file}, which is edited; the link stays.",
)
_CHINESE = PlanWords(
    fix="修复",
    because="针对 {rule}，风险：{risk}",
    files="改动",
    commands="运行",
    restarts="然后",
    reload="{service} 重新读取设置；没有容器停止",
    restart="重启 {service}",
    stops="这些正在运行的容器会停止：{names}",
    keeps="没有正在运行的容器会停止",
    by_hand="需要你自己做的",
    others="其他办法（kdoctor fix --recipe ID，或手动）",
    verify="验证：再问一次失败的问题，并运行",
    origin="这些命令来自 {file}，不是 kdoctor 自带的",
    lost="它删除的东西无法用 `kdoctor undo` 找回。",
    weaker="这会降低安全性：",
    nothing="一切已经是这个修复会做成的样子。",
    not_applied="没有做任何改动。要执行：{command}",
    link="{link} 是指向 {file} 的链接；编辑的是后者，链接保持不变。",
)


def plan_words(lang: str) -> PlanWords:
    """Return the words of a language, English where it is not there."""
    return _CHINESE if lang == "zh" else _ENGLISH


def put_plan(page: Page, plan: Plan, others: Sequence[Fix], lang: str) -> None:
    """Put a plan; secrets are masked, values are data."""
    say, risks = plan_words(lang), words(lang).risk
    for one in plan.chosen:
        page.text(mask(one.fix.title), first=f"{say.fix}: ", style="title", lead="head")
        page.text(say.because.format(rule=one.rule, risk=risks[one.fix.risk]), indent=2, style="dim")
    if plan.risk is Risk.WEAKENS_TRUST:
        page.text(say.weaker, indent=2, style="warn")
        steps = [step for one in plan.chosen for step in one.fix.steps if step.edit or step.argv]
        for step in steps:
            page.text(mask(step.text), indent=2, first="- ")
    if plan.risk is Risk.DESTRUCTIVE:
        page.text(say.lost, indent=2, style="warn")
    if plan.empty:
        page.gap()
        page.text(say.nothing)
    _put_changes(page, plan, say)
    _put_commands(page, plan, say)
    _put_actions(page, plan, say)
    _put_rest(page, plan, others, say)


def _put_changes(page: Page, plan: Plan, say: PlanWords) -> None:
    if not plan.changes:
        return
    page.gap()
    page.text(say.files, style="head")
    for change in plan.changes:
        if change.link:
            page.text(say.link.format(link=change.link, file=change.shown), indent=2, style="dim")
        put_diff(page, change.diff())


def put_diff(page: Page, lines: Sequence[str]) -> None:
    """Put the lines of a unified diff."""
    for line in lines:
        style: Style = ""
        if line.startswith("-") and not line.startswith("---"):
            style = "bad"
        elif line.startswith("+") and not line.startswith("+++"):
            style = "good"
        page.verbatim(mask(line) or " ", indent=2, style=style)


def _put_commands(page: Page, plan: Plan, say: PlanWords) -> None:
    if not plan.commands:
        return
    page.gap()
    page.text(say.commands, style="head")
    for command in plan.commands:
        page.verbatim(mask(shlex.join(command.argv)), indent=2)
    for origin in dict.fromkeys(command.origin for command in plan.commands if command.origin):
        page.text(say.origin.format(file=origin), indent=2, style="warn")


def _put_actions(page: Page, plan: Plan, say: PlanWords) -> None:
    if not plan.actions:
        return
    page.gap()
    page.text(say.restarts, style="head")
    for action in plan.actions:
        if action.argv:
            page.verbatim(shlex.join(action.argv), indent=2)
        sentence = say.reload if action.verb == "reload" else say.restart
        page.text(action.by_hand or sentence.format(service=action.service), indent=2)
        if action.stops:
            page.text(say.stops.format(names=", ".join(action.stops)), indent=2, style="warn")
        elif action.service == "docker" and action.verb == "restart":
            page.text(say.keeps, indent=2, style="dim")


def _put_rest(page: Page, plan: Plan, others: Sequence[Fix], say: PlanWords) -> None:
    if plan.by_hand:
        page.gap()
        page.text(say.by_hand, style="head")
        for step in plan.by_hand:
            page.text(mask(step.text), indent=2, first="- ")
            if step.command:
                page.verbatim(mask(step.command), indent=6)
    checks = [shlex.join(one.fix.check) for one in plan.chosen if one.fix.check]
    if checks:
        page.gap()
        page.text(say.verify, style="head")
        page.verbatim(mask(checks[0]), indent=2)
    if others:
        page.gap()
        page.text(say.others, style="head")
        for fix in others:
            page.text(mask(fix.title), indent=2, first=f"{fix.id}: ")
