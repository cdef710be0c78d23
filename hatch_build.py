"""Build hook: the rules go into the wheel compiled (see kdoctor.rules.book), with their YAML beside."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledRules(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles `rules/` once, when the wheel is built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the compiled rules and their sources to the wheel; an editable install reads `rules/` itself."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from kdoctor.rules.book import write_compiled
        from kdoctor.rules.compiling import compile_folder

        self._folder = tempfile.TemporaryDirectory()
        target = Path(self._folder.name)
        write_compiled(target, *compile_folder(root / "rules"))
        included = build_data["force_include"]
        for name in ("index.json", "details.json"):
            included[str(target / name)] = f"kdoctor/_rules/{name}"
        for file in sorted((root / "rules").rglob("*.yaml")):
            included[str(file)] = f"kdoctor/_rules/{file.relative_to(root / 'rules').as_posix()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled."""
        del version, build_data, artifact_path
        folder = getattr(self, "_folder", None)
        if folder is not None:
            folder.cleanup()
