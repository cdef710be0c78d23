"""The JSON Schema of the document, for `kdoctor schema report`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from kdoctor.listings import Standing
from kdoctor.model import Risk, Role, Severity, Status, Verdict

_Schema = dict[str, Any]

_TEXT: _Schema = {"type": "string"}
_MAYBE_TEXT: _Schema = {"type": ["string", "null"]}
_SECONDS: _Schema = {"type": "number", "minimum": 0}
_LINE: _Schema = {"type": "integer", "minimum": 1}


def _one_of(words: type[StrEnum]) -> _Schema:
    return {"enum": [word.value for word in words]}


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(description: str, optional: tuple[str, ...] = (), /, **properties: _Schema) -> _Schema:
    """Describe an object; more fields may be added within version 1, so they are allowed."""
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


_DEFS: _Schema = {
    "diagnosis": _object(
        "A known failure with the proof that it holds, or does not, here and now, and what helps.",
        rule={"type": "string", "description": "The rule's id; `kdoctor explain ID` is its page."},
        layer=_TEXT,
        severity=_one_of(Severity),
        role=_one_of(Role),
        title=_TEXT,
        verdict=_one_of(Verdict),
        because={"type": "string", "description": "Why the verdict is what it is."},
        vantage={"type": "string", "description": "Where the probes ran: shell, docker, node:NAME, ..."},
        facts={"type": "object", "additionalProperties": _TEXT},
        matched={"oneOf": [_ref("matched"), {"type": "null"}]},
        locations=_list(_ref("location")),
        evidence=_list(_ref("evidence")),
        why=_TEXT,
        fixes=_list(_ref("fix")),
        references=_list(_TEXT),
    ),
    "matched": _object("The line of the text that the rule's pattern hit.", line=_LINE, text=_TEXT),
    "location": _object(
        "Where the failure stands in its source, and how often.",
        source=_TEXT,
        line=_LINE,
        last_line=_LINE,
        count=_LINE,
    ),
    "evidence": _object(
        "What a probe saw. `outcome` is a word of the probe's kind, or unseen (could not look) or cut (deadline).",
        probe=_TEXT,
        target=_TEXT,
        vantage=_TEXT,
        outcome=_TEXT,
        detail=_TEXT,
        seconds=_SECONDS,
        data={
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean", "null", "array"], "items": _TEXT},
        },
    ),
    "fix": _object(
        "A recipe filled in for this machine.",
        id=_TEXT,
        title=_TEXT,
        risk=_one_of(Risk),
        proof={"enum": ["lab", "source", "docs"]},
        platform=_MAYBE_TEXT,
        steps=_list(_ref("step")),
        verify={"type": ["string", "null"], "description": "The command that asks the failed question again."},
    ),
    "step": _object(
        "A sentence, and the command to run or the content to write to a file.",
        ("command", "file", "content"),
        text=_TEXT,
        command=_TEXT,
        file=_TEXT,
        content=_TEXT,
    ),
    "check": _object(
        "A step of the walk; `skipped` says why it was not taken.",
        id=_TEXT,
        vantage=_TEXT,
        target=_TEXT,
        outcome=_TEXT,
        seconds=_SECONDS,
        skipped=_MAYBE_TEXT,
        detail=_TEXT,
        ok={"type": "boolean"},
        path={"type": "string", "description": "The image or registry that the walk leads to; empty for other steps."},
    ),
    "route": _object(
        "The way to a URL from a vantage; `proxy` is null for a direct connection.",
        url=_TEXT,
        vantage=_TEXT,
        proxy=_MAYBE_TEXT,
        because=_TEXT,
        error=_MAYBE_TEXT,
        unseen=_MAYBE_TEXT,
    ),
    "neighbour": _object(
        "A known failure that shares words with a text that no rule matches. Not a diagnosis.",
        rule=_TEXT,
        title=_TEXT,
        shared={**_list(_TEXT), "description": "Words that both have, in the order of the text."},
        differs=_object("Words that only one of them has.", text=_list(_TEXT), rule=_list(_TEXT)),
        line={"type": ["integer", "null"], "minimum": 1, "description": "The line of the text that is near it."},
        example={"type": "string", "description": "How the known failure reads."},
        score={"type": "number", "minimum": 0, "maximum": 1, "description": "How near; they are ordered by it."},
    ),
    "setting": _object(
        "A value that a puller's settings hold and the place that it came from; never a secret.",
        puller=_TEXT,
        topic={"enum": ["proxy", "dns", "mirror", "insecure", "ca", "credentials"]},
        name=_TEXT,
        value=_TEXT,
        source=_TEXT,
        file=_MAYBE_TEXT,
        line={"type": ["integer", "null"], "minimum": 1},
        standing=_one_of(Standing),
        note=_TEXT,
    ),
    "exemption": _object(
        "What the NO_PROXY of a puller lacks, and the whole value to write, in the dialect that is read there.",
        puller=_TEXT,
        dialect={"enum": ["go", "suffix"]},
        value=_TEXT,
        missing=_list(_TEXT),
        line=_TEXT,
        because=_list(_TEXT),
    ),
    "offer": _object(
        "What a mirror was seen to serve; `same` tells whether its digest is the upstream's or another mirror's.",
        repository=_TEXT,
        of=_TEXT,
        image=_TEXT,
        outcome=_TEXT,
        detail=_TEXT,
        vantage=_TEXT,
        seconds=_SECONDS,
        digest=_MAYBE_TEXT,
        same={"type": ["boolean", "null"]},
        rate={"type": ["integer", "null"], "minimum": 0, "description": "Bytes a second."},
        fits={"type": "boolean", "description": "The repository can stand in --image-repository."},
        listed={"type": "boolean", "description": "False for a mirror that the person added."},
        country=_TEXT,
        last_known=_TEXT,
        source=_TEXT,
    ),
    "proposal": _object(
        "With --report-unknown: the text without secrets and private names. Everything else is of this text.",
        text=_TEXT,
        replaced={
            "description": "How many values of each kind have a placeholder.",
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 1},
        },
        left_out={"type": "integer", "minimum": 0, "description": "Lines before the text that are not shown."},
        engine=_MAYBE_TEXT,
    ),
    "platform": _object(
        "Something that is installed: a runtime or a cluster tool.",
        id=_TEXT,
        version=_MAYBE_TEXT,
        found_by=_TEXT,
        detail=_TEXT,
    ),
}

REPORT: _Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "kdoctor report",
    **_object(
        "What kdoctor found. `diagnoses` is ordered, the root first.",
        schema={"const": "kdoctor/report/1"},
        version=_TEXT,
        command=_TEXT,
        lang=_TEXT,
        status=_one_of(Status),
        diagnoses=_list(_ref("diagnosis")),
        checks=_list(_ref("check")),
        routes=_list(_ref("route")),
        nearest=_list(_ref("neighbour")),
        settings=_list(_ref("setting")),
        exemptions=_list(_ref("exemption")),
        offers=_list(_ref("offer")),
        fixes={**_list(_ref("fix")), "description": "How to use the best mirror; empty but for `mirrors`."},
        platform=_object(
            "This machine, in Go's words.",
            ("os", "arch", "service_manager", "ci", "platforms", "container"),
            os=_TEXT,
            arch=_TEXT,
            service_manager=_MAYBE_TEXT,
            ci=_MAYBE_TEXT,
            platforms=_list(_ref("platform")),
            container={"type": "boolean", "description": "kdoctor itself runs in a container."},
        ),
        proposal={"oneOf": [_ref("proposal"), {"type": "null"}]},
        notices=_list(_TEXT),
        blind={"type": "boolean", "description": "A check that applies here could not look."},
        seconds=_SECONDS,
    ),
    "$defs": _DEFS,
}
