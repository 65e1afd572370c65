"""What Azure refuses, as one exception that every plane renders in its own envelope."""

from typing import Any


class AzureError(Exception):
    """A refusal with Azure's status, code and message.

    Raise it anywhere below a handler: ARM renders `{"error": {...}}`, the blob plane XML, …
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = details or []
        self.headers = headers or {}
        self.extra = extra or {}

    def body(self) -> dict[str, Any]:
        """The inside of ARM's error envelope."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details:
            error["details"] = self.details
        return error | self.extra


def not_emulated(what: str, instead: str) -> AzureError:
    """Refuse, by name, something that Azure has and the emulator has not."""
    return AzureError(501, "NotEmulated", f"foundry-emulator does not emulate {what}. {instead}")


def bad_request(message: str, code: str = "BadRequest", target: str | None = None) -> AzureError:
    """A plain 400."""
    return AzureError(400, code, message, target=target)


def resource_not_found(type_and_name: str, group: str | None) -> AzureError:
    """ARM's 404 for a resource, worded as its gateway does."""
    where = f" under resource group '{group}'" if group else ""
    return AzureError(
        404,
        "ResourceNotFound",
        f"The Resource '{type_and_name}'{where} was not found. For more details please go to "
        "https://aka.ms/ARMResourceNotFoundFix",
        headers={"x-ms-failure-cause": "gateway"},
    )


def group_not_found(name: str) -> AzureError:
    """ARM's 404 for a resource group."""
    return AzureError(
        404,
        "ResourceGroupNotFound",
        f"Resource group '{name}' could not be found.",
        headers={"x-ms-failure-cause": "gateway"},
    )


def subscription_not_found(subscription: str) -> AzureError:
    """ARM's 404 for a subscription."""
    return AzureError(
        404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found."
    )
