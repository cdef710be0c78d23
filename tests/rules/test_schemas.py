"""The schemas in docs/schema are those of the code, and every shipped file names its own and fits it."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kdoctor.report.json import schema as report_schema
from kdoctor.rules import model
from kdoctor.rules.load import schema
from kdoctor.rules.yamlfile import read_yaml

ROOT = Path(__file__).resolve().parents[2]
CLASSES = {"rule": model.Rule, "recipe": model.Recipe, "translation": model.Translation}


def kind(file: Path) -> str:
    parts = file.relative_to(ROOT / "rules").parts
    return "translation" if parts[0] == "i18n" else "recipe" if parts[0] == "fixes" else "rule"


FILES = [file for file in sorted((ROOT / "rules").rglob("*.yaml")) if file.parent.name != "rules"]


@pytest.mark.parametrize("name", CLASSES)
def test_schema_of_rule_files_is_current(name: str) -> None:
    assert json.loads((ROOT / "docs" / "schema" / f"{name}.json").read_text()) == json.loads(
        json.dumps(schema(CLASSES[name]))
    )


def test_schema_of_the_report_is_current() -> None:
    assert json.loads((ROOT / "docs" / "schema" / "report.json").read_text()) == json.loads(json.dumps(report_schema()))


def test_every_file_names_its_schema_and_fits_it() -> None:
    validators = {name: jsonschema.Draft202012Validator(dict(schema(cls))) for name, cls in CLASSES.items()}
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        first = text.partition("\n")[0]
        target = os.path.relpath(ROOT / "docs" / "schema" / f"{kind(file)}.json", file.parent)
        assert first == f"# yaml-language-server: $schema={target}", file
        content: Any = read_yaml(file).content
        problems = [error.message for error in validators[kind(file)].iter_errors(content)]
        assert not problems, (file, problems[:2])
