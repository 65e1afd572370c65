"""How Azure ML's own layer words a refusal: `UserError`, with the real reason in `InnerError`.

The shape is that of a recorded session of the service (Azure/azure-sdk-assets,
test_custom_model_finetuning_job): ARM's envelope, `details` always there, and `additionalInfo`
with the component and an `InnerError` that says which rule was broken.
"""

from typing import Any

from emulator.state.errors import AzureError


def user_error(
    message: str,
    *,
    inner: str = "BadArgument",
    target: str | None = None,
    status: int = 400,
    code: str = "UserError",
) -> AzureError:
    """A refusal by the management front end of Azure ML."""
    info: list[dict[str, Any]] = [
        {"type": "ComponentName", "info": {"value": "managementfrontend"}},
        {"type": "InnerError", "info": {"value": {"code": inner, "innerError": None}}},
    ]
    return AzureError(
        status,
        code,
        message,
        target=target,
        headers={"x-ms-response-type": "error"},
        extra={"details": [], "additionalInfo": info},
    )
