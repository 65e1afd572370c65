"""Where the state is that a shell means, and which emulator has it."""

from dataclasses import dataclass
from pathlib import Path

from emulator.rehearsal import session
from emulator.rehearsal.session import Session
from emulator.state.directory import holder

DEFAULT_STATE = ".foundry-emulator"
MEMORY = ":memory:"


@dataclass(frozen=True, slots=True)
class Place:
    """A state folder, as it is in this moment.

    The lock says who is alive, and the system gives it up with its process: a file with the number
    of a process that has died, or that is another's by now, deceives nobody.
    """

    state: Path
    session: Session | None
    """What the last started emulator wrote."""
    holder: int | None
    """The process of the emulator that has the folder."""

    @property
    def started(self) -> Session | None:
        """The emulator that `start` made, if it is up."""
        up = self.session and self.holder is not None and self.session.pid == self.holder
        return self.session if up else None

    @property
    def crashed(self) -> Session | None:
        """The emulator that ended without being stopped, if the last one did."""
        left = self.holder is None and self.session and self.session.pid is not None
        return self.session if left else None

    @property
    def log(self) -> Path:
        """What it writes."""
        return self.state / "log"


def look(given: str | None = None) -> Place:
    """The place that `--state` names, or that belongs to the current folder."""
    state = Path(given) if given else default_state()
    if given == MEMORY:
        return Place(state, None, None)
    # The holder first: one that ends meanwhile has then noted that it did.
    has_it = holder(state)
    return Place(state, session.read(state), has_it)


def default_state() -> Path:
    """The nearest state folder up to the checkout's root; where there is none yet, at that root."""
    here = Path.cwd()
    folders = (here, *here.parents)
    roots = [number for number, folder in enumerate(folders) if (folder / ".git").exists()]
    within = folders[: roots[0] + 1] if roots else (here,)
    found = [folder / DEFAULT_STATE for folder in within if (folder / DEFAULT_STATE).is_dir()]
    state = found[0] if found else within[-1] / DEFAULT_STATE
    return Path(DEFAULT_STATE) if state.parent == here else state
