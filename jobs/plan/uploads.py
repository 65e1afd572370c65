"""What is uploaded already, downloaded and hashed: what `--verify-data` looks at.

Without it a file that is there is known by the size and the MD5 that Azure keeps beside it, and
whoever may write to the storage account may write both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from jobs.foundry import data, projects
from jobs.foundry.projects import Datastore
from jobs.foundry.session import Session
from jobs.plan.assets import Standing
from jobs.plan.desired import DataVersion, Desired
from jobs.side_by_side import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file of the spec, and what lies where its content belongs."""

    data: DataVersion
    sha256: str
    """Of what was downloaded; empty where there is nothing."""

    @property
    def is_intact(self) -> bool:
        """Whether it is what its name says."""
        return self.sha256 == self.data.digest.sha256


def is_spoiled(upload: Upload, standing: Standing | None) -> bool:
    """Whether it isn't what its name says, or is gone though the project has it registered."""
    if upload.sha256:
        return not upload.is_intact
    return standing == "active"


def verify(session: Session, desired: Desired) -> Mapping[str, Upload]:
    """Every local file's upload, by the data's label; nothing is written."""
    if not desired.data:
        return {}
    datastore = projects.default_datastore(session)
    with Pool(4) as pool:
        found = pool.map(partial(_look, session, datastore), desired.data)
    return {upload.data.label: upload for upload in found}


def _look(session: Session, datastore: Datastore, wanted: DataVersion) -> Upload:
    sha256 = data.uploaded(session, datastore, wanted.digest, wanted.name)
    return Upload(data=wanted, sha256=sha256)
