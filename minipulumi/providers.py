"""Configured providers: the ResourceProvider contract in terms of property values."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
import hashlib
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import provider_pb2 as pb

from minipulumi.plugins import Plugin, ProviderError
from minipulumi.resources import Resource, urn_type
from minipulumi.values import (
    Props,
    annotate,
    from_struct,
    is_secret,
    plain,
    secretive,
    to_struct,
    without_references,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Diff:
    """What a provider says about a change."""

    changed: bool
    replaces: list[str] = field(default_factory=list[str])
    delete_first: bool = False
    detailed: dict[str, Any] | None = None  # path → {"kind", "inputDiff"}
    keys: list[str] = field(default_factory=list[str])


class CheckFailed(Exception):  # noqa: N818
    """The provider found inputs wrong."""

    def __init__(self, failures: list[tuple[str, str]]):
        super().__init__(failures)
        self.failures = failures


class Provider:
    """One plugin, configured for one provider entry of the state."""

    def __init__(self, plugin: Plugin, urn: str, engine: str):
        self.plugin, self.urn = plugin, urn
        self.secrets = self.previews = self.references = False
        self.configured = False
        handshake = pb.ProviderHandshakeRequest(
            engine_address=engine, configure_with_urn=True, invoke_with_preview=True
        )
        self._optional("Handshake", handshake)
        self._optional("GetPluginInfo", Empty())

    def check_config(self, olds: Props, news: Props) -> Props:
        """Checks the provider's own settings; one that can't is given them as they are."""
        name, type_ = self.urn.rsplit("::", 1)[-1], urn_type(self.urn)
        request = pb.CheckRequest(
            urn=self.urn, olds=to_struct(plain(olds)), news=to_struct(plain(news)),
            name=name, type=type_,
        )  # fmt: skip
        answer = self._optional("CheckConfig", request)
        if answer is None:
            return news
        _raise_failures(answer, news)
        return annotate(from_struct(answer.inputs), news)

    def diff_config(self, olds: Props, old_inputs: Props, news: Props) -> Diff:
        """Compares the provider's old and new settings."""
        request = pb.DiffRequest(
            urn=self.urn, olds=to_struct(plain(olds)), news=to_struct(plain(news)),
            old_inputs=to_struct(plain(old_inputs)), name=self.urn.rsplit("::", 1)[-1],
            type=urn_type(self.urn),
        )  # fmt: skip
        return _diff(self._optional("DiffConfig", request), old_inputs, news)

    def configure(self, inputs: Props, id_: str) -> None:
        """Hands the provider its settings; secrets are marked in `args`, plain in `variables`."""
        package = urn_type(self.urn).rsplit(":", 1)[-1]
        args = {key: value for key, value in inputs.items() if key != "__internal"}
        # A list or mapping setting reaches a provider as JSON text already.
        variables = {
            f"{package}:config:{key}": str(plain(value))
            for key, value in args.items()
            if key != "version"
        }
        request = pb.ConfigureRequest(
            variables=variables, args=to_struct(args), acceptSecrets=True, acceptResources=True,
            sends_old_inputs=True, sends_old_inputs_to_delete=True, id=id_, urn=self.urn,
            name=self.urn.rsplit("::", 1)[-1], type=urn_type(self.urn),
        )  # fmt: skip
        answer = self.plugin.call("Configure", request)
        self.secrets, self.previews = answer.acceptSecrets, answer.supportsPreview
        self.references, self.configured = answer.acceptResources, True

    def check(self, new: Resource, olds: Props, news: Props) -> Props:
        """Validates and completes a resource's inputs; raises CheckFailed."""
        request = pb.CheckRequest(
            urn=new.urn, olds=self._out(olds), news=self._out(news), name=new.name, type=new.type,
            randomSeed=b"" if olds else hashlib.sha256(new.urn.encode()).digest(),
        )  # fmt: skip
        answer = self.plugin.call("Check", request)
        _raise_failures(answer, news)
        return self._in(answer.inputs, news)

    def diff(self, old: Resource, news: Props, ignore: list[str], urn: str = "") -> Diff:
        """Compares a resource's state with new inputs; an alias may have given it a new URN."""
        request = pb.DiffRequest(
            id=old.id, urn=urn or old.urn, olds=self._out(old.outputs), news=self._out(news),
            old_inputs=self._out(old.inputs), ignoreChanges=ignore, type=old.type,
            name=(urn or old.urn).split("::", 3)[3],
        )  # fmt: skip
        return _diff(self.plugin.call("Diff", request), old.inputs, news)

    def create(self, new: Resource, *, preview: bool) -> tuple[str, Props]:
        """Makes a resource; gives its id and outputs."""
        if preview and not self.previews:
            return "", new.inputs
        request = pb.CreateRequest(
            urn=new.urn, properties=self._out(new.inputs), preview=preview,
            name=new.name, type=new.type,
        )  # fmt: skip
        answer = self.plugin.call("Create", request)
        return answer.id, self._outputs(answer.properties, new)

    def update(self, old: Resource, new: Resource, *, preview: bool) -> Props:
        """Changes a resource in place; gives its outputs."""
        if preview and not self.previews:
            return {**old.outputs, **new.inputs}
        request = pb.UpdateRequest(
            id=old.id, urn=new.urn, olds=self._out(old.outputs), news=self._out(new.inputs),
            old_inputs=self._out(old.inputs), ignoreChanges=new.ignore_changes, preview=preview,
            name=new.name, type=new.type,
        )  # fmt: skip
        return self._outputs(self.plugin.call("Update", request).properties, new)

    def delete(self, old: Resource) -> None:
        """Deletes a resource."""
        request = pb.DeleteRequest(
            id=old.id, urn=old.urn, properties=self._out(old.outputs),
            old_inputs=self._out(old.inputs), name=old.name, type=old.type,
        )  # fmt: skip
        self.plugin.call("Delete", request)

    def read(self, old: Resource) -> tuple[str, Props, Props] | None:
        """Reads a resource: its id, inputs and outputs, or None if it is gone.

        What comes back plain is marked where the state had a secret. The real engine doesn't, and
        leaves secrets in clear after a refresh.
        """
        request = pb.ReadRequest(
            id=old.id, urn=old.urn, properties=self._out(old.outputs),
            inputs=self._out(old.inputs), name=old.name, type=old.type,
        )  # fmt: skip
        answer = self.plugin.call("Read", request)
        if not answer.id:
            return None
        outputs = annotate(self._outputs(answer.properties, old), old.outputs)
        if not answer.HasField("inputs"):
            return answer.id, old.inputs, outputs
        return answer.id, annotate(from_struct(answer.inputs), old.inputs), outputs

    def invoke(self, token: str, args: Props, *, preview: bool) -> Props:
        """Calls one of the provider's functions."""
        request = pb.InvokeRequest(tok=token, args=self._out(args), preview=preview)
        answer = self.plugin.call("Invoke", request)
        _raise_failures(answer, args)
        return from_struct(getattr(answer, "return"))

    def cancel(self) -> None:
        """Says that the operation is over."""
        self._optional("Cancel", Empty())

    def _optional(self, method: str, request: Any) -> Any:
        try:
            return self.plugin.call(method, request)
        except ProviderError as error:
            if error.code == grpc.StatusCode.UNIMPLEMENTED or method == "Cancel":
                return None
            raise

    def _out(self, props: Props) -> Any:
        value = props if self.secrets else plain(props)
        return to_struct(value if self.references else without_references(value))

    def _in(self, struct: Any, model: Props) -> Props:
        props = from_struct(struct)
        return props if self.secrets else annotate(props, model)

    def _outputs(self, struct: Any, resource: Resource) -> Props:
        props = self._in(struct, resource.inputs)
        return secretive(props, resource.additional_secret_outputs)


