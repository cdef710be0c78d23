"""The few words of the reports themselves, in English and Chinese; rules bring their own."""

from __future__ import annotations

from typing import NamedTuple

from kdoctor.model import Risk, Role, Severity, Verdict


class Words(NamedTuple):
    """One language. Braces are filled with str.format by the report's own values."""

    severity: dict[Severity, str]
    verdict: dict[Verdict, str]
    risk: dict[Risk, str]
    role: dict[Role, str]
    seen_from: str
    in_the_text: str
    how_we_know: str
    no_evidence: str
    why: str
    fix: str
    other_fixes: str
    more_fixes: str
    no_fix: str
    from_docs: str
    verify: str
    write_to: str
    more: str
    repeated: str
    once: str
    steps_from: str
    breaks_where: str
    reached: str
    ok: str
    failed: str
    skipped: str
    unseen: str
    cut: str
    passed_too: str
    healthy: str
    healthy_checks: str
    healed: str
    unknown_text: str
    unknown_checks: str
    nearest: str
    propose: str
    same: str
    differs: str
    text_says: str
    rule_says: str
    quoted: str
    nothing_found: str
    not_seen: str
    standing: dict[str, str]
    nothing_set: str
    settings_of: str
    lacks: str
    lacks_suffix: str
    paste: str
    machine: str
    no_ci: str
    in_container: str
    no_platform: str
    routes: str
    mirrors_of: str
    use_best: str
    digest_same: str
    digest_other: str
    digest_alone: str
    digest_beware: str
    last_known: str
    some_mirror: str
    no_mirror: str
    direct: str
    by_proxy: str
    notes: str
    references: str
    facts: str
    colon: str
    comma: str
    semicolon: str
    full_stop: str
    step: str
    target: str
    outcome: str
    vantage: str
    seconds: str


