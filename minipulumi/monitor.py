"""The two gRPC services that a program talks to: its resource monitor and its engine."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportIncompatibleMethodOverride=false, reportMissingTypeStubs=false
# pyright: reportMissingParameterType=false, reportUntypedBaseClass=false
# ruff: noqa: ARG002, N802  (the names and signatures are the contract's)
# grpcio ships no types.
import functools
from collections.abc import Callable
from typing import Any, cast

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import (
    alias_pb2,
    engine_pb2_grpc,
    provider_pb2,
    resource_pb2,
    resource_pb2_grpc,
)  # fmt: skip

from minipulumi.deployment import Deployment, Stopped
from minipulumi.errors import PulumiError, Refused
from minipulumi.planning import Goal
from minipulumi.plugins import ProviderError
from minipulumi.provider_entries import provider_of
from minipulumi.providers import CheckFailed
from minipulumi.registration import default_provider, register
from minipulumi.resources import PROVIDERS, Resource, make_urn
from minipulumi.values import Props, from_struct, has_foreign_mark, to_struct

_FEATURES = range(16)  # the ones that the engine of this format's version has
_KNOWN = {  # fields of RegisterResourceRequest; any other that a program sets is refused
    "type", "name", "parent", "custom", "object", "protect", "dependencies", "provider",
    "propertyDependencies", "deleteBeforeReplace", "deleteBeforeReplaceDefined", "version",
    "ignoreChanges", "importId", "aliasURNs", "aliases", "additionalSecretOutputs", "stackTrace",
    "sourcePosition", "providers", "acceptSecrets", "acceptResources", "acceptsOutputValues",
    "supportsPartialValues", "supportsResultReporting", "aliasSpecs",
}  # fmt: skip
Answer = Callable[["Monitor", Any, Any], Any]


def _guarded(answer: Answer) -> Answer:
    """Turns what can go wrong into a failed run; the program must not read it as its own."""

    @functools.wraps(answer)
    def method(self: "Monitor", request: Any, context: Any) -> Any:
        d, unavailable = self.deployment, grpc.StatusCode.UNAVAILABLE
        try:
            return answer(self, request, context)
        except Stopped:
            context.abort(unavailable, "the engine is stopping")
        except Refused as error:
            d.refusal = error
            d.halt()
            context.abort(unavailable, str(error))
        except (PulumiError, ProviderError, CheckFailed) as error:
            if not self.vetting:
                d.report(d.stack_urn, f"{_subject(request)}: {error}")
                d.halt()
            context.abort(unavailable, str(error))

    return method


def _subject(request: Any) -> str:
    return str(getattr(request, "name", "") or getattr(request, "tok", ""))


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Answers one program.

    While it is vetting it only looks at what the program asks for, and answers with what is known
    without asking a provider.
    """

    def __init__(self, deployment: Deployment):
        self.deployment = deployment
        self.vetting = False
        self.finished = False  # the program came to its end by itself
        self._invoked: dict[bytes, Props] = {}  # what the program will ask again after its vetting

    def GetDeploymentInfo(self, request, context):
        """Names, settings and mode of this run."""
        d = self.deployment
        return resource_pb2.DeploymentInfo(
            project=d.stack.project.name,
            stack=d.stack.name,
            organization="organization",
            config={key: setting.text for key, setting in d.settings.items()},
            configSecretKeys=[key for key, setting in d.settings.items() if setting.secret],
            dryRun=d.preview or self.vetting,
            parallel=d.parallel,
            supportedFeatures=cast("Any", _FEATURES),
        )

    @_guarded
    def RegisterResource(self, request, context):
        """A resource of the program, with everything it depends on resolved."""
        d, goal = self.deployment, self._goal(request)
        made: Resource | None = goal.new
        package = made.type.split(":")[0]
        has_default = made.custom and not made.provider and not made.is_provider
        if self.vetting:
            if has_default:
                d.host.find(package)
            old = d.olds.get(made.urn)
            made.id, known = (old.id, old.outputs) if old else ("", {})
            made.outputs = {**known, **made.inputs}
        else:
            if has_default:
                made.provider = default_provider(d, package, request.version)
            made = register(d, goal)
        if made is None:
            return resource_pb2.RegisterResourceResponse(urn=goal.new.urn, result=resource_pb2.FAIL)
        outputs = to_struct(made.outputs if made.custom else {})
        return resource_pb2.RegisterResourceResponse(urn=made.urn, id=made.id, object=outputs)

    def RegisterResourceOutputs(self, request, context):
        """Outputs of a component or of the stack."""
        if not self.vetting:
            self.deployment.register_outputs(request.urn, from_struct(request.outputs))
        return Empty()

    @_guarded
    def Invoke(self, request, context):
        """A provider's function."""
        d, key = self.deployment, request.SerializeToString(deterministic=True)
        result = None if self.vetting else self._invoked.pop(key, None)
        if result is None:
            package = request.tok.split(":")[0]
            if package == "pulumi":
                raise Refused(f"the function '{request.tok}'")
            provider = request.provider or default_provider(d, package, request.version)
            resource = Resource(urn="", type=request.tok, custom=True, provider=provider)
            args = from_struct(request.args)
            result = provider_of(d, resource).invoke(request.tok, args, preview=d.preview)
        if self.vetting:
            self._invoked[key] = result
        return provider_pb2.InvokeResponse(**{"return": to_struct(result)})  # pyright: ignore[reportArgumentType]

    def SignalAndWaitForShutdown(self, request, context):
        """The program has registered everything."""
        self.finished = not self.vetting
        return Empty()

    def Log(self, request, context):
        """A message of the program or of a provider."""
        d, severity = self.deployment, ("debug", "info", "warning", "error")[request.severity]
        if not self.vetting:
            d.erred |= severity == "error"
            if not request.ephemeral:
                d.display.message(request.urn or d.stack_urn, severity, request.message)
        return Empty()

    def _goal(self, request: Any) -> Goal:
        d = self.deployment
        inputs = from_struct(request.object)
        asked = [field.name for field, value in request.ListFields() if _is_set(value)]
        asked = [name for name in asked if name not in _KNOWN]
        if any("*" in path for path in request.ignoreChanges):
            asked.append("ignoreChanges with wildcards")
        if has_foreign_mark(inputs):
            asked.append("assets, archives and output values")
        if asked:
            raise Refused(f"{asked[0]} (resource '{request.name}')")
        if request.version and request.type.startswith(PROVIDERS):
            inputs.setdefault("version", request.version)
        new = Resource(
            urn=d.urn(request.parent, request.type, request.name),
            type=request.type,
            custom=request.custom,
            inputs=inputs,
            parent=request.parent,
            protect=request.protect,
            provider=request.provider,
            import_id=request.importId,
            dependencies=sorted(request.dependencies),
            property_dependencies={
                key: sorted(request.propertyDependencies[key].urns)
                for key in sorted(request.propertyDependencies)
            },
            ignore_changes=list(request.ignoreChanges),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            source_position=self._position(request.sourcePosition),
            stack_trace=[
                {"sourcePosition": place} if (place := self._position(frame.pc)) else {}
                for frame in request.stackTrace.frames
            ],
        )
        dbr = request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
        return Goal(new=new, aliases=self._aliases(request), delete_before_replace=dbr)

    def _aliases(self, request: Any) -> list[str]:
        """The URNs under which the state may still have a resource, the program's own first."""
        d, found = self.deployment, list(request.aliasURNs)
        before = {new: old for old, new in d.renamed.items()}
        parent: str = request.parent
        parents = [parent, before[parent]] if parent in before else [parent]
        for alias in (*request.aliases, alias_pb2.Alias()):
            if alias.urn:
                found.append(alias.urn)
                continue
            spec = alias.spec
            above = [spec.parentUrn] if spec.parentUrn else [""] if spec.noParent else parents
            found += [
                make_urn(
                    spec.stack or d.stack.name, spec.project or d.stack.project.name, urn,
                    spec.type or request.type, spec.name or request.name,
                )
                for urn in above
            ]  # fmt: skip
        return found

    def _position(self, position: Any) -> str:
        prefix = f"file://{self.deployment.stack.project.root}/"
        if not position.uri.startswith(prefix):
            return ""
        return f"project:///{position.uri.removeprefix(prefix)}#{position.line}"


def _is_set(value: Any) -> bool:
    """The SDK sends some empty messages."""
    return not hasattr(value, "ByteSize") or value.ByteSize() > 0


def _refusal(what: str) -> Answer:
    @_guarded
    def method(self: Monitor, request: Any, context: Any) -> Any:  # noqa: ARG001
        raise Refused(f"{what} ('{_subject(request)}')")

    return method


_CONTRACT = (resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer)
for _call in [name for service in _CONTRACT for name in vars(service)]:
    if _call not in vars(Monitor) and not _call.startswith("_"):
        setattr(Monitor, _call, _refusal(_call))
