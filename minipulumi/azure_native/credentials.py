"""Who the provider is to Azure: the settings and the order of azure-native itself."""

import base64
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minipulumi.azure_native.errors import ProviderError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

# `pulumi config set azure-native:<key>` and the environment variable that stands in for it.
SETTINGS: Mapping[str, str] = {
    "subscriptionId": "ARM_SUBSCRIPTION_ID",
    "tenantId": "ARM_TENANT_ID",
    "clientId": "ARM_CLIENT_ID",
    "clientSecret": "ARM_CLIENT_SECRET",
    "useOidc": "ARM_USE_OIDC",
    "oidcToken": "ARM_OIDC_TOKEN",
    "oidcTokenFilePath": "ARM_OIDC_TOKEN_FILE_PATH",
    "oidcAudience": "ARM_OIDC_AUDIENCE",
    "oidcRequestUrl": "ACTIONS_ID_TOKEN_REQUEST_URL",
    "oidcRequestToken": "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "useMsi": "ARM_USE_MSI",
    "useDefaultAzureCredential": "ARM_USE_DEFAULT_AZURE_CREDENTIAL",
    "location": "ARM_LOCATION",
}


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of one provider, from the stack's configuration or the environment."""

    settings: Mapping[str, str]

    @property
    def subscription_id(self) -> str:
        """The subscription that everything is made in."""
        if found := self.settings.get("subscriptionId"):
            return found
        raise ProviderError(
            "No subscription is set. Set ARM_SUBSCRIPTION_ID, "
            "or: pulumi config set azure-native:subscriptionId <id>"
        )

    @property
    def location(self) -> str | None:
        """Where a resource is made that doesn't say."""
        return self.settings.get("location")

    def is_on(self, key: str) -> bool:
        """Whether a switch is set."""
        return self.settings.get(key, "").lower() in ("true", "1")

    def credential(self) -> "TokenCredential":
        """The identity to sign in with: secret, OIDC, managed identity, then all the others."""
        import azure.identity

        tenant, client = self.settings.get("tenantId"), self.settings.get("clientId")
        if self.is_on("useDefaultAzureCredential"):
            return azure.identity.DefaultAzureCredential()
        if tenant and client:
            if secret := self.settings.get("clientSecret"):
                return azure.identity.ClientSecretCredential(tenant, client, secret)
            if self.is_on("useOidc"):
                token = functools.partial(_oidc_token, self.settings)
                return azure.identity.ClientAssertionCredential(tenant, client, token)
        if self.is_on("useMsi"):
            return azure.identity.ManagedIdentityCredential(client_id=client)
        return azure.identity.DefaultAzureCredential()


def account(variables: Mapping[str, str], environment: Mapping[str, str]) -> Account:
    """Join the stack's `azure-native:*` configuration with the environment; the former wins."""
    settings: dict[str, str] = {}
    for key, variable in SETTINGS.items():
        if value := variables.get(f"azure-native:config:{key}") or environment.get(variable):
            settings[key] = value
    return Account(settings)


def client_config(account: Account, token: str) -> dict[str, Any]:
    """What `getClientConfig` answers; the object id is in the token that Azure gave."""
    claims = _claims(token)
    return {
        "clientId": account.settings.get("clientId")
        or claims.get("appid")
        or claims.get("azp", ""),
        "objectId": claims.get("oid", ""),
        "subscriptionId": account.subscription_id,
        "tenantId": account.settings.get("tenantId") or claims.get("tid", ""),
    }


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    return json.loads(base64.urlsafe_b64decode(padded))


def _oidc_token(settings: Mapping[str, str]) -> str:
    """The pipeline's own token: given, in a file that is renewed, or asked of GitHub."""
    if token := settings.get("oidcToken"):
        return token
    if file := settings.get("oidcTokenFilePath"):
        return Path(file).read_text(encoding="utf-8").strip()
    url, bearer = settings.get("oidcRequestUrl"), settings.get("oidcRequestToken")
    if not url or not bearer:
        raise ProviderError(
            "ARM_USE_OIDC is set, but there is no token. Set ARM_OIDC_TOKEN or "
            "ARM_OIDC_TOKEN_FILE_PATH, or give the GitHub job `permissions: id-token: write`."
        )
    from azure.core import PipelineClient
    from azure.core.rest import HttpRequest

    client: PipelineClient[Any, Any] = PipelineClient(url, policies=[])
    response = client.send_request(
        HttpRequest(
            "GET",
            url,
            params={"audience": settings.get("oidcAudience", "api://AzureADTokenExchange")},
            headers={"Authorization": f"Bearer {bearer}"},
        )
    )
    response.raise_for_status()
    return str(response.json()["value"])
