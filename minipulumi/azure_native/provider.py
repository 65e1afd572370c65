"""The provider as Pulumi's engine sees it: one method a call of the gRPC contract.

The methods take and return protobuf messages and know nothing of gRPC but the `context`, so that
minipulumi can call them directly.
"""

import difflib
import functools
import os
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs] it has none
    code_pb2,
    status_pb2,
)
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from minipulumi.azure_native import body, credentials, defaults, difference, resource_types
from minipulumi.azure_native.arm import PATIENCE_SECONDS, Arm
from minipulumi.azure_native.check import check
from minipulumi.azure_native.errors import (
    HalfCreatedError,
    OperationFailedError,
    ProviderError,
)
from minipulumi.azure_native.functions import FUNCTIONS
from minipulumi.azure_native.resource_types import ResourceType, UnknownTypeError
from minipulumi.values import (
    UNKNOWN,
    Props,
    annotate,
    from_struct,
    plain,
    to_struct,
)

# The version of azure-native whose types and api-versions types.yaml follows.
VERSION = "3.29.0"
# What the engine adds to a provider's configuration by itself.
ENGINE_KEYS = ("version", "pluginDownloadURL", "__internal")

Message = TypeVar("Message")


def answers_errors(method: Callable[..., Message]) -> Callable[..., Message]:
    """Ends a call that fails for a known reason as gRPC does, with the reason and no traceback."""

    @functools.wraps(method)
    def call(self: "AzureNativeProvider", request: Any, context: Any) -> Message:
        try:
            return method(self, request, context)
        except HalfCreatedError as error:
            _abort_half_created(error, context)
        except (ProviderError, UnknownTypeError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
            raise

    return call


class AzureNativeProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Creates, reads, updates and deletes the resources of `types.yaml` in ARM."""

    def __init__(self) -> None:
        self._account = credentials.account({}, os.environ)
        self._arm: Arm | None = None
        self._places: dict[str, str] = {}  # of resource groups, by name

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 the contract's names
        """What the engine and the provider can do for each other."""
        del request, context
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False
        )

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The version that this stands in for."""
        del request, context
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refused: a Python program brings its types along."""
        del request
        _refuse(context, "GetSchema: this stand-in for azure-native has no schema to give.")

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuse settings of azure-native that would be without effect here."""
        del context
        news = from_struct(request.news)
        failures = [
            provider_pb2.CheckFailure(property=key, reason=_unknown_setting(key))
            for key in sorted(set(news) - {*credentials.SETTINGS, *ENGINE_KEYS})
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell whether the settings changed; no change replaces what they have made."""
        del context
        changed = from_struct(request.old_inputs) != from_struct(request.news)
        changes = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(
            changes=changes.DIFF_SOME if changed else changes.DIFF_NONE
        )

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Take the settings; nobody is signed in before the first call that needs it."""
        del context
        self._account = credentials.account(dict(request.variables), os.environ)
        self._arm = None
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    @answers_errors
    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A function of `functions.py`; every other is refused by name."""
        function = FUNCTIONS.get(request.tok)
        if function is None:
            _refuse(
                context,
                f"{request.tok} isn't covered by this stand-in for azure-native, which knows "
                f"{', '.join(FUNCTIONS)}.",
            )
        answer = function(from_struct(request.args), self._account, self._client())
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").update(answer)  # a field that Python can't spell
        return response

    @answers_errors
    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Validate the program's inputs, with the names and the place that they leave open."""
        del context
        type_ = _type_of(request)
        inputs = defaults.complete(
            type_,
            from_struct(request.news),
            from_struct(request.olds),
            name=request.urn.split("::")[-1],
            seed=request.randomSeed,
            location=functools.partial(self._location, type_),
        )
        failures = [
            provider_pb2.CheckFailure(property=finding.property, reason=finding.reason)
            for finding in check(type_, inputs)
        ]
        return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=failures)

    @answers_errors
    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Compare inputs with inputs; Azure isn't asked."""
        del context
        old_inputs = from_struct(request.old_inputs)
        changes = difference.compare(
            _type_of(request), old_inputs, from_struct(request.news), list(request.ignoreChanges)
        )
        replaces = [change.path for change in changes if change.replaces]
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME
            if changes
            else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=replaces,
            diffs=sorted({change.path.split(".")[0] for change in changes}),
            detailedDiff={
                change.path: provider_pb2.PropertyDiff(
                    kind=provider_pb2.PropertyDiff.Kind.Value(
                        f"{change.kind}_REPLACE" if change.replaces else change.kind
                    ),
                    inputDiff=True,
                )
                for change in changes
            },
            hasDetailedDiff=True,
            # azure-native's rule: a name that was given can be had once, so the old one goes first.
            deleteBeforeReplace=bool(replaces)
            and old_inputs.get(defaults.CREATE_FIRST) is not True,
        )

    @answers_errors
    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """PUT what isn't there yet, wait for it, and read it back."""
        del context
        type_ = _type_of(request)
        inputs = from_struct(request.properties)
        if request.preview:
            outputs = body.preview(type_, inputs)
            return provider_pb2.CreateResponse(
                id="", properties=to_struct(annotate(outputs, inputs))
            )
        id_ = self._id(type_, inputs)
        if self._client().get(id_, type_.api_version):
            # As azure-native: what somebody else made is never taken over in silence.
            raise ProviderError(f"cannot create already existing resource '{id_}'")
        id_, outputs = self._put(type_, id_, inputs, request.timeout)
        return provider_pb2.CreateResponse(id=id_, properties=to_struct(annotate(outputs, inputs)))

    @answers_errors
    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The resource as Azure has it now; an empty answer when it is gone."""
        del context
        type_ = _type_of(request)
        answer = self._client().get(request.id, type_.api_version)
        if answer is None:
            return provider_pb2.ReadResponse()
        inputs, before = from_struct(request.inputs), from_struct(request.properties)
        outputs = body.outputs(type_, answer)
        names = type_.names_in(request.id)
        found = body.inputs_from(type_, {**names, **inputs}, before, outputs)
        return provider_pb2.ReadResponse(
            id=str(answer.get("id", request.id)) if not inputs else request.id,
            properties=to_struct(annotate(annotate(outputs, inputs), before)),
            inputs=to_struct(annotate(found, inputs)),
        )

    @answers_errors
    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """PUT the whole of the new inputs, wait for it, and read it back."""
        del context
        type_ = _type_of(request)
        inputs, before = from_struct(request.news), from_struct(request.olds)
        if request.preview:
            outputs = body.preview(type_, inputs, before)
        else:
            _, outputs = self._put(type_, request.id, inputs, request.timeout)
        return provider_pb2.UpdateResponse(properties=to_struct(annotate(outputs, inputs)))

    @answers_errors
    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """DELETE it and wait; what is gone already is a success."""
        del context
        type_ = _type_of(request)
        patience = request.timeout or PATIENCE_SECONDS
        self._client().delete(request.id, type_.api_version, patience)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Let what is under way end: a PUT nobody follows would leave an orphan behind."""
        del request, context
        return empty_pb2.Empty()

    def _put(
        self, type_: ResourceType, id_: str, inputs: Props, timeout: float
    ) -> tuple[str, Props]:
        arm = self._client()
        try:
            actual_id = arm.put(
                id_,
                type_.api_version,
                body.request_body(type_, inputs),
                timeout or PATIENCE_SECONDS,
            )
        except OperationFailedError as error:
            if left := arm.get(id_, type_.api_version):
                raise HalfCreatedError(
                    str(error),
                    id_=str(left.get("id", id_)),
                    inputs=inputs,
                    outputs=annotate(body.outputs(type_, left), inputs),
                ) from error
            raise
        answer = arm.get(actual_id, type_.api_version)
        if answer is None:
            raise ProviderError(f"{actual_id} was made, and Azure doesn't find it. Run again.")
        return str(answer.get("id", actual_id)), body.outputs(type_, answer)

    def _id(self, type_: ResourceType, inputs: Props) -> str:
        names = {name: plain(inputs.get(name)) for name in type_.names}
        unknown = [name for name, value in names.items() if value == UNKNOWN]
        if unknown:
            raise ProviderError(f"{', '.join(unknown)} isn't known yet, and is part of the id.")
        subscription = "" if "scope" in type_.names else self._account.subscription_id
        return type_.id(subscription, names)

    def _location(self, type_: ResourceType, inputs: Props) -> str | None:
        """Where a resource is made that doesn't say: as the stack is set, or where its group is."""
        group = plain(inputs.get("resourceGroupName"))
        if self._account.location or group is None or type_.own_name == "resourceGroupName":
            return self._account.location
        if group == UNKNOWN:
            return UNKNOWN
        if group not in self._places:
            type_ = resource_types.find("azure-native:resources:ResourceGroup")
            id_ = type_.id(self._account.subscription_id, {"resourceGroupName": group})
            found = self._client().get(id_, type_.api_version)
            if found is None:
                return None
            self._places[group] = str(found["location"])
        return self._places[group]

    def _client(self) -> Arm:
        if self._arm is None:
            self._arm = Arm(self._account.credential())
        return self._arm


def _type_of(request: Any) -> ResourceType:
    # urn:pulumi:<stack>::<project>::<parent types joined by $>$<type>::<name>
    return resource_types.find(request.urn.split("::")[2].rsplit("$", 1)[-1])


def _unknown_setting(key: str) -> str:
    close = difflib.get_close_matches(key, credentials.SETTINGS, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "the real plugin may know it"
    return f"isn't covered by this stand-in for azure-native; {hint}"


def _refuse(context: Any, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
    raise NotImplementedError(message)


def _abort_half_created(error: HalfCreatedError, context: Any) -> NoReturn:
    """The resource goes into the state with its error, as a half-made one (initErrors)."""
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.id,
            properties=to_struct(error.outputs),
            inputs=to_struct(error.inputs),
            reasons=[str(error)],
        )
    )
    status = status_pb2.Status(code=code_pb2.UNKNOWN, message=str(error), details=[detail])
    context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
    context.abort(grpc.StatusCode.UNKNOWN, str(error))
    raise error
