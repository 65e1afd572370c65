"""The gateway to Azure: the only folder of the product that imports `azure.*` or `openai`.

Thin verbs, one file a subject, that take a `Session` and return this project's own frozen
dataclasses. What Azure answers is translated to `jobs.errors` in `refusals.py`, by status and error
code. Everything is plain ARM over azure-core, because `azure.ai.ml` takes about five seconds to
import; `submission.py`, which is needed once a training, is the one file that uses it.
"""
