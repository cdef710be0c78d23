"""The faults that the lab can show, by id."""

from typing import Final

from . import answers, here, proxy, registry, resolver, tls
from .model import Break, Witness

BREAKS: Final = {
    fault.id: fault for module in (proxy, resolver, registry, tls, answers, here) for fault in module.BREAKS
}

__all__ = ["BREAKS", "Break", "Witness"]
