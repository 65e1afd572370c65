"""The few things that Azure ML does with blobs, on the emulator's storage service."""

from emulator.services.storage import accounts, blobs, signatures
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.store import Resource

find_account = accounts.find_account


def ensure_container(cloud: Cloud, account: Resource, container: str) -> None:
    """Make a container that may be there already."""
    blobs.ensure_container(cloud, account.name, container)


def exists(cloud: Cloud, account: Resource, container: str, path: str) -> bool:
    """Whether there is a blob at a path."""
    return blobs.find(cloud, account.name, container, path) is not None


def read(cloud: Cloud, account: Resource, container: str, path: str) -> bytes:
    """A blob's content."""
    content = blobs.read(cloud, account.name, container, path)
    if content is None:
        raise AzureError(404, "BlobNotFound", f"There is no blob '{path}' in '{container}'.")
    return content


def write(
    cloud: Cloud,
    account: Resource,
    container: str,
    path: str,
    content: bytes,
    content_type: str = "application/octet-stream",
) -> None:
    """Write a blob, over whatever was there; its container is made when it is gone."""
    blobs.ensure_container(cloud, account.name, container)
    blobs.write(
        cloud, account.name, container, path, content, headers={"content-type": content_type}
    )


def listing(cloud: Cloud, account: Resource, container: str, prefix: str) -> list[str]:
    """The paths of the blobs below a prefix."""
    return blobs.names(cloud, account.name, container, prefix)


def account_key(account: Resource) -> str:
    """An access key of the account."""
    return accounts.account_keys(account)[0]


def allows_keys(account: Resource) -> bool:
    """Whether the account takes keys, and what is signed with them."""
    return account.properties.get("allowSharedKeyAccess") is not False


def container_sas(cloud: Cloud, account: Resource, container: str, hours: float) -> str:
    """A signature that reads, writes and lists a whole container for some hours."""
    token = signatures.sas_token(
        cloud, account.name, container, permissions="rcwdl", seconds=hours * 3600
    )
    return f"?{token}"


def signed_url(
    cloud: Cloud,
    account: Resource,
    container: str,
    path: str,
    hours: float,
    permissions: str = "r",
) -> str:
    """An address that opens one blob, without another credential, for some hours."""
    return signatures.sas_url(
        cloud, account.name, container, path, permissions=permissions, seconds=hours * 3600
    )
