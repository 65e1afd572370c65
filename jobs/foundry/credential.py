"""Who signs in: the environment's service principal, a pipeline's own identity, or `az login`.

No secret is read here: azure-identity takes it from the environment and keeps it.
"""

import base64
import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.errors import SignInError, UnreachableError
from jobs.foundry import pipeline_credential
from jobs.values import mapping

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

MANAGEMENT_SCOPE = "https://management.azure.com/.default"
_SERVICE_PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


def sign_in() -> "TokenCredential":
    """A credential that has just been given a token, so that later calls don't discover a typo."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError
    from azure.identity import CredentialUnavailableError, DefaultAzureCredential

    # The chain logs each attempt at WARNING, and msal an odd answer with its traceback; the one
    # message below says what matters.
    for name in ("azure.identity", "msal"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        credential = pipeline_credential.own_token() or DefaultAzureCredential(
            exclude_powershell_credential=True,
            exclude_shared_token_cache_credential=True,
            exclude_visual_studio_code_credential=True,
            process_timeout=20,
        )
    except ValueError as error:
        # A variable that is set to nothing, as CI does with a secret that it doesn't have.
        raise SignInError(
            "The credential in the environment can't be used.", next_step=_what_to_set()
        ) from error
    try:
        credential.get_token(MANAGEMENT_SCOPE)
    except CredentialUnavailableError as error:
        raise SignInError("No credential for Azure was found.", next_step=_what_to_set()) from error
    except ClientAuthenticationError as error:
        in_task = pipeline_credential.is_pipelines_task()
        if not in_task and not any(os.environ.get(name) for name in _SERVICE_PRINCIPAL):
            raise SignInError(
                "No credential for Azure was found.", next_step=_what_to_set()
            ) from error
        client = os.environ.get(f"AZURE{'SUBSCRIPTION' * in_task}_CLIENT_ID", "")
        raise SignInError(
            f"Microsoft Entra ID refuses to sign in client '{client}': {_entra_words(error)}",
            next_step=_what_to_set(),
        ) from error
    except AzureError as error:
        raise UnreachableError(
            "Microsoft Entra ID could not be reached to sign in.",
            next_step="Check the network and HTTPS_PROXY, then run the same command again.",
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        # msal takes what comes for Entra's JSON; a portal's page ends in its own errors.
        raise SignInError(
            "What answered the sign-in is not Microsoft Entra ID.",
            next_step="Is there a proxy or a sign-in page between? Open any web page to see.",
        ) from error
    return credential


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed in, as role assignments name them; empty where the token doesn't say it."""

    object_id: str = ""
    principal_type: str = ""
    """`ServicePrincipal` or `User`."""


def caller(credential: "TokenCredential") -> Caller:
    """Who signed in, by the token that Entra gave."""
    parts = credential.get_token(MANAGEMENT_SCOPE).token.split(".")
    if len(parts) != 3:
        return Caller()
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return Caller()
    found = mapping(claims) or {}
    if not found.get("oid"):
        return Caller()
    kind = "ServicePrincipal" if found.get("idtyp") == "app" else "User"
    return Caller(str(found["oid"]), kind)


def _what_to_set() -> str:
    if pipeline_credential.is_workflow_job() or pipeline_credential.is_pipelines_task():
        return (
            "The stack's `identities` say whose tokens sign in as that client (its output "
            "identityClientIds): repository, environment, branch or pull request, to the letter."
        )
    missing = [name for name in _SERVICE_PRINCIPAL if not os.environ.get(name)]
    if missing and len(missing) < len(_SERVICE_PRINCIPAL):
        verb = "is" if len(missing) == 1 else "are"
        return f"{' and '.join(missing)} {verb} not set."
    if not missing:
        return (
            "Check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET: the secret may have "
            "expired, or the client may belong to another tenant."
        )
    return "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run: az login"


def _entra_words(error: Exception) -> str:
    """The line of Entra ID's own answer: it starts with a code that can be looked up."""
    for line in str(error).splitlines():
        if "AADSTS" in line:
            return line.strip()
    return str(error).strip().splitlines()[0] if str(error).strip() else ""
