"""The fault lab: a small internet on one machine, in which one thing at a time is broken."""

from .lab import Lab
from .requirements import unavailable

__all__ = ["Lab", "unavailable"]
