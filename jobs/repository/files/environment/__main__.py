"""The environment of Pulumi.@stack@.yaml, as the version in requirements.txt makes it."""

import runpy

runpy.run_module("infra", run_name="__main__")
