"""Folders of rules that tests write: small ones, of their own, so that no edit of a shipped rule breaks a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from kdoctor.errors import RuleError
from kdoctor.model import Evidence
from kdoctor.rules import model
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.compiling import as_book, errors, refuse
from kdoctor.rules.condition import Scope
from kdoctor.rules.lint import lint, lint_own
from kdoctor.rules.load import Folder, read_folder
from kdoctor.rules.match import match

LAYERS = ("proxy", "dns", "network", "registry", "image", "daemon")
SCHEMA = "# yaml-language-server: $schema=../../docs/schema/rule.json\n"


def rule_content(rule_id: str, **changes: Any) -> dict[str, Any]:
    """Return a rule that has everything it must; `changes` replace keys, None removes one."""
    words = rule_id.replace("-", " ")
    content: dict[str, Any] = {
        "id": rule_id,
        "layer": "proxy",
        "severity": "error",
        "title": f"Title of {rule_id}",
        "engines": ["docker"],
        "match": {"any": [{"id": "words", "regex": words}]},
        "facts": {},
        "verdict": {"no_probe": "Nothing here can be asked."},
        "why": f"Why of {rule_id}.",
        "occurs_on": ["docker-engine"],
        "fixes": [],
        "references": [],
        "examples": {
            "positive": [{"engine": "docker", "text": f"it says {words} here"}],
            "negative": [{"text": "something else"}, {"text": "nothing of it"}],
        },
    }
    content.update(changes)
    return {key: value for key, value in content.items() if value is not None}


def recipe_content(recipe_id: str, **changes: Any) -> dict[str, Any]:
    """Return a recipe that has everything it must."""
    content: dict[str, Any] = {
        "id": recipe_id,
        "title": f"Title of {recipe_id}",
        "risk": "safe",
        "variants": [{"on": ["any"], "proof": "docs", "steps": [{"text": "Do it.", "run": ["do", "it"]}]}],
    }
    content.update(changes)
    return {key: value for key, value in content.items() if value is not None}


class RuleFolder:
    """A folder of rules on disk, and what kdoctor makes of it."""

    def __init__(self, path: Path, *, layers: tuple[str, ...] = LAYERS) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        if layers:
            self.taxonomy(layers)
            self.words({"REFUSED": "connection refused|actively refused"}, {"registry": ["/v2/"]})

    def taxonomy(self, layers: tuple[str, ...] = LAYERS, **layer_of: str) -> None:
        classes = [{"id": key.replace("_", "-"), "layer": value, "means": "x"} for key, value in layer_of.items()]
        self.write("taxonomy.yaml", yaml.safe_dump({"layers": list(layers), "classes": classes}))

    def words(
        self,
        fragments: dict[str, str],
        contexts: dict[str, list[str]],
        ends: dict[str, dict[str, list[str]]] | None = None,
    ) -> None:
        self.write("words.yaml", yaml.safe_dump({"fragments": fragments, "contexts": contexts, "ends": ends or {}}))

    def write(self, name: str, text: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def rule(self, rule_id: str, regex: str | None = None, **changes: Any) -> Path:
        """Write a rule; `regex` is its single pattern, and then it has no example unless one is given."""
        if regex is not None:
            changes.setdefault("match", {"any": [{"id": "words", "regex": regex}]})
        content = rule_content(rule_id, **changes)
        text = SCHEMA + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        return self.write(f"{content.get('layer', 'proxy')}/{rule_id}.yaml", text)

    def recipe(self, recipe_id: str, **changes: Any) -> Path:
        text = yaml.safe_dump(recipe_content(recipe_id, **changes), sort_keys=False)
        return self.write(f"fixes/{recipe_id}.yaml", text)

    def translation(self, item: str, **content: Any) -> Path:
        text = yaml.safe_dump({"id": item.rpartition("/")[2], **content}, sort_keys=False, allow_unicode=True)
        return self.write(f"i18n/zh/{item}.yaml", text)

    def read(self) -> Folder:
        return read_folder(self.path)

    def problems(self) -> list[str]:
        """Return every mistake of single files, as the person reads it, the folder's path left out."""
        return self._short(errors(self.read()))

    def lint(self, *languages: str) -> list[str]:
        """Return what is wrong with the folder as one of shipped rules."""
        return self._short(lint(self.read(), languages))

    def lint_beside(self, shipped: RuleFolder) -> list[str]:
        """Return what is wrong with the folder as a user's."""
        return self._short(lint_own(shipped.path, self.path))

    def _short(self, found: Iterator[RuleError]) -> list[str]:
        return [str(error).replace(f"{self.path}/", "") for error in found]

    def book(self) -> Book:
        folder = self.read()
        refuse(folder)
        return as_book(folder)

    def match(self, text: str) -> list[Candidate]:
        return match(self.book(), text)

    def matched(self, text: str) -> list[str]:
        """Return the ids of what the text nominates, the root first."""
        return [candidate.rule.id for candidate in self.match(text)]

    def loaded(self, rule_id: str) -> model.Rule:
        return self.book().rule(rule_id)


def evidence(outcome: str, detail: str = "", **data: Any) -> Evidence:
    """Return a probe's answer as the runner would."""
    return Evidence("tcp.connect", "192.0.2.1:443", "docker", outcome, detail, data=data)


def scope(facts: dict[str, str] | None = None, **results: Evidence) -> Scope:
    return Scope(facts or {}, results)
