"""What a rule, a recipe and a translation may say: the typed form of the files under `rules/`.

The JSON Schema (`kdoctor schema rule`) follows from these classes and from the registry of probes.
In the files the field `with_` is written `with`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Condition = dict[str, Any]
"""A tree of {field: value} and {all|any|none: [...]}; see `kdoctor.rules.condition`."""

Texts = str | tuple[str, ...]
"""A template, or several: the first whose placeholders all have a value is used."""

PLATFORMS: tuple[str, ...] = (
    "docker-engine",
    "docker-rootless",
    "docker-desktop",
    "minikube",
    "kind",
    "k3d",
    "k3s",
    "kubeadm",
    "containerd",
    "cri-o",
    "podman",
    "colima",
    "rancher-desktop",
    "shell",
)
"""Platforms that `occurs_on` and a recipe's variants name; "shell" is the person's own commands."""

ENGINES: tuple[str, ...] = (
    "docker",
    "containerd",
    "cri-o",
    "podman",
    "skopeo",
    "kubelet",
    "minikube",
    "kind",
    "k3d",
    "k3s",
    "kubeadm",
    "kubectl",
    "helm",
    "compose",
    "buildkit",
    "docker-desktop",
    "crane",
    "curl",
    "python",
    "java",
    "node",
    "system",
)
"""Programs whose words a rule may cover."""

_STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way the failure is worded. Named groups are facts. See docs/rules.md for the notation.

    A `vague` one says only that something failed: it counts where no other failure is found.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    id: str
    regex: str
    vague: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A record is hit when one of `any` is found, none of `none`, and its `context` is there."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    any: tuple[Pattern, ...]
    none: tuple[Pattern, ...] = ()
    context: str | None = None


@dataclass(frozen=True, slots=True)
class FactSpec:
    """The type of a fact, and whether the diagnosis makes sense without it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    type: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Detect:
    """The outcome of a step of the walk that is this failure, and how bad it is there."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    step: str
    outcome: tuple[str, ...]
    when: Condition | None = None
    severity: Literal["error", "warning", "info"] | None = None


@dataclass(frozen=True, slots=True)
class ProbeUse:
    """A probe that the verdict needs: `id` names its result, `use` its kind."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    id: str
    use: str
    with_: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Because:
    """One sentence per verdict that says what the probes showed."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    confirmed: Texts | None = None
    refuted: Texts | None = None
    inconclusive: Texts | None = None


@dataclass(frozen=True, slots=True)
class VerdictSpec:
    """When the probes confirm or refute the rule; neither: inconclusive."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    confirmed: Condition | None = None
    refuted: Condition | None = None
    because: Because = field(default_factory=Because)
    no_probe: str | None = None


@dataclass(frozen=True, slots=True)
class FixUse:
    """A recipe with its parameters, and the condition under which it helps.

    Where `auto` is given and does not hold, `kdoctor fix` takes the fix only when it is asked for by name.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    use: str
    with_: dict[str, str] = field(default_factory=dict)
    when: Condition | None = None
    auto: Condition | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A page that a look-up has shown to exist."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    url: str
    kind: Literal["docs", "issue", "source", "spec"]


@dataclass(frozen=True, slots=True)
class Positive:
    """A text that this rule wins, and the facts it must yield."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    engine: str
    text: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Negative:
    """A text that looks alike; `expect` is the rule that wins it, null for none."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    text: str
    expect: str | None = None


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts of the rule's own, run by `kdoctor rules test`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    positive: tuple[Positive, ...]
    negative: tuple[Negative, ...] = ()


@dataclass(frozen=True, slots=True)
class Expect:
    """What a scenario must come to: the verdict, and the first fix offered (null: none)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    verdict: Literal["confirmed", "refuted", "inconclusive"]
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Probe results in, verdict and fix out; no network. What is not given is unseen."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    given: dict[str, Any]
    expect: Expect
    facts: dict[str, str] = field(default_factory=dict)
    platform: str = "docker-engine"


@dataclass(frozen=True, slots=True)
class Rule:
    """One known failure."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    id: str
    layer: str
    severity: Literal["error", "warning", "info"]
    title: Texts
    why: Texts
    facts: dict[str, FactSpec]
    verdict: VerdictSpec
    fixes: tuple[FixUse, ...]
    references: tuple[Reference, ...]
    examples: Examples
    engines: tuple[str, ...]
    occurs_on: tuple[str, ...]
    match: Match | None = None
    supersedes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()
    detect: tuple[Detect, ...] = ()
    probes: tuple[ProbeUse, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    weak: bool = False


@dataclass(frozen=True, slots=True)
class EditSpec:
    """What `kdoctor fix` changes in a file, in the file's own format; keys and values are templates.

    json, toml, yaml: `set`, `add` and `remove` are trees as the file has them. `set` puts values; `add` puts
    items into lists (or words into a text with commas), with `first` before the others; `remove` takes items
    out of lists, and with `true` the key. environment: the variables of a shell's defaults file, an
    EnvironmentFile or a systemd unit, by name. ini: section, then key. resolv: the keywords of resolv.conf.
    `replace` puts one value for another wherever it stands. text: `content` is the whole file, or `copy`
    names one to copy (PEM certificates only), or `authority` is the fingerprint of a certificate that the
    registry showed, written only where --trust-ca names it; a file that is there already is not overwritten.
    `repair` mends the slips of hand-written JSON.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    file: str
    format: Literal["json", "toml", "yaml", "environment", "ini", "resolv", "text"]
    set: dict[str, Any] = field(default_factory=dict)
    add: dict[str, Any] = field(default_factory=dict)
    remove: dict[str, Any] = field(default_factory=dict)
    replace: dict[str, str] = field(default_factory=dict)
    content: str | None = None
    copy: str | None = None
    authority: str | None = None
    first: bool = False
    repair: bool = False


@dataclass(frozen=True, slots=True)
class RecipeStep:
    """One step: a sentence, with a command (argument vector), or a file and the lines to put there.

    `restart` and `reload` name a service: the step is this machine's way to do it. `edit` is what
    `kdoctor fix` does in place of `run`; with `do` it runs `run` itself, and `undo` takes that back;
    `later` tells that it counts from the next login on, so that nothing can be proven now. A `restart`
    follows an edit; with `do` it is the fix.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    text: Texts
    run: tuple[str, ...] | None = None
    file: str | None = None
    content: str | None = None
    restart: str | None = None
    reload: str | None = None
    edit: EditSpec | None = None
    do: bool = False
    undo: tuple[str, ...] | None = None
    later: bool = False
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """A recipe for one platform (or several): its steps, how to verify, and how well it is proven."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    on: tuple[str, ...]
    proof: Literal["lab", "source", "docs"] | None = None
    steps: tuple[RecipeStep, ...] = ()
    verify: tuple[str, ...] | None = None
    not_applicable: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """A fix, written once, used by many rules."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    id: str
    title: Texts
    risk: Literal["safe", "disruptive", "destructive", "weakens-trust"]
    variants: tuple[Variant, ...]
    params: dict[str, FactSpec] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Translation:
    """A rule's or recipe's texts in another language. `of` is the digest of the English texts.

    `steps` and `reasons` (`no_probe`, `not_applicable`) name the English sentence that each translates.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    id: str
    of: str
    title: Texts
    why: Texts | None = None
    because: Because | None = None
    steps: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