_ENGLISH = Words(
    severity={Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"},
    verdict={
        Verdict.CONFIRMED: "confirmed",
        Verdict.REFUTED: "not so any more",
        Verdict.INCONCLUSIVE: "not proven",
        Verdict.UNCHECKED: "from the text alone",
    },
    risk={
        Risk.SAFE: "safe",
        Risk.DISRUPTIVE: "interrupts what runs",
        Risk.DESTRUCTIVE: "deletes data",
        Risk.WEAKENS_TRUST: "weakens security",
    },
    role={
        Role.ROOT: "",
        Role.CONSEQUENCE: "Follows from it",
        Role.ALTERNATIVE: "It may instead be",
        Role.INDEPENDENT: "Also wrong",
    },
    seen_from="seen from {vantage}",
    in_the_text="In the text",
    how_we_know="How we know",
    no_evidence="Only the text says so; nothing was checked.",
    why="Why",
    fix="What to do",
    other_fixes="Or instead",
    more_fixes="{count} more with -v.",
    no_fix="kdoctor knows no fix for this machine.",
    from_docs="from documentation, not proven in tests",
    verify="Then ask again",
    write_to="File: {file}",
    more="More about it",
    repeated="{count} times, lines {first} to {last} of {source}",
    once="once, line {first} of {source}",
    steps_from="From {vantage}",
    breaks_where="Where the way breaks, by vantage",
    reached="ok",
    ok="ok",
    failed="failed",
    skipped="skipped",
    unseen="not seen",
    cut="cut off",
    passed_too="{count} more ok (-v shows them)",
    healthy="Healthy: nothing here stands in the way of starting or pulling.",
    healthy_checks="Checks: {ok} passed, {skipped} did not apply.",
    healed="The text tells of a failure that is not there any more.",
    unknown_text="No known failure is in this text.",
    unknown_checks="Nothing wrong was found, but not everything could be looked at.",
    nearest="Not a diagnosis: known failures that share words with it, the nearest first",
    propose="A rule could know it: --report-unknown prints the text without secrets and names, for an issue.",
    same="The same",
    differs="Differs",
    text_says="the text says {words}",
    rule_says="that failure says {words}",
    quoted='"{words}"',
    nothing_found="Nothing was found.",
    not_seen="What could not be seen",
    standing={
        "effective": "",
        "written": "as its file says",
        "pending": "not in effect yet",
        "ignored": "not taken",
        "unseen": "not seen",
    },
    nothing_set="Nothing is set.",
    settings_of="What {puller} is told",
    lacks="NO_PROXY of {puller} lacks {missing}",
    lacks_suffix="NO_PROXY of {puller}, for wget and older curl, which know no ranges, lacks {missing}",
    paste="The whole line",
    machine="{os}/{arch}, service manager {manager}, CI {ci}",
    no_ci="none",
    in_container="kdoctor runs in a container",
    no_platform="No container engine and no cluster tool was found.",
    routes="The way to it",
    mirrors_of="Mirrors of {registry}, seen from {vantage}",
    use_best="How to use it",
    digest_same="same digest",
    digest_other="ANOTHER digest",
    digest_alone="digest not compared",
    digest_beware="Its content is not what the others serve (an old copy, or a changed one); do not use it:",
    last_known="known to have worked {when}",
    some_mirror="{count} of {all} mirrors serve from here.",
    no_mirror="No known mirror was seen to serve from here.",
    direct="direct",
    by_proxy="by the proxy {proxy}",
    notes="Notes",
    references="References",
    facts="Facts",
    colon=": ",
    comma=", ",
    semicolon="; ",
    full_stop=". ",
    step="Step",
    target="Target",
    outcome="Outcome",
    vantage="Seen from",
    seconds="{seconds:.1f} s",
)

_CHINESE = Words(
    severity={Severity.ERROR: "错误", Severity.WARNING: "警告", Severity.INFO: "提示"},
    verdict={
        Verdict.CONFIRMED: "已证实",
        Verdict.REFUTED: "现已不成立",
        Verdict.INCONCLUSIVE: "未能证实",
        Verdict.UNCHECKED: "仅据文本判断",
    },
    risk={
        Risk.SAFE: "安全",
        Risk.DISRUPTIVE: "会中断正在运行的服务",
        Risk.DESTRUCTIVE: "会删除数据",
        Risk.WEAKENS_TRUST: "会降低安全性",
    },
    role={
        Role.ROOT: "",
        Role.CONSEQUENCE: "由此引起",
        Role.ALTERNATIVE: "也可能是",
        Role.INDEPENDENT: "另外还有问题",
    },
    seen_from="从 {vantage} 看到",
    in_the_text="原文",
    how_we_know="依据",
    no_evidence="只有文本这样说，没有做任何检查。",
    why="原因",
    fix="怎么办",
    other_fixes="或者",
    more_fixes="另有 {count} 种办法，见 -v。",
    no_fix="kdoctor 没有适合这台机器的修复方法。",
    from_docs="依据文档，未经测试证明",
    verify="然后再确认一次",
    write_to="文件：{file}",
    more="详细说明",
    repeated="共 {count} 次，{source} 第 {first} 到 {last} 行",
    once="1 次，{source} 第 {first} 行",
    steps_from="从 {vantage} 检查",
    breaks_where="从各处看，路在哪里断开",
    reached="通",
    ok="正常",
    failed="失败",
    skipped="跳过",
    unseen="看不到",
    cut="超时中断",
    passed_too="另有 {count} 项正常（-v 显示全部）",
    healthy="正常：没有发现妨碍启动或拉取镜像的问题。",
    healthy_checks="{ok} 项检查通过，{skipped} 项不适用。",
    healed="文本中的故障现在已经不存在了。",
    unknown_text="这段文本中没有已知的故障。",
    unknown_checks="没有发现问题，但有些地方无法查看。",
    nearest="以下不是诊断，只是与文本有共同词语的已知故障，最接近的在前",
    propose="可以为它写一条规则：--report-unknown 输出去掉机密和名称的文本，可贴到 issue 中。",
    same="相同",
    differs="不同",
    text_says="文本说{words}",
    rule_says="该故障说{words}",
    quoted="“{words}”",
    nothing_found="没有发现问题。",
    not_seen="无法查看的部分",
    standing={
        "effective": "",
        "written": "以文件为准",
        "pending": "尚未生效",
        "ignored": "未被采用",
        "unseen": "看不到",
    },
    nothing_set="没有任何设置。",
    settings_of="{puller} 的设置",
    lacks="{puller} 的 NO_PROXY 缺少 {missing}",
    lacks_suffix="{puller} 的 NO_PROXY（wget 和旧版 curl 不识别网段）缺少 {missing}",
    paste="完整的一行",
    machine="{os}/{arch}，服务管理器 {manager}，CI {ci}",
    no_ci="无",
    in_container="kdoctor 在容器中运行",
    no_platform="没有找到容器引擎或集群工具。",
    routes="访问路径",
    mirrors_of="{registry} 的镜像源，从 {vantage} 看到",
    use_best="怎么用",
    digest_same="摘要一致",
    digest_other="摘要不一致",
    digest_alone="摘要未作比较",
    digest_beware="它的内容与其他来源不同（旧副本，或被改动过），请勿使用：",
    last_known="{when} 时可用",
    some_mirror="{all} 个镜像源中有 {count} 个在这里可用。",
    no_mirror="没有看到任何已知镜像源在这里可用。",
    direct="直连",
    by_proxy="经代理 {proxy}",
    notes="说明",
    references="参考",
    facts="事实",
    colon="：",
    comma="，",
    semicolon="；",
    full_stop="。",
    step="步骤",
    target="对象",
    outcome="结果",
    vantage="检查位置",
    seconds="{seconds:.1f} 秒",
)


def words(lang: str) -> Words:
    """Return the words of a language tag (zh, zh-CN, zh_TW.UTF-8, ...); English for any other."""
    return _CHINESE if lang.lower().startswith("zh") else _ENGLISH
