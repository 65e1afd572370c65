"""The environment by which a process enters an emulator that is up."""

from collections.abc import Mapping

from emulator.rehearsal.environment import child_environment
from emulator.rehearsal.pulumi import find_pulumi
from emulator.rehearsal.session import Session


def environment_of(session: Session, parent: Mapping[str, str]) -> dict[str, str]:
    """The parent's environment, with Azure emulated; Pulumi's home is made ready for it."""
    find_pulumi(parent).settle(session.address.pulumi_home)
    return child_environment(parent, session.address, session.identities, date=session.date)
