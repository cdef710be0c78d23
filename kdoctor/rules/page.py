"""A rule's page: what it means, how it is told apart, what is probed, what helps on each platform."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kdoctor.probes.kinds import KINDS
from kdoctor.rules import model
from kdoctor.rules.book import Book

_HEADINGS = {
    "en": {
        "means": "What it means",
        "reads": "How it reads",
        "probed": "What is probed",
        "confirmed": "Confirmed when",
        "refuted": "Refuted when",
        "helps": "What helps",
        "apart": "Not to be confused with",
        "more": "References",
        "by": "looks at",
    },
    "zh": {
        "means": "含义",
        "reads": "典型文本",
        "probed": "探测内容",
        "confirmed": "确认条件",
        "refuted": "排除条件",
        "helps": "解决办法",
        "apart": "容易混淆的故障",
        "more": "参考资料",
        "by": "查看",
    },
}


def page(book: Book, rule: model.Rule, lang: str = "en") -> str:
    """Return the page as Markdown that reads well as plain text."""
    say = _HEADINGS.get(lang, _HEADINGS["en"])
    translation = book.translation(lang, rule.id) if lang != "en" else None
    title = _plain(translation.title if translation else rule.title)
    why = _plain((translation.why if translation else None) or rule.why)
    parts = [f"# {rule.id}", f"{title}", f"layer {rule.layer}, severity {rule.severity}", f"## {say['means']}", why]
    if rule.examples.positive:
        parts += [
            f"## {say['reads']}",
            *(f"- {one.engine}: `{_one_line(one.text)}`" for one in rule.examples.positive[:6]),
        ]
    parts += _probes(rule, say)
    parts += [f"## {say['helps']}", *_fixes(book, rule, lang)]
    apart = dict.fromkeys(n.expect for n in rule.examples.negative if n.expect)
    if apart:
        parts += [f"## {say['apart']}", *(f"- {other}" for other in apart)]
    parts += [f"## {say['more']}", *(f"- <{one.url}> ({one.kind})" for one in rule.references)]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


def _probes(rule: model.Rule, say: dict[str, str]) -> list[str]:
    if not rule.probes:
        return [f"## {say['probed']}", rule.verdict.no_probe or ""]
    lines = [f"## {say['probed']}"]
    lines += [f"- {one.id} ({one.use}): {KINDS[one.use].asks}" for one in rule.probes]
    for name in ("confirmed", "refuted"):
        tree = getattr(rule.verdict, name)
        if tree:
            lines.append(f"{say[name]}: {' and '.join(_told(tree))}.")
    return lines


def _told(tree: model.Condition) -> Iterator[str]:
    for key, operand in tree.items():
        if key in ("all", "any", "none"):
            inner = [" and ".join(_told(part)) for part in operand]
            yield (
                {"all": " and ", "any": " or ", "none": " or "}[key].join(inner)
                if key != "none"
                else f"not ({' or '.join(inner)})"
            )
        elif isinstance(operand, dict):
            yield " and ".join(f"{key} {name} {_value(value)}" for name, value in operand.items())
        else:
            yield f"{key} is {_value(operand)}"


def _value(operand: object) -> str:
    return (
        " or ".join(map(str, operand))
        if isinstance(operand, list | tuple)
        else str(operand).lower()
        if isinstance(operand, bool)
        else str(operand)
    )


def _fixes(book: Book, rule: model.Rule, lang: str) -> Iterator[str]:
    for use in rule.fixes:
        recipe = book.recipe(use.use)
        translation = book.translation(lang, f"fixes/{recipe.id}") if lang != "en" else None
        said = translation.steps if translation else {}
        yield f"### {_plain(translation.title if translation else recipe.title)} ({recipe.id}, {recipe.risk})"
        for variant in recipe.variants:
            if not set(variant.on) & {*rule.occurs_on, "any"}:
                continue
            names = ", ".join(p for p in variant.on if p in (*rule.occurs_on, "any"))
            if variant.not_applicable:
                yield f"- {names}: {variant.not_applicable}"
                continue
            steps = []
            for step in variant.steps:
                texts = (step.text,) if isinstance(step.text, str) else step.text
                command = f" `{' '.join(step.run)}`" if step.run else ""
                steps.append(said.get(texts[0], texts[0]).rstrip(".") + command)
            yield f"- {names}: " + "; ".join(steps)


def _plain(texts: model.Texts) -> str:
    return texts if isinstance(texts, str) else texts[0]


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("`", "'").strip()[:300]
