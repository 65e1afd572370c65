"""Signing in, with azure-identity and MSAL as Microsoft ships them."""

import os
from typing import Any

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, DefaultAzureCredential

from emulator.server import Emulator

OPENID = """
token_endpoint token_endpoint_auth_methods_supported jwks_uri response_modes_supported
subject_types_supported id_token_signing_alg_values_supported response_types_supported
scopes_supported issuer request_uri_parameter_supported userinfo_endpoint authorization_endpoint
device_authorization_endpoint http_logout_supported frontchannel_logout_supported
end_session_endpoint claims_supported kerberos_endpoint tenant_region_scope cloud_instance_name
cloud_graph_host_name msgraph_host rbac_url
"""
SCOPE = "https://management.azure.com/.default"


def test_a_service_principal_signs_in_with_its_secret(emulator: Emulator) -> None:
    who = emulator.identities.developer
    with ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential:
        token = credential.get_token(SCOPE).token
    keys = jwt.PyJWKClient(f"https://login.microsoftonline.com/{who.tenant}/discovery/v2.0/keys")
    key: Any = jwt.PyJWK(requests.get(keys.uri, timeout=10).json()["keys"][0], algorithm="RS256")
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="https://management.azure.com")
    assert claims["oid"] == who.object_id
    assert claims["appid"] == who.client_id
    assert claims["tid"] == who.tenant
    assert claims["iss"] == f"https://sts.windows.net/{who.tenant}/"


def test_the_openid_document_and_the_token_have_the_fields_of_recorded_ones(
    emulator: Emulator,
) -> None:
    who = emulator.identities.developer
    authority = f"https://login.microsoftonline.com/{who.tenant}"
    document = requests.get(f"{authority}/v2.0/.well-known/openid-configuration", timeout=10).json()
    assert set(OPENID.split()) <= document.keys()
    form = {
        "grant_type": "client_credentials",
        "client_id": who.client_id,
        "client_secret": who.secret,
        "scope": SCOPE,
    }
    token = requests.post(f"{authority}/oauth2/v2.0/token", form, timeout=10).json()
    assert 0 < token["refresh_in"] < token["expires_in"]
    with ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential:
        refresh_on = credential.get_token_info(SCOPE).refresh_on
        assert refresh_on is not None
        assert refresh_on < credential.get_token_info(SCOPE).expires_on


def test_default_azure_credential_takes_the_rehearsals_environment(emulator: Emulator) -> None:
    with DefaultAzureCredential() as credential:
        token = credential.get_token("https://storage.azure.com/.default").token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["appid"] == os.environ["AZURE_CLIENT_ID"]
    assert claims["aud"] == "https://storage.azure.com"


def test_a_wrong_secret_is_refused_with_its_aadsts_number(emulator: Emulator) -> None:
    who = emulator.identities.developer
    with (
        ClientSecretCredential(who.tenant, who.client_id, "wrong") as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(SCOPE)


def test_an_unknown_application_is_refused_with_its_aadsts_number(emulator: Emulator) -> None:
    tenant = emulator.identities.developer.tenant
    stranger = "00000000-0000-4000-8000-00000000abcd"
    with (
        ClientSecretCredential(tenant, stranger, "secret") as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS700016"),
    ):
        credential.get_token(SCOPE)


def test_an_unknown_tenant_is_refused(emulator: Emulator) -> None:
    who = emulator.identities.developer
    stranger = "00000000-0000-4000-8000-00000000abcd"
    # MSAL reads the tenant's configuration first, and fails there as it does with Azure.
    with (
        ClientSecretCredential(stranger, who.client_id, who.secret) as credential,
        pytest.raises((ClientAuthenticationError, ValueError), match=r"90002|tenant"),
    ):
        credential.get_token(SCOPE)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "AuthenticationFailed"),
        ("Bearer nonsense", "InvalidAuthenticationToken"),
        ("Basic dTpw", "AuthenticationFailed"),
    ],
)
def test_arm_refuses_a_call_without_a_token_it_can_read(
    emulator: Emulator, header: str, code: str
) -> None:
    response = requests.get(
        "https://management.azure.com/subscriptions?api-version=2022-12-01",
        headers={"Authorization": header} if header else {},
        timeout=10,
    )
    assert (response.status_code, response.json()["error"]["code"]) == (401, code)
    assert "authorization_uri" in response.headers["www-authenticate"]


def test_arm_refuses_a_token_for_another_service(emulator: Emulator) -> None:
    who = emulator.identities.platform
    with ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential:
        token = credential.get_token("https://storage.azure.com/.default").token
    response = requests.get(
        "https://management.azure.com/subscriptions?api-version=2022-12-01",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "InvalidAuthenticationTokenAudience"
