"""What can go wrong between the provider and Azure."""

from typing import Any


class ProviderError(Exception):
    """A call of the provider failed; the message is for the person at `pulumi up`."""


class AzureError(ProviderError):
    """Azure refused a request."""

    def __init__(self, *, method: str, path: str, status: int, code: str, message: str) -> None:
        # The order in which azure-native and azcore print it, which people search the web for.
        super().__init__(
            f'{method} {path}: Status={status} Code="{code or "Unknown"}" Message="{message}"'
        )
        self.status = status
        self.code = code


class OperationFailedError(AzureError):
    """Azure accepted a request and failed at it afterwards."""


class HalfCreatedError(ProviderError):
    """Azure took the resource, and then failed to finish it: it is there, and has to be kept."""

    def __init__(
        self, reason: str, *, id_: str, inputs: dict[str, Any], outputs: dict[str, Any]
    ) -> None:
        super().__init__(reason)
        self.id = id_
        self.inputs = inputs
        self.outputs = outputs
