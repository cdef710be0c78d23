"""Rules: one known failure in one YAML file; loaded, matched, judged, linted here."""
