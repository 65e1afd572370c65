"""The host of a serverless endpoint: chat completions, `/info`, the content filter, streaming."""
