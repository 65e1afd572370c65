"""Policy packs: Pulumi's analyzers, each a process that judges every resource before it is made."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2

from minipulumi.errors import PulumiError, Refused
from minipulumi.plugins import Plugin, PluginHost
from minipulumi.project import load_yaml, refuse_others
from minipulumi.resources import Resource, urn_type
from minipulumi.values import to_struct

_KNOWN = {"runtime", "version", "description", "author", "website", "license"}


@dataclass(frozen=True, slots=True)
class Violation:
    """What a policy has to say about a resource, or about the whole stack."""

    policy: str
    mandatory: bool
    message: str
    urn: str


@dataclass(slots=True)
class PolicyPack:
    """A running pack, and what it has found so far."""

    path: str
    name: str
    version: str
    plugin: Plugin
    violations: list[Violation] = field(default_factory=list[Violation])

    def judge(self, resource: Resource) -> list[Violation]:
        """What its policies find in one resource as the program wants it."""
        request = analyzer_pb2.AnalyzeRequest(
            type=resource.type,
            properties=to_struct(resource.inputs),
            urn=resource.urn,
            name=resource.name,
            options=_options(resource),
        )
        return self._found("Analyze", request)

    def judge_stack(self, resources: list[Resource]) -> list[Violation]:
        """What its policies find in the stack as a whole, once everything is registered."""
        request = analyzer_pb2.AnalyzeStackRequest(
            resources=[
                analyzer_pb2.AnalyzerResource(
                    type=one.type,
                    properties=to_struct({**one.inputs, **one.outputs}),
                    urn=one.urn,
                    name=one.name,
                    options=_options(one),
                    parent=one.parent,
                    dependencies=one.dependencies,
                )
                for one in resources
            ]
        )
        return self._found("AnalyzeStack", request)

    def _found(self, method: str, request: Any) -> list[Violation]:
        answer = self.plugin.call(method, request)
        found = [
            Violation(
                policy=one.policyName,
                mandatory=one.enforcementLevel == analyzer_pb2.MANDATORY,
                message=one.message,
                urn=one.urn or getattr(request, "urn", ""),
            )
            for one in answer.diagnostics
            if one.enforcementLevel != analyzer_pb2.DISABLED
        ]
        self.violations += found
        return found


def start(host: PluginHost, paths: list[str], *, stack: str, preview: bool) -> Iterator[PolicyPack]:
    """Starts the packs in these folders.

    Raises:
        PulumiError: A folder has no pack.
        Refused: A pack asks for what is not covered.
    """
    for path in paths:
        folder = Path(path).resolve()
        file = folder / "PulumiPolicy.yaml"
        if not file.is_file():
            raise PulumiError(f"could not find PulumiPolicy.yaml in {path}")
        settings = load_yaml(file)
        refuse_others(settings, _KNOWN, str(file))
        if settings.get("runtime") != "python":
            raise Refused(f"a policy pack of runtime '{settings.get('runtime')}'")
        plugin = host.start_analyzer(folder, stack=stack, preview=preview)
        info = plugin.call("GetAnalyzerInfo", Empty())
        if any(one.enforcementLevel == analyzer_pb2.REMEDIATE for one in info.policies):
            plugin.close()
            raise Refused("policies that remediate")
        version = str(settings.get("version") or info.version)
        yield PolicyPack(path, info.name, version, plugin)


def policy_lines(packs: list[PolicyPack]) -> Iterator[str]:
    """What the packs found, as the real CLI lists it."""
    for pack in packs:
        levels = {one.mandatory for one in pack.violations}
        sign = "❌" if True in levels else "⚠️" if levels else "✅"
        yield f"    {sign} {pack.name}@v{pack.version} (local: {pack.path})"
        for one in pack.violations:
            level = "mandatory" if one.mandatory else "advisory"
            where = f"  ({urn_type(one.urn)}: {one.urn.split('::', 3)[3]})" if one.urn else ""
            yield f"        - [{level}]  {one.policy}{where}"
            yield from (f"          {line}" for line in one.message.splitlines())


def _options(resource: Resource) -> analyzer_pb2.AnalyzerResourceOptions:
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=resource.protect,
        ignoreChanges=resource.ignore_changes,
        additionalSecretOutputs=resource.additional_secret_outputs,
        parent=resource.parent,
    )
