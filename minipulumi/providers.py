"""Configured providers: the ResourceProvider contract in terms of property values."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import provider_pb2 as pb

from minipulumi import values
from minipulumi.plugins import Plugin, ProviderError
from minipulumi.resources import Resource, changed_keys, urn_type
from minipulumi.values import Props


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
        self._plugin, self._urn = plugin, urn
        self._secrets = self._previews = self._references = False
        handshake = pb.ProviderHandshakeRequest(
            engine_address=engine, configure_with_urn=True, invoke_with_preview=True
        )
        plugin.call("Handshake", handshake, optional=True)
        plugin.call("GetPluginInfo", Empty(), optional=True)

    def check_config(self, olds: Props, news: Props) -> Props:
        """Checks the provider's own settings; one that can't is given them as they are."""
        answer = self._ask("CheckConfig", self._urn, olds=olds, news=news)
        if answer is None:
            return news
        _raise_failures(answer, news)
        return values.annotate(values.from_struct(answer.inputs), news)

    def diff_config(self, olds: Props, old_inputs: Props, news: Props) -> Diff:
        """Compares the provider's old and new settings."""
        answer = self._ask("DiffConfig", self._urn, olds=olds, old_inputs=old_inputs, news=news)
        return _diff(answer, old_inputs, news)

    def configure(self, inputs: Props, id_: str) -> None:
        """Hands the provider its settings; secrets are marked in `args`, plain in `variables`."""
        package = urn_type(self._urn).rsplit(":", 1)[-1]
        # A list or mapping setting reaches a provider as JSON text already.
        variables = {f"{package}:config:{k}": str(values.plain(v)) for k, v in inputs.items()}
        variables.pop(f"{package}:config:version", None)
        request = pb.ConfigureRequest(
            **_named(self._urn), id=id_, variables=variables, args=values.to_struct(inputs),
            acceptSecrets=True, acceptResources=True,
            sends_old_inputs=True, sends_old_inputs_to_delete=True,
        )  # fmt: skip
        answer = self._plugin.call("Configure", request)
        self._secrets, self._previews = answer.acceptSecrets, answer.supportsPreview
        self._references = answer.acceptResources

    def check(self, new: Resource, olds: Props, news: Props) -> Props:
        """Validates and completes a resource's inputs; raises CheckFailed."""
        seed = b"" if olds else os.urandom(32)  # a name that is drawn is drawn anew each time
        answer = self._ask("Check", new.urn, olds=olds, news=news, randomSeed=seed)
        _raise_failures(answer, news)
        return self._marked(answer.inputs, news)

    def diff(self, old: Resource, news: Props, ignore: list[str], urn: str = "") -> Diff:
        """Compares a resource's state with new inputs; an alias may have given it a new URN."""
        answer = self._ask(
            "Diff", urn or old.urn, id=old.id, olds=old.outputs, old_inputs=old.inputs, news=news,
            ignoreChanges=ignore,
        )  # fmt: skip
        return _diff(answer, old.inputs, news)

    def create(self, new: Resource, *, preview: bool) -> tuple[str, Props]:
        """Makes a resource; gives its id and outputs."""
        if preview and not self._previews:
            return "", new.inputs
        answer = self._ask("Create", new.urn, properties=new.inputs, preview=preview)
        return answer.id, self._outputs(answer.properties, new)

    def update(self, old: Resource, new: Resource, *, preview: bool) -> Props:
        """Changes a resource in place; gives its outputs."""
        if preview and not self._previews:
            return {**old.outputs, **new.inputs}
        answer = self._ask(
            "Update", new.urn, id=old.id, olds=old.outputs, old_inputs=old.inputs, news=new.inputs,
            ignoreChanges=new.ignore_changes, preview=preview,
        )  # fmt: skip
        return self._outputs(answer.properties, new)

    def delete(self, old: Resource) -> None:
        """Deletes a resource."""
        self._ask("Delete", old.urn, id=old.id, properties=old.outputs, old_inputs=old.inputs)

    def read(self, old: Resource) -> tuple[str, Props, Props] | None:
        """Reads a resource: its id, inputs and outputs, or None if it is gone.

        What comes back plain is marked where the state had a secret. The real engine doesn't, and
        leaves secrets in clear after a refresh.
        """
        answer = self._ask("Read", old.urn, id=old.id, properties=old.outputs, inputs=old.inputs)
        if not answer.id:
            return None
        inputs = values.from_struct(answer.inputs) if answer.HasField("inputs") else old.inputs
        outputs = values.annotate(self._outputs(answer.properties, old), old.outputs)
        return answer.id, values.annotate(inputs, old.inputs), outputs

    def invoke(self, token: str, args: Props, *, preview: bool) -> Props:
        """Calls one of the provider's functions."""
        request = pb.InvokeRequest(tok=token, args=self._struct(args), preview=preview)
        answer = self._plugin.call("Invoke", request)
        _raise_failures(answer, args)
        return values.from_struct(getattr(answer, "return"))

    def close(self) -> None:
        """Says that the operation is over, and ends the plugin."""
        with suppress(ProviderError):
            self._plugin.call("Cancel", Empty())
        self._plugin.close()

    def _ask(self, method: str, urn: str, **parts: Any) -> Any:
        """Calls a method about a resource."""
        sent = {k: self._struct(v) if isinstance(v, dict) else v for k, v in parts.items()}
        request = getattr(pb, f"{method.removesuffix('Config')}Request")(**_named(urn), **sent)
        return self._plugin.call(method, request, optional=method.endswith("Config"))

    def _struct(self, value: Props) -> Any:
        """A value in the form that this provider accepts."""
        value = value if self._secrets else values.plain(value)
        return values.to_struct(value if self._references else values.without_references(value))

    def _marked(self, struct: Any, model: Props) -> Props:
        props = values.from_struct(struct)
        return props if self._secrets else values.annotate(props, model)

    def _outputs(self, struct: Any, resource: Resource) -> Props:
        secret = resource.additional_secret_outputs
        outputs = self._marked(struct, resource.inputs)
        return {
            key: values.mark(value) if key in secret else value for key, value in outputs.items()
        }


def _named(urn: str) -> dict[str, str]:
    return {"urn": urn, "name": urn.split("::", 3)[3], "type": urn_type(urn)}


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
        shown = "[secret]" if values.is_secret(value) else values.plain(value)
        place = f"property {failure.property} value {{{shown}}} has a problem: "
        found.append((place if failure.property else "") + failure.reason)
    if found:
        raise CheckFailed(found)
