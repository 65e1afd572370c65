"""Random programs, failures and kills: the next runs reach the same end; nothing twice or lost."""

# JSON of any shape; names and signatures are the contract's.
# ruff: noqa: N802, ARG002
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false
import json
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc

from minipulumi.backend import Stack
from minipulumi.checkpoint import Checkpoint, read_latest, render
from minipulumi.deletion import delete_what_left
from minipulumi.deployment import Deployment, Stopped
from minipulumi.passphrase import Passphrase
from minipulumi.planning import Goal
from minipulumi.plugins import ProviderError
from minipulumi.project import Project
from minipulumi.registration import default_provider, register
from minipulumi.resources import STACK, Resource, make_urn
from minipulumi.step import Step
from minipulumi.values import from_struct, mark, plain, to_struct


class Killed(BaseException):
    """The engine is gone from this very moment."""


@dataclass
class Cloud(provider_pb2_grpc.ResourceProviderServicer):
    """A provider in memory; `trouble` says at which changing call it fails, or the engine dies."""

    things: dict[str, Any] = field(default_factory=dict[str, Any])
    trouble: tuple[str, int] | None = None
    changes: int = 0
    dead: bool = False
    engine: int = 0
    """How many engines there were: the threads of one that was killed change nothing any more."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def Handshake(self, request: Any, context: Any) -> Any:
        return pb.ProviderHandshakeResponse(accept_secrets=True)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return pb.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        return pb.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        old, new = plain(from_struct(request.old_inputs)), plain(from_struct(request.news))
        replaces = ["name"] if old.get("name") != new.get("name") else []
        # A child can't outlive the thing that it lies in.
        replaces += [k for k in new if k.startswith("in") and old.get(k) != new.get(k)]
        changed = pb.DiffResponse.DIFF_SOME if old != new else pb.DiffResponse.DIFF_NONE
        same = bool(replaces) and "name" not in replaces  # two of one name can't be side by side
        return pb.DiffResponse(changes=changed, replaces=replaces, deleteBeforeReplace=same)

    def Create(self, request: Any, context: Any) -> Any:
        inputs = plain(from_struct(request.properties))
        if request.preview:
            return pb.CreateResponse(id="", properties=request.properties)
        with self._change(context):
            if inputs["name"] in self.things:
                text = f"cannot create already existing resource '{inputs['name']}'"
                context.abort(grpc.StatusCode.UNKNOWN, text)
            self.things[inputs["name"]] = inputs
        return pb.CreateResponse(id=inputs["name"], properties=to_struct({**inputs, "made": True}))

    def Read(self, request: Any, context: Any) -> Any:
        if (inputs := self.things.get(request.id)) is None:
            return pb.ReadResponse()
        outputs = to_struct({**inputs, "made": True})
        return pb.ReadResponse(id=request.id, inputs=to_struct(inputs), properties=outputs)

    def Update(self, request: Any, context: Any) -> Any:
        inputs = plain(from_struct(request.news))
        if not request.preview:
            with self._change(context):
                self.things[request.id] = inputs
        return pb.UpdateResponse(properties=to_struct({**inputs, "made": True}))

    def Delete(self, request: Any, context: Any) -> Any:
        with self._change(context):
            self.things.pop(request.id, None)
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return Empty()

    def _change(self, context: Any) -> "_Change":
        return _Change(self, context)


@dataclass
class _Change:
    cloud: Cloud
    context: Any

    def __enter__(self) -> None:
        self.cloud.lock.acquire()
        if isinstance(self.context, Direct) and self.context.engine != self.cloud.engine:
            self.cloud.lock.release()
            raise Killed
        self.cloud.changes += 1
        kind, at = self.cloud.trouble or ("", 0)
        if self.cloud.dead or (kind == "kill before" and self.cloud.changes == at):
            self._die()
        if kind == "fail" and self.cloud.changes == at:
            self.cloud.lock.release()
            self.context.abort(grpc.StatusCode.UNKNOWN, "told to fail")

    def __exit__(self, failure: object, *_: object) -> None:
        kind, at = self.cloud.trouble or ("", 0)
        if kind == "kill after" and self.cloud.changes == at and failure is None:
            self._die()
        self.cloud.lock.release()

    def _die(self) -> None:
        self.cloud.dead = True
        self.cloud.lock.release()
        raise Killed


class RefusalError(Exception):
    pass


class Direct:
    """The provider called without gRPC, which would not let the engine die in the middle."""

    def __init__(self, cloud: Cloud):
        self._cloud = cloud
        self.engine = cloud.engine

    def call(self, method: str, request: Any, *, optional: bool = False) -> Any:
        try:
            return getattr(self._cloud, method)(request, self)
        except NotImplementedError:
            assert optional
        except RefusalError as error:
            raise ProviderError(str(error)) from None

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise RefusalError(details)

    def set_code(self, code: grpc.StatusCode) -> None: ...

    def set_details(self, details: str) -> None: ...

    def close(self) -> None: ...


class Silent:
    errors: list[str]

    def __init__(self):
        self.errors = []

    def started(self, step: Step) -> None: ...

    def finished(self, step: Step, seconds: float) -> None: ...

    def failed(self, step: Step, left: int | None = None) -> None: ...

    def message(self, urn: str, severity: str, text: str) -> None:
        if severity == "error":
            self.errors.append(text)


@dataclass(frozen=True)
class Node:
    """One resource of a random program; its name in the cloud changes with `version`."""

    key: int
    version: int
    value: int
    needs: tuple[int, ...]
    inside: int | None
    delete_first: bool

    @property
    def name(self) -> str:
        return f"thing-{self.key}-{self.version}"


PROGRAMS = st.lists(
    st.tuples(
        st.booleans(), st.integers(0, 1), st.integers(0, 1), st.sets(st.integers(0, 6), max_size=2),
        st.none() | st.integers(0, 6), st.booleans(),
    ),
    min_size=1, max_size=7,
)  # fmt: skip
TROUBLE = st.none() | st.tuples(
    st.sampled_from(["fail", "kill before", "kill after"]), st.integers(1, 9)
)


def program(rows: list[Any]) -> list[Node]:
    present = [key for key, row in enumerate(rows) if row[0]]
    nodes: list[Node] = []
    for key in present:
        _, version, value, needs, inside, delete_first = rows[key]
        known = [n.key for n in nodes]
        kept = tuple(sorted(n for n in needs if n in known))
        nodes.append(
            Node(key, version, value, kept, inside if inside in known else None, delete_first)
        )
    return nodes


def run(
    cloud: Cloud, path: Path, nodes: list[Node], *, preview: bool = False
) -> tuple[bool, list[str]]:
    """One `up` without processes: the same deployment, checkpoint and provider calls."""
    with cloud.lock:
        cloud.changes, cloud.dead, cloud.engine = 0, False, cloud.engine + 1
    display: Any = Silent()
    latest = read_latest(path)
    checkpoint = Checkpoint(path, latest, CIPHER, dry=preview)
    host: Any = SimpleNamespace(engine="", start=lambda *_: (Direct(cloud), ""), close=lambda: None)
    stack = Stack(Project(path, "graph"), f"file://{path.parent}", "dev")
    deployment = Deployment(stack, {}, checkpoint, display, host, preview=preview)
    try:
        register_all(deployment, nodes)
        deployment.save_outputs()
        if not deployment.unsuccessful:
            delete_what_left(deployment)
        checkpoint.finish([] if deployment.unsuccessful else deployment.settled(refreshed=False))
    except (Killed, Stopped):
        return False, ["killed"]
    else:
        return not deployment.unsuccessful, display.errors
    finally:
        checkpoint.abandon()
        deployment.close()


def register_all(deployment: Deployment, nodes: list[Node]) -> None:
    stack = Resource(urn=deployment.stack_urn, type=STACK, custom=False)
    assert register(deployment, Goal(new=stack))
    provider = default_provider(deployment, "cloud", "1.0.0")
    made: dict[int, Resource] = {}
    for node in nodes:
        urns = {
            key: make_urn("dev", "graph", stack.urn, "cloud:index:Thing", f"n{key}")
            for key in range(7)
        }
        inputs: dict[str, Any] = {
            "name": node.name,
            "value": node.value,
            "secret": mark(f"s{node.value}"),
        }
        properties: dict[str, list[str]] = {"name": [], "value": [], "secret": []}
        for need in node.needs:
            inputs[f"of{need}"] = made[need].outputs.get("name") if need in made else None
            properties[f"of{need}"] = [urns[need]]
        if node.inside is not None:
            inputs["in"] = made[node.inside].id if node.inside in made else None
            properties["in"] = [urns[node.inside]]
        new = Resource(
            urn=urns[node.key], type="cloud:index:Thing", custom=True, parent=stack.urn,
            inputs=inputs, provider=provider, property_dependencies=properties,
            dependencies=sorted(u for urns_ in properties.values() for u in urns_),
        )  # fmt: skip
        done = register(deployment, Goal(new=new, delete_before_replace=node.delete_first or None))
        if done:
            made[node.key] = done
    deployment.register_outputs(stack.urn, {"count": len(made)})


CIPHER = Passphrase("v1:c2FsdHNhbHQ=:none")
CIPHER._key = b"k" * 32


@pytest.mark.rehearsal
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    runs=st.lists(st.tuples(st.integers(0, 1), TROUBLE), min_size=1, max_size=4),
    programs=st.tuples(PROGRAMS, PROGRAMS),
)
def test_after_any_trouble_the_next_runs_reach_the_end_that_the_program_asks_for(
    runs: list[Any], programs: tuple[list[Any], list[Any]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph" / "dev.json"
        path.parent.mkdir()
        secrets = {"type": "passphrase", "state": {"salt": CIPHER.state}}
        path.write_text(render(path, "2026-01-01T00:00:00Z", secrets, [], []))
        cloud = Cloud()
        for which, trouble in runs:
            cloud.trouble = trouble
            run(cloud, path, program(programs[which]))
            assert_integrity(path)
        cloud.trouble = None
        wanted = program(programs[1])
        good, errors = run(cloud, path, wanted)
        assert good, errors
        latest = read_latest(path)
        explained = {
            plain(CIPHER.open(op["resource"].get("inputs") or {})).get("name")
            for op in latest.get("pending_operations") or []
            if op["type"] == "creating"
        }
        assert set(cloud.things) - {node.name for node in wanted} <= explained, "something is lost"
        assert {node.name for node in wanted} <= set(cloud.things)
        for node in wanted:
            assert cloud.things[node.name]["value"] == node.value
        state = [Resource.from_json(e, CIPHER) for e in latest["resources"]]
        things = [r for r in state if r.type == "cloud:index:Thing"]
        assert {r.id for r in things} == {node.name for node in wanted}
        assert len(things) == len(wanted)
        cloud.changes = 0
        assert run(cloud, path, wanted)[0]
        assert cloud.changes == 0, "a run without changes changed something"
        assert all(
            "ciphertext" in json.dumps(e["inputs"])
            for e in latest["resources"]
            if e.get("id", "").startswith("thing")
        )


def assert_integrity(path: Path) -> None:
    """What the real engine checks before it accepts a state: what is needed comes first."""
    known: set[str] = set()
    for entry in read_latest(path).get("resources") or []:
        resource = Resource.from_json(entry, None)
        missing = [u for u in resource.needs if u not in known]
        assert not missing, f"{resource.urn} needs {missing}"
        known.add(resource.urn)
