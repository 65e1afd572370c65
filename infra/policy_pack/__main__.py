"""Serves this pack to Pulumi's engine: pulumi preview --policy-pack infra/policy_pack."""

from pathlib import Path

from infra.policy_pack.pack import serve

serve(Path(__file__).parent)