def changed_keys(old: Props, new: Props) -> list[str]:
    """The top-level properties that differ."""
    return sorted(k for k in {*old, *new} if old.get(k) != new.get(k) or (k in old) != (k in new))


def _diff(answer: Any, old_inputs: Props, news: Props) -> Diff:
    keys = changed_keys(old_inputs, news)
    if answer is None:
        return Diff(bool(keys), keys=keys)
    unknown = answer.changes == pb.DiffResponse.DIFF_UNKNOWN
    detailed = None
    if answer.hasDetailedDiff:
        detailed = {path: MessageToDict(change) for path, change in answer.detailedDiff.items()}
    return Diff(
        bool(keys) if unknown else answer.changes == pb.DiffResponse.DIFF_SOME,
        sorted(answer.replaces),
        answer.deleteBeforeReplace,
        detailed,
        sorted({*answer.diffs}) or keys,
    )


def _raise_failures(answer: Any, inputs: Props) -> None:
    if not answer.failures:
        return
    found: list[tuple[str, str]] = []
    for failure in answer.failures:
        value = inputs.get(failure.property.split(".")[0].split("[")[0])
        shown = "[secret]" if is_secret(value) else plain(value)
        place = f"property {failure.property} value {{{shown}}} has a problem: "
        found.append((failure.property, (place if failure.property else "") + failure.reason))
    raise CheckFailed(found)
