"""The functions of azure-native that a program may call, by their tokens."""

from collections.abc import Callable, Mapping

from minipulumi.azure_native import credentials, resource_types
from minipulumi.azure_native.arm import Arm
from minipulumi.azure_native.credentials import Account
from minipulumi.azure_native.errors import ProviderError
from minipulumi.values import Props, mark

Function = Callable[[Props, Account, Arm], Props]


def _client_config(_: Props, account: Account, arm: Arm) -> Props:
    """Who is signed in."""
    return credentials.client_config(account, arm.token())


def _storage_account_keys(args: Props, account: Account, arm: Arm) -> Props:
    """The keys of a storage account, as secrets."""
    type_ = resource_types.find("azure-native:storage:StorageAccount")
    problems = [f"{name} is missing" for name in type_.names if not isinstance(args.get(name), str)]
    problems += [f"{name} isn't covered" for name in sorted(args.keys() - type_.names)]
    if problems:
        raise ProviderError(f"listStorageAccountKeys: {problems[0]}")
    path = f"{type_.id(account.subscription_id, args)}/listKeys"
    return {"keys": mark(arm.post(path, type_.api_version).get("keys", []))}


FUNCTIONS: Mapping[str, Function] = {
    "azure-native:authorization:getClientConfig": _client_config,
    "azure-native:storage:listStorageAccountKeys": _storage_account_keys,
}
