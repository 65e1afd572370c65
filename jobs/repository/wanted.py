"""What a new repository is to be: the answers that `init` was given, checked all at once."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from jobs.errors import UsageError
from jobs.suggestions import did_you_mean

Profile = Literal["dev", "standard", "private"]
PROFILES: tuple[Profile, ...] = get_args(Profile)

# As infra/access_settings.py and infra/config.py read them; GitHub's ids may stand behind an @.
_REPOSITORY = re.compile(r"[\w.-]+(@\d+)?/[\w.-]+(@\d+)?")
_STACK = re.compile(r"[a-z][a-z0-9]{1,6}")
_PROJECT = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A repository to be written."""

    repository: str
    """`OWNER/NAME`, or `OWNER@id/NAME@id` where GitHub's tokens carry the ids."""
    profile: str = "dev"
    stack: str = "prod"
    """Also the name of GitHub's environment whose reviewers agree to a merge."""
    location: str = "eastus2"
    project: str = ""
    """The hub's project; after the repository if empty."""
    group: str = ""
    """The object id of the group that may fine-tune by hand; empty for nobody."""
    email: str = ""
    """Who is told of budget and alerts, in the profiles that have them."""

    @property
    def name(self) -> str:
        """The repository's own name."""
        return self.repository.partition("/")[2].partition("@")[0]

    @property
    def called(self) -> str:
        """`OWNER/NAME`, without ids."""
        return f"{self.repository.partition('/')[0].partition('@')[0]}/{self.name}"

    @property
    def own_project(self) -> str:
        """The project's name."""
        return self.project or project_after(self.name)

    @property
    def has_budget(self) -> bool:
        """Whether its profile has a budget, whose e-mails go to somebody."""
        return self.profile != "dev"


def check(wanted: Wanted) -> None:
    """Refuse answers that no repository can be made of, all of them at once.

    Raises:
        UsageError: It says which, and what each may be.
    """
    wrong: list[str] = []
    named = _REPOSITORY.fullmatch(wanted.repository)
    if not named:
        wrong.append(f"--repository '{wanted.repository}': write it as OWNER/NAME")
    if wanted.profile not in PROFILES:
        hint = did_you_mean(wanted.profile, PROFILES)
        wrong.append(f"--profile '{wanted.profile}': one of {', '.join(PROFILES)}.{hint}")
    if not _STACK.fullmatch(wanted.stack):
        wrong.append(
            f"--stack '{wanted.stack}': a lower case letter, then 1 to 6 lower case letters or "
            "digits, as it becomes part of Azure's names"
        )
    if (named or wanted.project) and not _PROJECT.fullmatch(wanted.own_project):
        wrong.append(
            f"--project '{wanted.own_project}': 3 to 32 lower case letters, digits and dashes, a "
            "letter first"
        )
    if wanted.group and not _GUID.fullmatch(wanted.group):
        wrong.append(f"--group '{wanted.group}': an object id; az ad group show … --query id")
    if not re.fullmatch(r"[a-z0-9]+", wanted.location):
        wrong.append(f"--location '{wanted.location}': a region as Azure names it, eastus2")
    if wanted.profile in PROFILES and wanted.has_budget and not _EMAIL.fullmatch(wanted.email):
        wrong.append(
            f"--email '{wanted.email}': whom Azure tells of the {wanted.profile} profile's budget"
        )
    if wrong:
        listed = "".join(f"\n  {one}" for one in wrong)
        raise UsageError(
            f"No repository can be made of this; nothing was written:{listed}",
            next_step="foundry-tune init --help",
        )


def project_after(name: str) -> str:
    """A project's name after a repository's: `Phi_Support.v2` becomes `phi-support-v2`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32].rstrip("-")
