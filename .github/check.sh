#!/usr/bin/env bash
# What action.yml runs: install kdoctor from the action's own checkout, check, annotate.
set -euo pipefail
environment="${RUNNER_TEMP:-/tmp}/kdoctor-venv"
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check -c "$KDOCTOR_ACTION/constraints.txt" "$KDOCTOR_ACTION"
report="${RUNNER_TEMP:-/tmp}/kdoctor-report.json"
arguments=(--fail-on "$KDOCTOR_FAIL_ON" --timeout "$KDOCTOR_TIMEOUT" -o github -o "json=$report")
add() { # add OPTION LINES: one option a line that is not empty
  local line
  while IFS= read -r line; do
    if [ -n "$line" ]; then arguments+=("$1=$line"); fi
  done <<<"$2"
}
add --manifest "$KDOCTOR_MANIFESTS"
add --image "$KDOCTOR_IMAGES"
add --registry "$KDOCTOR_REGISTRIES"
add --for "$KDOCTOR_FOR"
if [ "$KDOCTOR_ALLOW" = true ]; then arguments+=(--allow-inconclusive); fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "report=$report" >>"$GITHUB_OUTPUT"; fi
exec "$environment/bin/kdoctor" check "${arguments[@]}"
