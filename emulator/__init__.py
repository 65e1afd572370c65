"""Where it runs without Azure: an emulator of the services foundry-tune uses.

A call's way: `rehearsal/proxy.py` and `rehearsal/web.py` bring it to the front door (`front.py`:
host, clock, faults, log). On management.azure.com it goes through the list in `arm/pipeline.py`,
then to a handler: a service's own, or `arm/resources.py`, which does what ARM does for every type
alike. What is remembered lies in `state/`.

How a service plugs in
======================
A service is a folder named after Azure's own (`services/storage/`). Its `__init__.py` names one
`SERVICE = Service(name=…, types=…, routes=…, planes=…, schema=…, start=…, reset=…)` (`service.py`),
and `front.SERVICES` lists the folder. Nothing else registers anything.

* **Handlers** are plain functions `Request → Response` (`http/messages.py`). They run in a thread,
  never on the event loop, so they may block; `Response.stream(iterator, content_type)` sends pieces
  as they are made. The one exception is what ARM does for a type: a GET or PUT of one resource is
  answered on the loop, so its hooks look at the state and leave what takes time to a worker.
  Everything is reached through `request.cloud` (`state/cloud.py`): `clock` (virtual time),
  `database`, `resources` (the ARM store), `access` (roles), `tokens` (sign-in), `workers`
  (background), `faults`, `part(Operations)` (long-running), `part(TypeTable)`.
* **A resource type** is a row `ResourceType(...)` (`arm/types.py`): api-versions, success codes,
  long-running style and hooks `validate → defaults → created/updated → completed`,
  `before_delete → after_delete`, `project`, `select`. PUT, GET, PATCH, DELETE, lists that are read
  by the page (`arm/paging.py`), etags, parents, identities and cascades are then done for it,
  behind ARM's pipeline. POST actions: `actions={"listKeys": Action(handle=f)}` with
  `f(request, resource) → Response`.
* **An odd ARM address** is a `Route("GET", "/subscriptions/{subscription}/…", handler,
  operation="Microsoft.X/y/read", scope="/subscriptions/{subscription}")` (`http/routing.py`);
  routes win over types. `operation="anonymous"` skips the sign-in.
* **Another host** is a `Plane("{region}.api.azureml.ms", handle, failure)`; use
  `Router(ROUTES).handle` for `handle` and `render_json_error` for `failure` unless the plane has
  its own envelope. A plane signs callers in itself: `request.sign_in(audiences)`, then
  `access.require(principal, "Microsoft.X/y/read", arm_id)` or
  `access.require_data(principal, "Microsoft.X/…/read", arm_id)` for `dataActions`.
  Placeholders of the host and of the route are in `request.parameters`.
* **Refusals**: raise `AzureError(status, code, message)` (`state/errors.py`) anywhere;
  `not_emulated(…)` for what Azure has and we have not.
* **State**: `cloud.database.documents("collection")` for JSON objects, or own tables in
  `Service.schema`. An ARM write runs in one transaction (rolled back when refused); elsewhere use
  `with cloud.database.transaction():`. `resource.private` holds what ARM never shows (keys, notes).
  Start side effects (a worker) in `cloud.database.after_commit(…)`.
* **Long-running**: `Put(polling=Polling.ASYNC, seconds=…)` in the row does it all. An action starts
  its own, `cloud.part(Operations).start(request, resource.id, resource.type, "cancel")`, and
  answers 202 with the headers that `Operations.headers` makes of it.
* **Background**: `cloud.workers.start("job", f, …)`, `cloud.workers.child([...])`; loops look at
  `cloud.workers.stopping` (take it once, when the loop starts). `Service.start(cloud)` takes up
  what was left when the emulator stopped.
* **Identities**: `identity=True` in a row makes and removes the system-assigned principal.
* **Blobs** of other services: `services/storage/blobs.py` (write, read, list, sas) in-process.
"""
