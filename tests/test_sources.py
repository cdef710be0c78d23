"""Images of manifests, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdoctor.errors import UsageError
from kdoctor.sources import manifest, read_manifest

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      imagePullSecrets:
        - name: regcred
      initContainers:
        - name: init
          image: busybox:1.36
      containers:
        - name: app
          image: "nginx:1.25"
        - name: bare
      volumes:
        - name: model
          image: {reference: quay.io/models/x:1}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: night}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: alpine}]}}}}}
"""


def test_images_have_file_line_container_and_object() -> None:
    found = manifest(_DEPLOYMENT, "app.yaml")
    assert [(i.image, i.line, i.container, i.object) for i in found.images] == [
        ("busybox:1.36", 12, "init", "Deployment/web"),
        ("nginx:1.25", 15, "app", "Deployment/web"),
        ("quay.io/models/x:1", 19, "model", "Deployment/web"),
        ("alpine", 24, "c", "CronJob/night"),
    ]
    assert {i.file for i in found.images} == {"app.yaml"}
    assert found.pull_secrets == ("regcred",)


@pytest.mark.parametrize(
    "spec",
    [
        "kind: Pod\nspec: {containers: [{image: nginx}]}",
        "kind: Pod\nspec: {ephemeralContainers: [{image: nginx}], containers: []}",
        "kind: StatefulSet\nspec: {template: {spec: {containers: [{image: nginx}]}}}",
        "kind: DaemonSet\nspec: {template: {spec: {containers: [{image: nginx}]}}}",
        "kind: Job\nspec: {template: {spec: {containers: [{image: nginx}]}}}",
        "kind: Workflow\nspec: {deep: [{podTemplate: {spec: {containers: [{image: nginx}]}}}]}",
        "kind: List\nitems: [{kind: Pod, spec: {containers: [{image: nginx}]}}]",
        '{"kind": "PodList", "items": [{"kind": "Pod", "spec": {"containers": [{"image": "nginx"}]}}]}',
        "kind: Pod\nx: &c {image: nginx}\nspec: {containers: [*c]}",
        "kind: Pod\nx: &c {image: nginx}\nspec: {containers: [{<<: *c, name: a}]}",
    ],
)
def test_every_kind_of_pod_template(spec: str) -> None:
    assert [i.image for i in manifest(spec, "x.yaml").images] == ["nginx"]


@pytest.mark.parametrize(
    "text",
    [
        "kind: ConfigMap\ndata:\n  pod.yaml: |\n    spec: {containers: [{image: nginx}]}\n",
        "kind: CustomResourceDefinition\nspec: {containers: {type: array, items: {properties: {image: {type: text}}}}}",
        "kind: Service\nspec: {ports: []}",
        "",
        "---\n",
        "kind: Pod\nspec: {containers: [{image: null}]}",
    ],
)
def test_what_names_no_image(text: str) -> None:
    assert manifest(text, "x.yaml").images == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Pod\nspec:\n  containers: [\n", "x.yaml:4: this is no YAML"),
        ("{{- if .Values.on }}\nkind: Pod\n{{- end }}\n", "x.yaml:1: this is a Helm template"),
        ('kind: Pod\nspec:\n  containers:\n    - image: "{{ .Values.image }}"\n', "x.yaml:4: this is a Helm template"),
        ("just words\n", "x.yaml:1: this is no Kubernetes object"),
        ("- a\n- b\n", "x.yaml:1: this is no Kubernetes object"),
    ],
)
def test_what_is_no_manifest_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        manifest(text, "x.yaml")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_bomb_is_read_in_no_time() -> None:
    text = "a0: &a0 {containers: [{image: x}]}\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 25))
    assert [i.image for i in manifest(text, "x.yaml").images] == ["x"]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    with pytest.raises(UsageError, match="No such file"):
        read_manifest(path)
    path.write_bytes(b"\xef\xbb\xbfkind: Pod\r\nspec: {containers: [{image: nginx}]}\r\n")
    assert [(i.image, i.line) for i in read_manifest(path).images] == [("nginx", 2)]
    with pytest.raises(UsageError):
        read_manifest(tmp_path)
    path.write_bytes(b"x" * (9 * 1024 * 1024))
    with pytest.raises(UsageError, match="larger"):
        read_manifest(path)
