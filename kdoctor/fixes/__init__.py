"""Fixes that kdoctor makes itself: edits of files, their plan, the journal of what was done, and undoing it."""
