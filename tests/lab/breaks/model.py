"""What a break is: one thing wrong in the lab, its true cause, and the words it leads to."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..lab import Lab


@dataclass(frozen=True, slots=True)
class Witness:
    """What a program said about a break."""

    ok: bool
    """Whether the program did what it was asked to."""
    text: str
    seconds: float


def pulling(lab: Lab, image: str) -> tuple[bool, str]:
    """Ask for the image with `docker pull`."""
    return lab.pull(image)


@dataclass(frozen=True, slots=True)
class Break:
    """One fault. `apply` starts from the healed lab and breaks exactly one thing."""

    id: str
    group: str
    expect: str
    """The class of the true root cause, an id of the taxonomy."""
    words: str
    """Pattern found in the text, unless the wrong thing was broken."""
    apply: Callable[[Lab], None]
    also: tuple[str, ...] = ()
    """Classes that may truly be named as well: what the text itself says, consequences."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Facts of the root cause that a diagnosis should have right."""
    image: str = "alpine"
    note: str = ""
    text_from: Callable[[Lab, str], tuple[bool, str]] = pulling
    """How the words are obtained: the lab and `image` in; worked or not, and the words, out."""
    pull_works: bool = False
    user: str | None = None
    """Who meets the failure, and so runs kdoctor; None is root."""
    needs: tuple[str, ...] = ()
    """Programs without which this break cannot be shown."""

    def missing(self) -> str | None:
        """Return why this break cannot be shown on this machine, or None."""
        absent = [name for name in self.needs if shutil.which(name) is None]
        return f"{self.id} needs {', '.join(absent)}" if absent else None

    def witness(self, lab: Lab) -> Witness:
        """Get the words of this break, which has been applied."""
        begun = time.monotonic()
        ok, text = self.text_from(lab, self.image)
        return Witness(ok, text, time.monotonic() - begun)
