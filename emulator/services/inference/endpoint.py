"""`https://{endpoint}.{region}.models.ai.azure.com`: questions in, answers out.

`/chat/completions` is the Model Inference API, and the only route that the content filter guards;
`/v1/chat/completions` is the model's own and is never filtered. That is Azure's rule ("content
filtering isn't enabled" on other APIs), and it is kept here because a smoke test must know it.
"""

import time
import uuid
from typing import Any

from emulator.http.messages import Request, Response
from emulator.http.routing import Plane, Route, Router, render_json_error
from emulator.services.contentsafety.filter import judge, unseen
from emulator.services.inference import calls, limits
from emulator.services.inference.answering import Question, answered, filter_header
from emulator.services.inference.chat import ExtraParameters, InvalidRequestError, parse, refusal
from emulator.services.inference.completion import Answer, refused_prompt
from emulator.services.inference.models import served_by
from emulator.services.inference.sign_in import sign_in
from emulator.services.machinelearningservices.endpoints import find_by_host
from emulator.state.errors import AzureError
from emulator.state.store import Resource


def _model_inference(request: Request) -> Response:
    return _chat(request, model_inference_api=True)


def _native(request: Request) -> Response:
    return _chat(request, model_inference_api=False)


def _chat(request: Request, *, model_inference_api: bool) -> Response:
    began = time.perf_counter()
    endpoint = _require_endpoint(request)
    sign_in(request, endpoint)
    limits.of(request.cloud).take(endpoint.id.key, request.cloud.clock.timestamp())
    extra = _extra_parameters(request) if model_inference_api else "known"
    try:
        chat = parse(request.json(), extra_parameters=extra)
    except InvalidRequestError as problem:
        status, body = refusal(problem, model_inference_api=model_inference_api)
        calls.note(request.cloud, endpoint, status)
        return Response.json(body, status)
    filtered = model_inference_api and _filter_is_on(endpoint)
    texts = [message["content"] for message in chat.messages]
    faults, says = request.cloud.faults.answering(
        request.method, request.host, request.path, request.id, texts[-1]
    )
    prompt = judge(*texts, unseen=unseen(faults, "prompt")) if filtered else None
    if prompt is not None and prompt.blocked:
        calls.note(
            request.cloud,
            endpoint,
            400,
            streamed=chat.stream,
            is_checked=True,
            rejected="Prompt",
            category=prompt.gravest,
        )
        return Response.json(refused_prompt(prompt), 400, filter_header(prompt))
    served = served_by(request.cloud, endpoint)
    question = Question(
        request=request,
        endpoint=endpoint,
        served=served,
        chat=chat,
        prompt=prompt,
        unseen=unseen(faults, "completion"),
        says=says,
        began=began,
        answer=Answer(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created=int(request.cloud.clock.timestamp()),
            model=served.name,
            fingerprint=served.model.fingerprint,
        ),
    )
    return answered(question)


def _extra_parameters(request: Request) -> ExtraParameters:
    said = request.headers.get("extra-parameters", "error").strip().lower()
    return said if said in ("drop", "pass-through") else "error"


def _info(request: Request) -> Response:
    endpoint = _require_endpoint(request)
    sign_in(request, endpoint)
    served = served_by(request.cloud, endpoint)
    return Response.json(
        {
            "model_name": served.name,
            "model_type": "chat-completion",
            "model_provider_name": served.publisher,
        }
    )


def _models(request: Request) -> Response:
    """The one model, as OpenAI lists models: the route is the model's own, so nothing is asked."""
    return Response.json({"object": "list", "data": [_model(request)]})


def _model_by_name(request: Request) -> Response:
    model, name = _model(request), request.parameters["model"]
    if name != model["id"]:
        raise AzureError(404, "NotFound", f"The model '{name}' does not exist; {model['id']} does.")
    return Response.json(model)


def _model(request: Request) -> dict[str, Any]:
    endpoint = _require_endpoint(request)
    sign_in(request, endpoint)
    served = served_by(request.cloud, endpoint)
    return {
        "id": served.name,
        "object": "model",
        "created": int(endpoint.created_at),
        "owned_by": served.publisher,
    }


def _require_endpoint(request: Request) -> Resource:
    name, region = request.parameters["endpoint"], request.parameters["region"]
    endpoint = find_by_host(request.cloud, name, region)
    if endpoint is None or endpoint.state in ("Creating", "Deleting"):
        raise AzureError(
            404,
            "EndpointNotFound",
            f"No serverless endpoint '{name}' serves in the region '{region}'.",
        )
    return endpoint


def _filter_is_on(endpoint: Resource) -> bool:
    return endpoint.properties["contentSafety"]["contentSafetyStatus"] == "Enabled"


def _failed(request: Request, error: AzureError) -> Response:
    """A refusal, counted where it was an endpoint's: also what a fault answers in its place."""
    if request.path.rstrip("/").endswith("/chat/completions"):
        parameters = request.parameters
        endpoint = find_by_host(request.cloud, parameters["endpoint"], parameters["region"])
        if endpoint is not None:
            calls.note(request.cloud, endpoint, error.status)
    return render_json_error(request, error)


PLANE = Plane(
    "{endpoint}.{region}.models.ai.azure.com",
    Router(
        (
            Route("POST", "/chat/completions", _model_inference),
            Route("POST", "/v1/chat/completions", _native),
            Route("GET", "/v1/models", _models),
            Route("GET", "/v1/models/{model}", _model_by_name),
            Route("GET", "/info", _info),
        )
    ).handle,
    _failed,
)
