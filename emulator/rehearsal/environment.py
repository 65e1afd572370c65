"""The environment of a rehearsed command: the only thing that differs from the real Azure.

Two locks keep a rehearsal here, and most runtimes mind both: every variable that names a proxy
names the emulator's, which refuses every host that it doesn't emulate; and every variable that
says whom to trust names the throw-away CA, so that a real host that is reached all the same is not
believed. docs/emulator.md says who minds neither.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.rehearsal.identities import SUBSCRIPTION, Identities
from emulator.rehearsal.pulumi import find_pulumi

CA_VARIABLES = (
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
    "NIX_SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_CAFILE",
    "PERL_LWP_SSL_CA_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",  # OpenSSL: Python, Ruby, .NET on Linux; Go on Linux; Rust's native roots
)
"""Every variable by which a client can be told whom to trust: all of them point at our CA."""

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "GRPC_PROXY")
"""In capitals and in small letters: who reads which differs, and the first that is found wins."""

TRUST_STORE_PASSWORD = "changeit"  # Java wants one; certificates are no secret
_NODE = Path(__file__).with_name("node.cjs")
# Credentials and clouds of the parent that would win over the emulator's, or point past it.
_FOREIGN = ("AZURE_", "ARM_", "IDENTITY_", "MSI_", "IMDS_", "ACTIONS_ID_TOKEN_REQUEST_")
_ADDED_TO = ("JAVA_TOOL_OPTIONS", "NODE_OPTIONS")
"""Variables of options: what the parent has in them stays, ours comes after it."""


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

    @property
    def trust_store(self) -> Path:
        """The CA's certificate as Java reads it (PKCS #12)."""
        return self.ca_file.with_suffix(".p12")


def network_environment(address: Address) -> dict[str, str]:
    """What leads a process to the emulator, and to nowhere else; no credential."""
    environment = dict.fromkeys(_PROXIES, address.proxy)
    environment |= dict.fromkeys(map(str.lower, _PROXIES), address.proxy)
    # An inherited exception would silently go round the tunnel.
    environment |= {"NO_PROXY": "", "no_proxy": ""}
    # gRPC alone would send even loopback addresses to the proxy, and with them Pulumi's own talk.
    environment["no_grpc_proxy"] = "127.0.0.1,localhost"
    environment |= dict.fromkeys(CA_VARIABLES, str(address.ca_file))
    environment["SSL_CERT_DIR"] = str(address.empty_directory)
    environment |= {
        "NODE_USE_ENV_PROXY": "1",  # from Node 22.21 and 24.5 on; for all others there is node.cjs
        "NODE_OPTIONS": f'--require "{_NODE}"',
        "JAVA_TOOL_OPTIONS": " ".join(_java(address)),
    }
    return environment


def _java(address: Address) -> list[str]:
    """A JVM's own properties: it reads no variable that others read."""
    host, _, port = address.proxy.removeprefix("http://").partition(":")
    properties = {f"{scheme}.proxyHost": host for scheme in ("http", "https")}
    properties |= {f"{scheme}.proxyPort": port for scheme in ("http", "https")}
    properties |= {
        "javax.net.ssl.trustStore": str(address.trust_store),
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": TRUST_STORE_PASSWORD,
    }
    options = (f"-D{name}={value}" for name, value in properties.items())
    return [f'"{option}"' if " " in option else option for option in options]


def child_environment(
    parent: Mapping[str, str],
    address: Address,
    identities: Identities,
    subscription: str = SUBSCRIPTION,
    *,
    date: str | None = None,
) -> dict[str, str]:
    """The parent's environment, with everything that decides where Azure is replaced."""
    environment = {
        name: value for name, value in parent.items() if not name.upper().startswith(_FOREIGN)
    }
    platform, developer = identities.platform, identities.developer
    network = network_environment(address)
    for name in _ADDED_TO:
        network[name] = _added(environment.get(name, ""), network[name])
    environment |= network
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
    if date is not None:
        # Dates that are looked at without asking Azure (a model's end) are of the same day.
        environment["FOUNDRY_TUNE_DATE"] = date
    for name in ("PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK"):
        environment.pop(name, None)
    # This Python's tools first; what stands in for Pulumi's last, so that a real one always wins.
    tools, last = str(Path(sys.executable).parent), find_pulumi(parent).last_on_path
    path = [folder for folder in parent.get("PATH", "").split(":") if folder not in (tools, last)]
    environment["PATH"] = ":".join(filter(None, (tools, *path, last)))
    return environment


def _added(theirs: str, ours: str) -> str:
    """Both; ours once, also in a shell that is pointed here already."""
    return theirs if theirs.endswith(ours) else f"{theirs} {ours}".strip()
