"""Which `pulumi` a rehearsed command finds, and which azure-native plugin that one finds.

A real CLI on PATH always wins. It looks for plugins on PATH before it looks among those that it has
installed, so ours must be out of its sight where the real one is there; and it must not try to
download any, since no packet leaves this machine.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_OURS = Path(__file__).parents[2] / "minipulumi" / "bin"
"""`pulumi`, and `pulumi-resource-azure-native`: stand-ins for what can't be downloaded offline."""


@dataclass(frozen=True, slots=True)
class Pulumi:
    """What there is of Pulumi on this machine."""

    cli: Path | None
    """The real CLI."""
    plugins: Path | None
    """Where it keeps its plugins, if the azure-native one that the program asks for is there."""

    @property
    def last_on_path(self) -> str:
        """What PATH ends with; empty where nothing of ours is needed."""
        return "" if self.cli and self.plugins else str(_OURS)

    @property
    def said(self) -> str:
        """Which one it is, in a line; empty where our own `pulumi` says so itself."""
        if not self.cli:
            return ""
        which = "its own" if self.plugins else "foundry-tune's stand-in for the"
        return f"pulumi is {self.cli}, with {which} azure-native plugin"

    def settle(self, home: Path) -> None:
        """Shows the CLI its plugins in the home that it is given for a rehearsal."""
        link = home / "plugins"
        if self.plugins and not link.exists():
            home.mkdir(parents=True, exist_ok=True)
            link.symlink_to(self.plugins)


def find_pulumi(parent: Mapping[str, str]) -> Pulumi:
    """Looks at PATH and at the CLI's home as the parent process sees them."""
    places = [p for p in parent.get("PATH", "").split(":") if p and Path(p).resolve() != _OURS]
    found = shutil.which("pulumi", path=":".join(places)) if places else None
    if found is None:
        return Pulumi(None, None)
    from importlib.metadata import PackageNotFoundError, version  # 20 ms, where there is a CLI

    home = parent.get("PULUMI_HOME") or f"{parent.get('HOME', '~')}/.pulumi"
    plugins = Path(home).expanduser() / "plugins"
    try:
        name = f"resource-azure-native-v{version('pulumi-azure-native')}"
    except PackageNotFoundError:
        return Pulumi(Path(found), None)
    installed = (plugins / name / "pulumi-resource-azure-native").is_file()
    return Pulumi(Path(found), plugins.resolve() if installed else None)
