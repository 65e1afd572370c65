"""Online endpoints: their deployments, who gets the calls, and a request to the scoring script."""

from dataclasses import dataclass

from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.page.asking import ask_with_key
from emulator.page.rendering import form, render
from emulator.page.resources import find
from emulator.services.machinelearningservices import online_serving
from emulator.services.machinelearningservices.online_endpoints import ENDPOINTS, traffic_of
from emulator.services.scoring.endpoint import DEPLOYMENT_HEADER
from emulator.state.cloud import Cloud
from emulator.state.json_text import Json
from emulator.state.store import Resource

_LOG_LINES = 60
_ANSWER_LIMIT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What answers behind an endpoint."""

    id: str
    name: str
    state: str
    share: int
    """Percent of the calls."""
    script: str
    model: str
    instances: str
    log: str
    """The end of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An endpoint, in words."""

    id: str
    name: str
    address: str
    state: str
    sign_in: str
    deployments: list[Deployment]

    @property
    def takes_keys(self) -> bool:
        """Whether it can be asked from here: the page has no token."""
        return self.sign_in == "Key"

    @property
    def traffic(self) -> str:
        """Who gets the calls."""
        shares = [f"{one.name} {one.share} %" for one in self.deployments if one.share]
        return ", ".join(shares) or "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    by: str
    """The deployment that answered; "" where none did."""
    text: str
    script_status: str
    """What the script itself answered where that was no 200."""


def rows(cloud: Cloud) -> list[Row]:
    """Every online endpoint."""
    return [_row(cloud, endpoint) for endpoint in cloud.resources.of_type(ENDPOINTS)]


def one(front: Front, request: Request) -> Response:
    """An endpoint that nobody has asked yet."""
    return _shown(front, request, find(front.cloud, request, ENDPOINTS), "", "", None)


def ask(front: Front, request: Request) -> Response:
    """Send a body to its scoring script, by the traffic or to one deployment."""
    endpoint = find(front.cloud, request, ENDPOINTS)
    filled = form(request)
    body, wanted = filled.get("body", ""), filled.get("deployment", "")
    headers = {DEPLOYMENT_HEADER: wanted} if wanted else {}
    address = _host(endpoint)
    response = ask_with_key(front, endpoint, address, "/score", body.encode(), headers)
    content = response.body if isinstance(response.body, bytes) else b""
    answer = Answer(
        status=response.status,
        by=response.headers.get(DEPLOYMENT_HEADER, ""),
        text=content[:_ANSWER_LIMIT].decode(errors="replace"),
        script_status=response.headers.get("ms-azureml-model-error-statuscode", ""),
    )
    return _shown(front, request, endpoint, body, wanted, answer)


def _shown(
    front: Front,
    request: Request,
    endpoint: Resource,
    body: str,
    wanted: str,
    answer: Answer | None,
) -> Response:
    values = {"endpoint": _row(front.cloud, endpoint), "body": body, "wanted": wanted}
    return render(front, request, "online.html", values | {"answer": answer})


def _row(cloud: Cloud, endpoint: Resource) -> Row:
    shares = traffic_of(endpoint)
    return Row(
        id=endpoint.id.text,
        name=endpoint.name,
        address=f"https://{_host(endpoint)}/score",
        state=endpoint.state,
        sign_in=str(endpoint.properties["authMode"]),
        deployments=[
            _deployment(cloud, one, shares.get(one.name.lower(), 0))
            for one in cloud.resources.children(endpoint.id)
        ],
    )


def _deployment(cloud: Cloud, deployment: Resource, share: int) -> Deployment:
    properties = deployment.properties
    code: Json = properties.get("codeConfiguration") or {}
    sku: Json = deployment.body.get("sku") or {}
    said = online_serving.of(cloud).log(deployment, initializer=False)
    return Deployment(
        id=deployment.id.text,
        name=deployment.name,
        state=deployment.state,
        share=share,
        script=str(code.get("scoringScript") or ""),
        model=str(properties.get("model") or ""),
        instances=f"{sku.get('capacity', 1)} × {properties.get('instanceType', '')}",
        log="\n".join(said.splitlines()[-_LOG_LINES:]),
    )


def _host(endpoint: Resource) -> str:
    return f"{endpoint.name}.{endpoint.location}.inference.ml.azure.com".lower()
