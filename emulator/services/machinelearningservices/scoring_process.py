"""The process of one deployment: the user's scoring script behind a small HTTP server.

It is run as a program, on its own, and imports nothing of ours. The contract is that of Microsoft's
`azureml-inference-server-http`: `init()` once before the first call; `POST /score` gives `run` the
body as text and answers with its value as JSON, or as the server's own `AMLResponse` says; `GET /`
says that it is healthy; an exception in `run` is a 500 with its words.

    python scoring_process.py SCRIPT PORT_FILE
"""

import importlib.util
import json
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def main(script: str, port_file: str) -> None:
    """Load the script, call its `init`, and serve; the port is in the file once it can be asked."""
    sys.path[:1] = [str(Path(script).parent.resolve()), str(Path.cwd())]
    run = _loaded(script)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(run))
    server.daemon_threads = True
    whole = Path(port_file).with_suffix(".part")
    whole.write_text(str(server.server_address[1]), encoding="ascii")
    whole.rename(port_file)
    server.serve_forever()


def _loaded(script: str) -> Callable[[str], Any]:
    specification = importlib.util.spec_from_file_location("entry_module", script)
    if specification is None or specification.loader is None:
        raise SystemExit(f"The scoring script '{script}' is no Python file.")
    module = importlib.util.module_from_spec(specification)
    sys.modules["entry_module"] = module
    specification.loader.exec_module(module)
    for name in ("init", "run"):
        if not callable(getattr(module, name, None)):
            raise SystemExit(f"The scoring script '{script}' has no function {name}().")
    module.init()
    return module.run


def _handler(run: Callable[[str], Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.partition("?")[0] == "/":
                self._answer(200, b"Healthy", "text/plain")
            else:
                self._answer(405, b"POST", "text/plain")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                status, content, kind = _answer_of(run(body.decode("utf-8")))
            except Exception as error:
                _say(traceback.format_exc().rstrip())
                self._answer(500, str(error).encode(), "text/plain")
            else:
                self._answer(status, content, kind)

        def _answer(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # its name there
            _say(format % args)

    return Handler


def _answer_of(value: Any) -> tuple[int, bytes, str]:
    """Status, content and type: a script that has Azure ML's server may make the answer itself."""
    server = sys.modules.get("azureml_inference_server_http.api.aml_response")
    if server is not None and isinstance(value, server.AMLResponse):
        return value.status_code, value.get_data(), value.content_type
    return 200, json.dumps(value).encode(), "application/json"


_saying = threading.Lock()


def _say(text: str) -> None:
    with _saying:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
