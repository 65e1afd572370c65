"""Azure ML's metric service, as far as it reads: `lastvalues`, `full` and `list`.

`full` and `list` have the shapes of azure-ai-ml's own generated client (`_restclient/runhistory`,
MetricV2). `lastvalues` is in no published client: its path, its empty body and
`{"value": [{"name", "value": [{"data": {name: number}}]}]}` are as a public script reads them from
the live service; the other fields of its entries are assumed to be MetricV2's.
"""

from emulator.http.messages import Request, Response
from emulator.services.machinelearningservices import metrics
from emulator.services.machinelearningservices.metrics import Value
from emulator.services.machinelearningservices.runs import find_run
from emulator.state.clock import isoformat
from emulator.state.errors import bad_request
from emulator.state.json_text import Json

PAGE = 1000


def last_values(request: Request) -> Response:
    """The newest value of every metric of a run."""
    job = find_run(request, "read")
    values = metrics.last(request.cloud, job.id.key)
    return Response.json({"value": [_metric(job.name, value.name, [value]) for value in values]})


def full(request: Request) -> Response:
    """Every value of one metric, in pages of a thousand."""
    job = find_run(request, "read")
    asked = request.json()
    name = str(asked.get("metricName") or "")
    token = str(asked.get("continuationToken") or -1)
    if not token.removeprefix("-").isdecimal():
        raise bad_request(
            f"The continuationToken '{token}' is invalid.", target="continuationToken"
        )
    after = int(token)
    values = [
        value
        for value in metrics.history(request.cloud, job.id.key, name)
        if value.step > after
    ]  # fmt: skip
    shown = values[:PAGE]
    body = _metric(job.name, name, shown)
    if len(values) > PAGE:
        body["continuationToken"] = str(shown[-1].step)
    return Response.json(body)


def list_metrics(request: Request) -> Response:
    """Which metrics a run has logged."""
    job = find_run(request, "read")
    found: list[Json] = [
        {
            "metricKey": {
                "dataContainerId": f"dcid.{job.name}",
                "name": name,
                "namespace": None,
                "labels": {},
            },
            "columns": {name: "Double"},
            "properties": {"uxMetricType": "azureml.v1.scalar"},
        }
        for name in metrics.names(request.cloud, job.id.key)
    ]
    return Response.json({"value": found, "continuationToken": None, "nextLink": None})


def _metric(run: str, name: str, values: list[Value]) -> Json:
    return {
        "dataContainerId": f"dcid.{run}",
        "name": name,
        "columns": {name: "Double"},
        "properties": {"uxMetricType": "azureml.v1.scalar"},
        "namespace": None,
        "standardSchemaId": None,
        "value": [
            {
                "metricId": value.id,
                "createdUtc": isoformat(value.logged_at),
                "step": value.step,
                "data": {name: value.value},
            }
            for value in values
        ],
        "continuationToken": None,
        "nextLink": None,
    }
