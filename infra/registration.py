"""Registers an Azure resource provider with the subscription: a resource azure-native lacks.

Registration is a POST, and azure-native knows PUT only (pulumi-azure-native #1075). Its own
automatic registration starts when a resource of the namespace is made, which the guide's
Microsoft.Network never is.

Pulumi keeps a reference to `RegistrationProvider` in the state and loads it in another process.
So it must stay importable under this name, and it holds nothing: no credential, no client.
"""

import functools
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.mgmt.core import ARMPipelineClient

# Every namespace the stack touches. Microsoft.Authorization and Microsoft.Resources are built in.
NAMESPACES = (
    "Microsoft.CognitiveServices",
    "Microsoft.KeyVault",
    "Microsoft.MachineLearningServices",
    # The guide asks for it: the hub's managed network and private endpoints are made through it.
    "Microsoft.Network",
    "Microsoft.Storage",
)

ARM = "https://management.azure.com"
API_VERSION = "2021-04-01"
PATIENCE_SECONDS = 600.0
LONGEST_PAUSE_SECONDS = 10.0
NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)+")


class RegistrationError(Exception):
    """Azure didn't register the provider."""


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


def register_all(subscription_id: str) -> Sequence[ProviderRegistration]:
    """Declare the registration of every namespace the stack touches."""
    return [
        ProviderRegistration(
            namespace.lower().replace(".", "-"),
            namespace=namespace,
            subscription_id=subscription_id,
        )
        for namespace in NAMESPACES
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
        return ReadResult(id_, _outputs(props, registration_state(_client(), id_)))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Register again what was unregistered behind Pulumi's back."""
        return UpdateResult(self._register(_news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Leave it registered: it costs nothing, and others in the subscription may need it."""

    def _register(self, props: Mapping[str, Any]) -> dict[str, Any]:
        return _outputs(props, register(_client(), _path(props)))


def register(client: "ARMPipelineClient[Any, Any]", path: str) -> str:
    """Register the provider at the ARM `path` unless it is, and wait; returns "Registered"."""
    state = registration_state(client, path)
    if state == "Registered":
        return state
    state = _ask(client, "POST", f"{path}/register")
    pause = 0.2  # Azure sends no Retry-After here, and takes from a second to some minutes
    deadline = time.monotonic() + PATIENCE_SECONDS
    while state != "Registered":
        if time.monotonic() > deadline:
            raise RegistrationError(
                f"{path} is still {state!r} after {PATIENCE_SECONDS:.0f} s. "
                "Run `pulumi up` again: it goes on waiting where this left off."
            )
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        state = registration_state(client, path)
    return state


def registration_state(client: "ARMPipelineClient[Any, Any]", path: str) -> str:
    """What Azure says about the provider at the ARM `path`: Registered, Registering, …."""
    return _ask(client, "GET", path)


def _ask(client: "ARMPipelineClient[Any, Any]", method: str, path: str) -> str:
    from azure.core.exceptions import HttpResponseError
    from azure.core.rest import HttpRequest

    request = HttpRequest(method, f"{ARM}{path}", params={"api-version": API_VERSION})
    response = client.send_request(request)
    if response.status_code != 200:
        error = HttpResponseError(response=response)
        hint = (
            " Registering needs Contributor or Owner on the subscription."
            if response.status_code == 403
            else ""
        )
        reason = error.error.message if error.error else error.message
        raise RegistrationError(f"{method} {path}: {reason}{hint}")
    return str(response.json()["registrationState"])


@functools.cache
def _client() -> "ARMPipelineClient[Any, Any]":
    """One client, and with it one token, for all registrations of the process."""
    from azure.core.pipeline.policies import RetryPolicy, UserAgentPolicy
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

    return ARMPipelineClient(
        ARM,
        policies=[
            UserAgentPolicy("foundry-tune"),
            RetryPolicy(),
            ARMChallengeAuthenticationPolicy(credential(os.environ), f"{ARM}/.default"),
        ],
    )


def credential(environment: Mapping[str, str]) -> "TokenCredential":
    """The identity that azure-native uses, so that one sign-in serves the whole `pulumi up`."""
    import azure.identity

    tenant, client = environment.get("ARM_TENANT_ID"), environment.get("ARM_CLIENT_ID")
    if tenant and client:
        if secret := environment.get("ARM_CLIENT_SECRET"):
            return azure.identity.ClientSecretCredential(tenant, client, secret)
        if environment.get("ARM_USE_OIDC", "").lower() == "true":
            return azure.identity.ClientAssertionCredential(
                tenant, client, functools.partial(_oidc_token, environment)
            )
    if environment.get("ARM_USE_MSI", "").lower() == "true":
        return azure.identity.ManagedIdentityCredential(client_id=client)
    return azure.identity.DefaultAzureCredential()


def _oidc_token(environment: Mapping[str, str]) -> str:
    """The pipeline's own token: given, in a file that is renewed, or asked of GitHub."""
    if token := environment.get("ARM_OIDC_TOKEN"):
        return token
    if file := environment.get("ARM_OIDC_TOKEN_FILE_PATH"):
        from pathlib import Path

        return Path(file).read_text(encoding="utf-8").strip()
    url = environment.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    bearer = environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not bearer:
        raise RegistrationError(
            "ARM_USE_OIDC is set, but there is no token. Set ARM_OIDC_TOKEN or "
            "ARM_OIDC_TOKEN_FILE_PATH, or give the GitHub job `permissions: id-token: write`."
        )
    from azure.core import PipelineClient
    from azure.core.rest import HttpRequest

    audience = environment.get("ARM_OIDC_AUDIENCE", "api://AzureADTokenExchange")
    client: PipelineClient[Any, Any] = PipelineClient(url, policies=[])
    request = HttpRequest(
        "GET", url, params={"audience": audience}, headers={"Authorization": f"Bearer {bearer}"}
    )
    response = client.send_request(request)
    response.raise_for_status()
    return str(response.json()["value"])


def _path(props: Mapping[str, Any]) -> str:
    return f"/subscriptions/{props['subscription_id']}/providers/{props['namespace']}"


def _outputs(props: Mapping[str, Any], state: str) -> dict[str, Any]:
    return {
        "namespace": props["namespace"],
        "subscription_id": props["subscription_id"],
        "registration_state": state,
    }
