"""Registers an Azure resource provider with the subscription: a resource azure-native lacks.

Registration is a POST, and azure-native knows PUT only (pulumi-azure-native #1075). Its own
automatic registration starts when a resource of the namespace is made, which the guide's
Microsoft.Network never is.

Pulumi keeps a reference to `RegistrationProvider` in the state and loads it in another process.
So it must stay importable under this name, and it holds nothing: no credential, no client.
"""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from infra import arm

# What every stack touches. Microsoft.Authorization and Microsoft.Resources are built in.
NAMESPACES = (
    "Microsoft.CognitiveServices",
    "Microsoft.KeyVault",
    "Microsoft.MachineLearningServices",
    # The guide asks for it without a reason; presumably for the hub's managed network.
    "Microsoft.Network",
    "Microsoft.Storage",
)

API_VERSION = "2021-04-01"
PATIENCE_SECONDS = 600.0
LONGEST_PAUSE_SECONDS = 10.0
NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)+")


class ProviderRegistration(Resource):
    """One namespace, registered with one subscription, and never unregistered."""

    namespace: pulumi.Output[str]
    subscription_id: pulumi.Output[str]
    registration_state: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        namespace: pulumi.Input[str],
        subscription_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            RegistrationProvider(),
            name,
            {
                "namespace": namespace,
                "subscription_id": subscription_id,
                "registration_state": None,
            },
            opts,
        )


def register_all(
    subscription_id: str, namespaces: Sequence[str] = NAMESPACES
) -> Sequence[ProviderRegistration]:
    """Declare the registration of every namespace the stack touches."""
    return [
        ProviderRegistration(
            namespace.lower().replace(".", "-"),
            namespace=namespace,
            subscription_id=subscription_id,
        )
        for namespace in namespaces
    ]


class RegistrationProvider(ResourceProvider):
    """What Pulumi calls to create, read and forget a registration."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what can't be a namespace before anything is sent."""
        namespace = news.get("namespace")
        if isinstance(namespace, str) and not NAMESPACE.fullmatch(namespace):
            reason = f"{namespace!r} isn't a resource provider, such as Microsoft.Network"
            return CheckResult(news, [CheckFailure("namespace", reason)])
        return CheckResult(news, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another namespace or subscription is another registration; a lost one is renewed."""
        moved = [
            key for key in ("namespace", "subscription_id") if _olds.get(key) != _news.get(key)
        ]
        lost = _olds.get("registration_state") != "Registered"
        return DiffResult(
            changes=bool(moved) or lost, replaces=moved, stables=[], delete_before_replace=False
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Register the namespace and wait until Azure says that it is."""
        outs = self._register(props)
        return CreateResult(id_=_path(outs), outs=outs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Ask Azure for the state as it is now."""
        return ReadResult(id_, _outputs(props, registration_state(id_)))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Register again what was unregistered behind Pulumi's back."""
        return UpdateResult(self._register(_news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Leave it registered: it costs nothing, and others in the subscription may need it."""

    def _register(self, props: Mapping[str, Any]) -> dict[str, Any]:
        return _outputs(props, register(_path(props)))


def register(path: str) -> str:
    """Register the provider at the ARM `path` unless it is, and wait; returns "Registered"."""
    state = registration_state(path)
    if state == "Registered":
        return state
    state = _ask("POST", f"{path}/register")
    pause = 0.2  # Azure sends no Retry-After here, and takes from a second to some minutes
    deadline = time.monotonic() + PATIENCE_SECONDS
    while state != "Registered":
        if time.monotonic() > deadline:
            raise arm.ArmError(
                f"{path} is still {state!r} after {PATIENCE_SECONDS:.0f} s. "
                "Run `pulumi up` again: it goes on waiting where this left off."
            )
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        state = registration_state(path)
    return state


def registration_state(path: str) -> str:
    """What Azure says about the provider at the ARM `path`: Registered, Registering, …."""
    return _ask("GET", path)


def _ask(method: str, path: str) -> str:
    response = arm.send(method, path, {"api-version": API_VERSION})
    if response.status_code == 403:
        raise arm.refusal(
            response, f"{method} {path} (it takes Contributor or Owner on the subscription)"
        )
    if response.status_code != 200:
        raise arm.refusal(response, f"{method} {path}")
    return str(arm.body(response, f"{method} {path}").get("registrationState"))


def _path(props: Mapping[str, Any]) -> str:
    return f"/subscriptions/{props['subscription_id']}/providers/{props['namespace']}"


def _outputs(props: Mapping[str, Any], state: str) -> dict[str, Any]:
    return {
        "namespace": props["namespace"],
        "subscription_id": props["subscription_id"],
        "registration_state": state,
    }
