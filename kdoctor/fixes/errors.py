"""What stops a fix before, or in the midst of, a change."""

from __future__ import annotations

from kdoctor.errors import KdoctorError


class FixError(KdoctorError):
    """The fix cannot be made; the text says why and what to do. Nothing is left half done."""

    exit_status = 1


class RefusedError(FixError):
    """The fix needs a yes that was not given: a flag, or somebody at a terminal."""

    exit_status = 2


class NotEditableError(FixError):
    """A file is not what its format wants, or not what the edit expects."""
