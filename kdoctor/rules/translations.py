"""What a translation must be: of the texts as they now read, complete, with no placeholder of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kdoctor.errors import RuleError
from kdoctor.rules import model, template
from kdoctor.rules.check import Problem
from kdoctor.rules.load import Folder, digest, english


def translation_errors(folder: Folder, language: str, own: Path | None = None) -> Iterator[RuleError]:
    """Yield what is wrong with the translations into a language; of a user's `own` folder only those that are there."""
    translations = folder.translations.get(language, {})
    wanted: dict[str, model.Rule | model.Recipe] = {**folder.rules}
    wanted |= {f"fixes/{key}": recipe for key, recipe in folder.recipes.items()}
    for item, source in wanted.items():
        translation = translations.get(item)
        if translation is None:
            if own is None:
                yield folder.files[item].error((), f"no translation: rules/i18n/{language}/{item}.yaml")
            continue
        file = folder.files[f"i18n/{language}/{item}"]
        if own is not None and not file.path.is_relative_to(own):
            continue
        for where, problem in _problems(translation, source):
            yield file.error(where, problem)
        for problem in _missing(source, translation):
            yield file.error((), problem)
    for item in translations:
        if item not in wanted:
            yield folder.files[f"i18n/{language}/{item}"].error(("id",), f'nothing has the id "{item}"')


def _missing_reasons(reasons: set[str | None], translation: model.Translation) -> Iterator[str]:
    for text in sorted(str(reason) for reason in reasons - set(translation.reasons)):
        yield f'the reason "{text}" is not translated; it stands under `reasons`'
    for text in sorted(set(translation.reasons) - reasons):
        yield f'no reason reads "{text}"'


def _missing(source: model.Rule | model.Recipe, translation: model.Translation) -> Iterator[str]:
    if isinstance(source, model.Rule):
        if translation.why is None:
            yield "`why` is not translated"
        because = translation.because or model.Because()
        for name in ("confirmed", "refuted", "inconclusive"):
            if getattr(source.verdict.because, name) and not getattr(because, name):
                yield f"`because.{name}` is not translated"
        yield from _missing_reasons({source.verdict.no_probe} - {None}, translation)
        return
    yield from _missing_reasons({v.not_applicable for v in source.variants} - {None}, translation)
    texts = {text for v in source.variants for s in v.steps for text in template.several(s.text)}
    for text in sorted(texts - set(translation.steps)):
        yield f'the step "{text}" is not translated'
    for text in sorted(set(translation.steps) - texts):
        yield f'no step reads "{text}"'
    if re.search(r"\{[^}]*$", str(translation.title)):
        yield "an unclosed placeholder in `title`"


def _problems(translation: model.Translation, source: model.Rule | model.Recipe) -> Iterator[Problem]:
    of = digest(source)
    if translation.of != of:
        yield ("of",), f"the English texts have changed; look at them again and set `of: {of}`"
    known = {name for text in english(source) for name in template.names(text)}
    because = translation.because or model.Because()
    for where, one in (
        ("title", translation.title),
        ("why", translation.why),
        ("because", because.confirmed),
        ("because", because.refuted),
        ("because", because.inconclusive),
    ):
        for text in template.several(one):
            for name in template.names(text):
                if name not in known:
                    yield (where,), f'no placeholder "{{{name}}}" in English'
    for text, said in translation.steps.items():
        for name in template.names(said):
            if name not in template.names(text):
                yield ("steps", text), f'no placeholder "{{{name}}}" in English'
