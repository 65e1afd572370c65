"""What the clouds' own metadata says: the endpoints a client configured by `metadataHost` reads."""

from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.state.json_text import Json


def endpoints(request: Request) -> Response:
    """GET /metadata/endpoints: one object before 2022-09-01's shape, a list of one before that."""
    cloud: Json = {
        "name": "AzureCloud",
        "portal": "https://portal.azure.com",
        "resourceManager": "https://management.azure.com/",
        "microsoftGraphResourceId": "https://graph.microsoft.com/",
        "graph": "https://graph.windows.net/",
        "graphAudience": "https://graph.windows.net/",
        "batch": "https://batch.core.windows.net/",
        "media": "https://rest.media.azure.net",
        "gallery": "https://gallery.azure.com/",
        "authentication": {
            "loginEndpoint": "https://login.microsoftonline.com",
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "acrLoginServer": "azurecr.io",
            "attestationEndpoint": "attest.azure.net",
            "sqlServerHostname": "database.windows.net",
        },
    }
    # Until 2019-05-01 (azure-ai-ml's custom-cloud lookup) the answer was a list of clouds.
    if request.api_version and request.api_version < "2020-01-01":
        return Response.json([cloud])
    return Response.json(cloud)


ROUTES = (Route("GET", "/metadata/endpoints", endpoints, operation="anonymous"),)
