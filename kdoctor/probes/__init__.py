"""Questions to the live system: bounded, read-only, each with a closed list of outcomes."""

import sys

# httpx imports its own command line where click, rich and pygments are installed: 35 ms of 55. It does
# without where that cannot be imported, and None says so (importlib's reference: sys.modules).
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
