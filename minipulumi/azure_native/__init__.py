"""A stand-in for Pulumi's azure-native provider: the program's inputs become calls to ARM.

It covers the types of `types.yaml` and refuses every other by its token. minipulumi calls
`provider.AzureNativeProvider` directly; `python -m minipulumi.azure_native` serves the same
class over gRPC, as a plugin of a real Pulumi engine.
"""
