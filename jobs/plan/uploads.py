"""What is uploaded already, data and code, downloaded and hashed: what `--verify-data` looks at.

Without it a file that is there is known by the size and the MD5 that Azure keeps beside it, and
whoever may write to the storage account may write both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from jobs.foundry import data, projects
from jobs.foundry import uploads as folders
from jobs.foundry.projects import Datastore
from jobs.foundry.session import Session
from jobs.plan.desired import Desired
from jobs.plan.running import CodeVersion
from jobs.plan.undertaking import DataVersion
from jobs.side_by_side import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file or folder of the spec, and what lies where its content belongs."""

    content: DataVersion | CodeVersion
    sha256: str
    """Of what was downloaded; empty where there is nothing."""

    @property
    def is_intact(self) -> bool:
        """Whether it is what its name says."""
        return self.sha256 == self.content.digest.sha256


def is_spoiled(upload: Upload, is_registered: bool) -> bool:
    """Whether it isn't what its name says, or is gone though the project has it registered."""
    if upload.sha256:
        return not upload.is_intact
    return is_registered


def verify(session: Session, desired: Desired) -> Mapping[str, Upload]:
    """Every local file's and folder's upload, by its label; nothing is written."""
    wanted = (*desired.data, *desired.codes)
    if not wanted:
        return {}
    datastore = projects.default_datastore(session)
    with Pool(4) as pool:
        found = pool.map(partial(_look, session, datastore), wanted)
    return {upload.content.label: upload for upload in found}


def _look(session: Session, datastore: Datastore, wanted: DataVersion | CodeVersion) -> Upload:
    if wanted.folder is not None:
        return Upload(content=wanted, sha256=folders.uploaded(session, datastore, wanted.folder))
    sha256 = data.uploaded(session, datastore, wanted.digest, wanted.name)
    return Upload(content=wanted, sha256=sha256)
