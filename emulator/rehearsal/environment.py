"""The environment of a rehearsed command: the only thing that differs from the real Azure."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.rehearsal.identities import SUBSCRIPTION, Identities
from emulator.rehearsal.pulumi import find_pulumi

# Every variable by which a client can be told whom to trust. All of them point at the throw-away
# CA: one left over would let a client talk to the outside, or fail on our certificate.
CA_VARIABLES = (
    "AWS_CA_BUNDLE",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
    "NIX_SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)

# Credentials and clouds of the parent that would win over the emulator's, or point past it.
_FOREIGN = ("AZURE_", "ARM_", "IDENTITY_", "MSI_", "IMDS_", "ACTIONS_ID_TOKEN_REQUEST_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a running emulator is reached."""

    proxy: str
    control: str
    ca_file: Path
    empty_directory: Path
    pulumi_directory: Path

    @property
    def pulumi_home(self) -> Path:
        """Where a Pulumi CLI keeps what is the user's: beside its backend."""
        return self.pulumi_directory.with_name(f"{self.pulumi_directory.name}-home")


def network_environment(address: Address) -> dict[str, str]:
    """What leads a process to the emulator, and to nowhere else; no credential."""
    proxies = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    environment = dict.fromkeys(proxies, address.proxy)
    # An inherited exception would silently go round the tunnel.
    environment |= {"NO_PROXY": "", "no_proxy": ""}
    # gRPC alone would send even loopback addresses to the proxy, and with them Pulumi's own talk.
    environment["no_grpc_proxy"] = "127.0.0.1,localhost"
    environment |= dict.fromkeys(CA_VARIABLES, str(address.ca_file))
    environment["SSL_CERT_DIR"] = str(address.empty_directory)
    return environment


def child_environment(
    parent: Mapping[str, str],
    address: Address,
    identities: Identities,
    subscription: str = SUBSCRIPTION,
) -> dict[str, str]:
    """The parent's environment, with everything that decides where Azure is replaced."""
    environment = {
        name: value for name, value in parent.items() if not name.upper().startswith(_FOREIGN)
    }
    platform, developer = identities.platform, identities.developer
    environment |= network_environment(address)
    environment |= {
        "AZURE_TENANT_ID": developer.tenant,
        "AZURE_CLIENT_ID": developer.client_id,
        "AZURE_CLIENT_SECRET": developer.secret,
        "AZURE_SUBSCRIPTION_ID": subscription,
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "ARM_TENANT_ID": platform.tenant,
        "ARM_CLIENT_ID": platform.client_id,
        "ARM_CLIENT_SECRET": platform.secret,
        "ARM_SUBSCRIPTION_ID": subscription,
        "PULUMI_BACKEND_URL": f"file://{address.pulumi_directory}",
        "PULUMI_HOME": str(address.pulumi_home),
        "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "FOUNDRY_EMULATOR": address.control,
    }
    for name in ("PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK"):
        environment.pop(name, None)
    # This Python's tools first; what stands in for Pulumi's last, so that a real one always wins.
    tools, last = str(Path(sys.executable).parent), find_pulumi(parent).last_on_path
    environment["PATH"] = ":".join(filter(None, (tools, parent.get("PATH"), last)))
    return environment
