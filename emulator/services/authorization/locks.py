"""Management locks, at any scope; `arm/locks.py` says what they hold."""

from emulator.arm.locks import CAN_NOT_DELETE, LOCK, READ_ONLY
from emulator.arm.types import Change, Delete, Put, ResourceType
from emulator.state.errors import bad_request

API_VERSIONS = ("2015-01-01", "2016-09-01", "2017-04-01", "2020-05-01")
_LEVELS = (CAN_NOT_DELETE, READ_ONLY)
_MOST_NOTES = 512


def _validate(change: Change) -> None:
    level = change.properties.get("level")
    if level not in _LEVELS:
        raise bad_request(
            f"The lock level '{level}' is not valid. Valid levels are {', '.join(_LEVELS)}.",
            "InvalidLockLevel",
        )
    notes = change.properties.get("notes", "")
    if not isinstance(notes, str) or len(notes) > _MOST_NOTES:
        raise bad_request(f"A lock's notes have at most {_MOST_NOTES} characters.", "InvalidLock")


TYPES = (
    ResourceType(
        name=LOCK,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200),
        delete=Delete(deleted=200, absent=204),
        provisioning_state=False,
        system_data=True,
        name_pattern=r"[^<>%&:\\?/]{1,260}",
        validate=_validate,
    ),
)
