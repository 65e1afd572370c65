"""The two gRPC services that a program talks to: its resource monitor and its engine."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeStubs=false, reportMissingParameterType=false, reportUntypedBaseClass=false
# pyright: reportPrivateUsage=false
# ruff: noqa: ARG002, N802  (the names and signatures are the contract's)
# grpcio ships no types.
from collections.abc import Callable
from typing import Any, cast

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    resource_pb2,
    resource_pb2_grpc,
)  # fmt: skip

from minipulumi.config import Setting
from minipulumi.deployment import Deployment
from minipulumi.errors import PulumiError, Refused
from minipulumi.planner import Goal
from minipulumi.plugins import ProviderError
from minipulumi.providers import CheckFailed
from minipulumi.resources import PROVIDERS, Resource, make_urn
from minipulumi.steps import Step, Stopped
from minipulumi.values import foreign_mark, from_struct, to_struct

_FEATURES = range(16)  # the ones that the engine of this format's version has
_REFUSED_OPTIONS = {
    "importId": "import_", "replaceOnChanges": "replace_on_changes", "deletedWith": "deleted_with",
    "retainOnDelete": "retain_on_delete", "replace_with": "replace_with",
    "transforms": "transforms",
    "hideDiffs": "hide_diffs", "envVarMappings": "env_var_mappings", "remote": "remote components",
    "pluginDownloadURL": "plugin_download_url", "packageRef": "parameterized providers",
    "state_migrations": "state migrations", "snippetId": "snippets",
}  # fmt: skip


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Answers one program."""

    def __init__(self, deployment: Deployment, program_root: str):
        self._deployment, self._root = deployment, program_root
        self._stack_urn = deployment.stack_urn
        self.finished = False  # the program came to its end by itself

    def GetDeploymentInfo(self, request, context):
        """Names, settings and mode of this run."""
        d = self._deployment
        return resource_pb2.DeploymentInfo(
            project=d.project.name,
            stack=d.stack,
            organization="organization",
            config={key: setting.text for key, setting in d.settings.items()},
            configSecretKeys=secret_keys(d.settings),
            dryRun=d.preview,
            parallel=d.options.parallel,
            supportedFeatures=cast("Any", _FEATURES),
        )

    def SupportsFeature(self, request, context):
        """Older SDKs ask feature by feature."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterResource(self, request, context):
        """A resource of the program, with everything it depends on resolved."""
        return self._guard(context, request.name, lambda: self._register(request))

    def _register(self, request: Any) -> Any:
        goal = self._goal(request)
        new = goal.new
        if new.is_provider:
            made = self._deployment.register_provider(new)
        else:
            made = self._deployment.register(goal)
        if made is None:
            return resource_pb2.RegisterResourceResponse(urn=new.urn, result=resource_pb2.FAIL)
        id_ = "" if self._deployment.preview and not made.id else made.id
        outputs = made.outputs if new.custom else {}
        return resource_pb2.RegisterResourceResponse(
            urn=made.urn, id=id_, object=to_struct(outputs)
        )

    def _goal(self, request: Any) -> Goal:
        d = self._deployment
        for field, name in _REFUSED_OPTIONS.items():
            if getattr(request, field):
                raise Refused(f"{name} (resource '{request.name}')")
        for field, name in (
            ("customTimeouts", "custom_timeouts"),
            ("replacement_trigger", "replacement_trigger"),
        ):
            if request.HasField(field) and getattr(request, field).ByteSize():
                raise Refused(f"{name} (resource '{request.name}')")
        if request.hooks.ByteSize():
            raise Refused(f"resource hooks (resource '{request.name}')")
        if any("*" in path for path in request.ignoreChanges):
            raise Refused(f"ignore_changes with wildcards (resource '{request.name}')")
        inputs = from_struct(request.object)
        if mark := foreign_mark(inputs):
            raise Refused(f"{mark} (resource '{request.name}')")
        provider = request.provider
        if request.custom and not provider and not request.type.startswith(PROVIDERS):
            provider = d.default_provider(request.type.split(":")[0], request.version)
        if request.version and request.type.startswith(PROVIDERS):
            inputs.setdefault("version", request.version)
        new = Resource(
            urn=make_urn(d.stack, d.project.name, request.parent, request.type, request.name),
            type=request.type,
            custom=request.custom,
            inputs=inputs,
            parent=request.parent,
            protect=request.protect,
            provider=provider,
            dependencies=sorted(request.dependencies),
            property_dependencies={
                key: sorted(request.propertyDependencies[key].urns)
                for key in sorted(request.propertyDependencies)
            },
            ignore_changes=list(request.ignoreChanges),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            source_position=self._position(request.sourcePosition),
            stack_trace=[self._frame(frame) for frame in request.stackTrace.frames],
        )
        dbr = request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
        return Goal(new=new, aliases=self._aliases(request), delete_before_replace=dbr)

    def _aliases(self, request: Any) -> list[str]:
        """The URNs under which the state may still have a resource, the program's own first."""
        d, found = self._deployment, list(request.aliasURNs)
        before = {new: old for old, new in d.planner.renamed.items()}
        parents = [p for p in (request.parent, before.get(request.parent)) if p is not None]
        specs = [(a.urn, a.spec) for a in request.aliases] + [("", None)]
        for urn, spec in specs:
            if urn:
                found.append(urn)
                continue
            name, type_ = (spec and spec.name) or request.name, (spec and spec.type) or request.type
            stack, project = (
                (spec and spec.stack) or d.stack,
                (spec and spec.project) or d.project.name,
            )
            above = (
                [""]
                if spec and spec.noParent
                else [spec.parentUrn]
                if spec and spec.parentUrn
                else parents
            )
            found += [make_urn(stack, project, parent, type_, name) for parent in above]
        return found

    def _position(self, position: Any) -> str:
        prefix = f"file://{self._root}/"
        if not position.uri.startswith(prefix):
            return ""
        return f"project:///{position.uri.removeprefix(prefix)}#{position.line}"

    def _frame(self, frame: Any) -> dict[str, str]:
        place = self._position(frame.pc)
        return {"sourcePosition": place} if place else {}

    def RegisterResourceOutputs(self, request, context):
        """Outputs of a component or of the stack."""
        self._deployment.register_outputs(request.urn, from_struct(request.outputs))
        return Empty()

    def ReadResource(self, request, context):
        """`.get()`: a resource that exists and isn't managed here."""
        return self._guard(context, request.name, lambda: self._read(request))

    def _read(self, request: Any) -> Any:
        d = self._deployment
        if request.type == "pulumi:pulumi:StackReference":
            raise Refused("StackReference")
        if request.packageRef or request.pluginDownloadURL:
            raise Refused(f"parameterized providers (resource '{request.name}')")
        urn = make_urn(d.stack, d.project.name, request.parent, request.type, request.name)
        provider = request.provider or d.default_provider(
            request.type.split(":")[0], request.version
        )
        new = Resource(
            urn=urn, type=request.type, custom=True, external=True, id=request.id,
            parent=request.parent, provider=provider, dependencies=sorted(request.dependencies),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            source_position=self._position(request.sourcePosition),
        )  # fmt: skip
        old = d.planner.olds.get(urn)
        if old and not old.external:
            raise Refused(f"reading '{request.name}', which this stack manages")
        d.planner.seen.add(urn)
        if not d.runner.run(Step("read", old, new)):
            return resource_pb2.ReadResourceResponse(urn=urn, result=resource_pb2.FAIL)
        d.news[urn] = new
        return resource_pb2.ReadResourceResponse(
            urn=urn, id=new.id, properties=to_struct(new.outputs)
        )

    def Invoke(self, request, context):
        """A provider's function."""
        return self._guard(context, request.tok, lambda: self._invoke(request))

    def _invoke(self, request: Any) -> Any:
        d = self._deployment
        if request.tok.startswith("pulumi:"):
            raise Refused(f"the function '{request.tok}'")
        provider = request.provider or d.default_provider(
            request.tok.split(":")[0], request.version
        )
        resource = Resource(urn="", type=request.tok, custom=True, provider=provider)
        args = from_struct(request.args)
        result = d.provider_of(resource).invoke(request.tok, args, preview=d.preview)
        fields: dict[str, Any] = {"return": to_struct(result)}
        return provider_pb2.InvokeResponse(**fields)

    def _guard(self, context, what: str, answer: Callable[[], Any]) -> Any:
        """Turns what can go wrong into a failed run; the program must not read it as its own."""
        d = self._deployment
        try:
            return answer()
        except Stopped:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the engine is stopping")
        except (PulumiError, ProviderError) as error:
            d.report(self._stack_urn, f"{what}: {error}")
            d.halt()
            context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except CheckFailed as error:
            text = "; ".join(text for _, text in error.failures)
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{what}: {text}")

    def SignalAndWaitForShutdown(self, request, context):
        """The program has registered everything."""
        self.finished = True
        return Empty()

    def Log(self, request, context):
        """A message of the program or of a provider."""
        severity = ("debug", "info", "warning", "error")[request.severity]
        if severity == "error":
            self._deployment.errors += 1
        if not request.ephemeral:
            urn = request.urn or self._stack_urn
            self._deployment.display.message(urn, severity, request.message)
        return Empty()

    def GetRootResource(self, request, context):
        """The stack."""
        return engine_pb2.GetRootResourceResponse(urn=self._stack_urn)

    def SetRootResource(self, request, context):
        """The stack, which is known already."""
        return engine_pb2.SetRootResourceResponse()


def _refusal(what: str) -> Callable[[Monitor, Any, Any], Any]:
    def method(self: Monitor, request: Any, context: Any) -> Any:  # noqa: ARG001
        def refuse() -> Any:
            raise Refused(what)

        return self._guard(context, "program", refuse)

    return method


for _method, _what in {
    "RequirePulumiVersion": "require_pulumi_version",
    "StartDebugging": "debugging",
    "Call": "methods of resources",
    "ExistsResource": "checks whether a resource exists",
    "RegisterStackTransform": "stack transforms",
    "RegisterStackInvokeTransform": "invoke transforms",
    "RegisterResourceHook": "resource hooks",
    "RegisterErrorHook": "error hooks",
    "RegisterPackage": "parameterized providers",
}.items():
    setattr(Monitor, _method, _refusal(_what))


def secret_keys(settings: dict[str, Setting]) -> list[str]:
    """The settings whose values are secret."""
    return [key for key, setting in settings.items() if setting.secret]
