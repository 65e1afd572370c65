"""Configured providers: the ResourceProvider contract in terms of property values."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
import hashlib
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import provider_pb2 as pb

from minipulumi.plugins import Plugin, ProviderError
from minipulumi.resources import Resource, changed_keys, urn_type
from minipulumi.values import (
    Props,
    annotate,
    from_struct,
    is_secret,
    mark,
    plain,
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
    """The provider found inputs wrong: a text for each."""

    def __init__(self, failures: list[str]):
        super().__init__("; ".join(failures))
        self.failures = failures


class Provider:
    """One plugin, configured for one provider entry of the state."""

    def __init__(self, plugin: Plugin, urn: str, engine: str):
        self.plugin, self._urn = plugin, urn
        self._secrets = self._previews = self._references = False
        handshake = pb.ProviderHandshakeRequest(
            engine_address=engine, configure_with_urn=True, invoke_with_preview=True
        )
        self._optional("Handshake", handshake)
        self._optional("GetPluginInfo", Empty())

    def check_config(self, olds: Props, news: Props) -> Props:
        """Checks the provider's own settings; one that can't is given them as they are."""
        request = pb.CheckRequest(**self._named(self._urn), **_plain(olds=olds, news=news))
        answer = self._optional("CheckConfig", request)
        if answer is None:
            return news
        _raise_failures(answer, news)
        return annotate(from_struct(answer.inputs), news)

    def diff_config(self, olds: Props, old_inputs: Props, news: Props) -> Diff:
        """Compares the provider's old and new settings."""
        values = _plain(olds=olds, old_inputs=old_inputs, news=news)
        request = pb.DiffRequest(**self._named(self._urn), **values)
        return _diff(self._optional("DiffConfig", request), old_inputs, news)

    def configure(self, inputs: Props, id_: str) -> None:
        """Hands the provider its settings; secrets are marked in `args`, plain in `variables`."""
        package = urn_type(self._urn).rsplit(":", 1)[-1]
        args = {key: value for key, value in inputs.items() if key != "__internal"}
        # A list or mapping setting reaches a provider as JSON text already.
        variables = {
            f"{package}:config:{key}": str(plain(value))
            for key, value in args.items()
            if key != "version"
        }
        request = pb.ConfigureRequest(
            **self._named(self._urn), id=id_, variables=variables, args=to_struct(args),
            acceptSecrets=True, acceptResources=True,
            sends_old_inputs=True, sends_old_inputs_to_delete=True,
        )  # fmt: skip
        answer = self.plugin.call("Configure", request)
        self._secrets, self._previews = answer.acceptSecrets, answer.supportsPreview
        self._references = answer.acceptResources

    def check(self, new: Resource, olds: Props, news: Props) -> Props:
        """Validates and completes a resource's inputs; raises CheckFailed."""
        seed = b"" if olds else hashlib.sha256(new.urn.encode()).digest()
        values = self._values(olds=olds, news=news)
        request = pb.CheckRequest(**self._named(new.urn), **values, randomSeed=seed)
        answer = self.plugin.call("Check", request)
        _raise_failures(answer, news)
        return self._read_struct(answer.inputs, news)

    def diff(self, old: Resource, news: Props, ignore: list[str], urn: str = "") -> Diff:
        """Compares a resource's state with new inputs; an alias may have given it a new URN."""
        values = self._values(olds=old.outputs, old_inputs=old.inputs, news=news)
        request = pb.DiffRequest(
            **self._named(urn or old.urn), **values, id=old.id, ignoreChanges=ignore
        )
        return _diff(self.plugin.call("Diff", request), old.inputs, news)

    def create(self, new: Resource, *, preview: bool) -> tuple[str, Props]:
        """Makes a resource; gives its id and outputs."""
        if preview and not self._previews:
            return "", new.inputs
        values = self._values(properties=new.inputs)
        request = pb.CreateRequest(**self._named(new.urn), **values, preview=preview)
        answer = self.plugin.call("Create", request)
        return answer.id, self._outputs(answer.properties, new)

    def update(self, old: Resource, new: Resource, *, preview: bool) -> Props:
        """Changes a resource in place; gives its outputs."""
        if preview and not self._previews:
            return {**old.outputs, **new.inputs}
        values = self._values(olds=old.outputs, old_inputs=old.inputs, news=new.inputs)
        request = pb.UpdateRequest(
            **self._named(new.urn), **values, id=old.id,
            ignoreChanges=new.ignore_changes, preview=preview,
        )  # fmt: skip
        return self._outputs(self.plugin.call("Update", request).properties, new)

    def delete(self, old: Resource) -> None:
        """Deletes a resource."""
        values = self._values(properties=old.outputs, old_inputs=old.inputs)
        self.plugin.call("Delete", pb.DeleteRequest(**self._named(old.urn), **values, id=old.id))

    def read(self, old: Resource) -> tuple[str, Props, Props] | None:
        """Reads a resource: its id, inputs and outputs, or None if it is gone.

        What comes back plain is marked where the state had a secret. The real engine doesn't, and
        leaves secrets in clear after a refresh.
        """
        values = self._values(properties=old.outputs, inputs=old.inputs)
        request = pb.ReadRequest(**self._named(old.urn), **values, id=old.id)
        answer = self.plugin.call("Read", request)
        if not answer.id:
            return None
        inputs = from_struct(answer.inputs) if answer.HasField("inputs") else old.inputs
        outputs = annotate(self._outputs(answer.properties, old), old.outputs)
        return answer.id, annotate(inputs, old.inputs), outputs

    def invoke(self, token: str, args: Props, *, preview: bool) -> Props:
        """Calls one of the provider's functions."""
        request = pb.InvokeRequest(tok=token, **self._values(args=args), preview=preview)
        answer = self.plugin.call("Invoke", request)
        _raise_failures(answer, args)
        return from_struct(getattr(answer, "return"))

    def close(self) -> None:
        """Says that the operation is over, and ends the plugin."""
        self._optional("Cancel", Empty())
        self.plugin.close()

    def _optional(self, method: str, request: Any) -> Any:
        try:
            return self.plugin.call(method, request)
        except ProviderError as error:
            if error.unimplemented or method == "Cancel":
                return None
            raise

    def _named(self, urn: str) -> dict[str, Any]:
        return {"urn": urn, "name": urn.split("::", 3)[3], "type": urn_type(urn)}

    def _values(self, **values: Props) -> dict[str, Any]:
        """Values in the forms that this provider accepts."""
        if not self._secrets:
            values = plain(values)
        if not self._references:
            values = without_references(values)
        return {name: to_struct(value) for name, value in values.items()}

    def _read_struct(self, struct: Any, model: Props) -> Props:
        props = from_struct(struct)
        return props if self._secrets else annotate(props, model)

    def _outputs(self, struct: Any, resource: Resource) -> Props:
        secret = resource.additional_secret_outputs
        props = self._read_struct(struct, resource.inputs)
        return {key: mark(value) if key in secret else value for key, value in props.items()}


def _plain(**values: Props) -> dict[str, Any]:
    return {name: to_struct(plain(value)) for name, value in values.items()}


def _diff(answer: Any, old_inputs: Props, news: Props) -> Diff:
    keys = changed_keys(old_inputs, news)
    if answer is None:
        return Diff(bool(keys), keys=keys)
    unknown = answer.changes == pb.DiffResponse.DIFF_UNKNOWN
    detailed = {path: MessageToDict(change) for path, change in answer.detailedDiff.items()}
    return Diff(
        bool(keys) if unknown else answer.changes == pb.DiffResponse.DIFF_SOME,
        sorted(answer.replaces),
        answer.deleteBeforeReplace,
        detailed if answer.hasDetailedDiff else None,
        sorted({*answer.diffs}) or keys,
    )


def _raise_failures(answer: Any, inputs: Props) -> None:
    found: list[str] = []
    for failure in answer.failures:
        value = inputs.get(failure.property.split(".")[0].split("[")[0])
        shown = "[secret]" if is_secret(value) else plain(value)
        place = f"property {failure.property} value {{{shown}}} has a problem: "
        found.append((place if failure.property else "") + failure.reason)
    if found:
        raise CheckFailed(found)
