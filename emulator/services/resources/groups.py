"""Resource groups. Deleting one deletes everything in it, as a long-running operation."""

from emulator.arm import filters
from emulator.arm.types import Delete, Polling, Put, ResourceType, Selection
from emulator.http.messages import Request
from emulator.state.ids import RESOURCE_GROUP, SUBSCRIPTION
from emulator.state.store import Resource

# Every version that pulumi-azure-native 3.29, azure-mgmt-resource 26 and azure-ai-ml 1.35 know.
API_VERSIONS = (
    "2015-11-01", "2016-02-01", "2016-07-01", "2016-09-01", "2017-05-10", "2018-02-01",
    "2018-05-01", "2019-03-01", "2019-05-01", "2019-05-10", "2019-07-01", "2019-08-01",
    "2019-10-01", "2020-06-01", "2020-08-01", "2020-10-01", "2021-01-01", "2021-04-01",
    "2022-09-01", "2023-07-01", "2024-03-01", "2024-07-01", "2024-11-01", "2025-03-01",
    "2025-04-01",
)  # fmt: skip


def visible(request: Request) -> Selection:
    """The groups of a list in which the caller has a role, by tag where one is asked for."""
    access = request.cloud.access
    wanted = filters.terms(request.option("$filter"), filters.TAGS)

    def keeps(group: Resource) -> bool:
        return access.sees(request.caller, group.id) and filters.has_tag(group, wanted)

    return Selection(keeps=keeps)


TYPES = (
    # Only so that the table knows the scope; the routes of subscriptions.py answer on it.
    ResourceType(name=SUBSCRIPTION, api_versions=API_VERSIONS, put=None, delete=None),
    ResourceType(
        name=RESOURCE_GROUP,
        # Permissions name it below its subscription; bodies don't.
        shown_type="Microsoft.Resources/resourceGroups",
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200),
        delete=Delete(deleted=202, absent=404, polling=Polling.LOCATION),
        patch=True,
        located=True,
        name_pattern=r"[-\w.()]{0,89}[-\w()]",
        name_error=(
            "InvalidResourceGroup",
            "The provided resource group name '{name}' has these invalid characters or is too "
            "long. The name can only be a letter, digit, '-', '.', '(', ')' or '_', up to 90 of "
            "them, and can't end with a period.",
        ),
        filtered_list=True,
        select=visible,
        list_options=("$filter",),
    ),
)
