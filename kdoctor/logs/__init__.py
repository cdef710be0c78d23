"""Logs as sources: files with their rotated parts, the journal, an engine's events, what a run left behind."""
