"""A Chromium to try pages in, driven over a pipe by its DevTools protocol, without a library."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Chromium:
    """One page in a browser without a window; `with` ends it."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            FileNotFoundError: There is none on this machine.
        """
        program = next((found for name in NAMES if (found := shutil.which(name))), None)
        if program is None:
            raise FileNotFoundError(f"none of {', '.join(NAMES)} is on PATH: install Chromium")
        self._home = tempfile.mkdtemp(prefix="chromium-")
        (read_here, write_there), (read_there, write_here) = os.pipe(), os.pipe()
        self._process = subprocess.Popen(
            # The browser reads from descriptor 3 and writes to 4.
            [
                "bash",
                "-c",
                f'exec "$0" "$@" 3<&{read_there} 4>&{write_there}',
                program,
                *self._flags(),
            ],
            pass_fds=(read_there, write_there),
            stderr=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self._said, self._asks = os.fdopen(read_here, "rb"), os.fdopen(write_here, "wb")
        self._number = 0
        self.complaints: list[str] = []
        """What the browser held against the page: policy violations, errors of scripts."""
        self.requests: list[str] = []
        """Every address that was asked for."""
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})
        self._page = str(attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def _flags(self) -> Sequence[str]:
        flags = ["--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"]
        return [*flags, "--no-sandbox", f"--user-data-dir={self._home}"]

    def open(
        self, page: Path | str, *, width: int = 1280, dark: bool = False, media: str = ""
    ) -> None:
        """Show a file or an address at a width, in a scheme, on screen or (`print`) on paper."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})
        address = page if isinstance(page, str) else page.as_uri()
        self.call("Page.navigate", {"url": address})
        self.loaded()

    def loaded(self) -> None:
        """Wait until the page that is on its way is there."""
        while self._event()["method"] != "Page.loadEventFired":
            pass

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, waited for."""
        asked = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = self.call("Runtime.evaluate", asked)
        if "exceptionDetails" in answer:
            raise AssertionError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def violations(self) -> list[Any]:
        """What axe holds against the page: every rule it has."""
        self.evaluate(f"{AXE.read_text(encoding='utf-8')};0")
        return self.evaluate(
            "axe.run({resultTypes: ['violations']}).then((found) => found.violations.map("
            "(one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3)}`))"
        )

    def tab_to(self, selector: str) -> None:
        """Press Tab until what the selector names has the focus."""
        for _ in range(60):
            self.press("Tab")
            if self.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"no Tab leads to {selector}")

    def press(self, key: str) -> None:
        """Press a key and let it go: `Tab`, ` `, or a letter."""
        codes = {"Tab": 9, " ": 32, "Enter": 13}
        asked = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key.upper()[0]))}
        text = {"text": "\r" if key == "Enter" else key} if key != "Tab" else {}
        self.call("Input.dispatchKeyEvent", {"type": "keyDown", **asked, **text})
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **asked})

    def screenshot(self, path: Path) -> None:
        """The whole page as a picture."""
        asked = {"format": "png", "captureBeyondViewport": True}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", asked)["data"]))

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call of the protocol, to the page."""
        return self._call(method, parameters or {}, sessionId=self._page)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._said.close()
        self._asks.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _call(self, method: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters, **more}
        self._asks.write(json.dumps(asked).encode() + b"\0")
        self._asks.flush()
        while (message := self._message()).get("id") != asked["id"]:
            pass
        assert "error" not in message, message
        return message["result"]

    def _event(self) -> dict[str, Any]:
        while "method" not in (message := self._message()):
            pass
        return message

    def _message(self) -> dict[str, Any]:
        """What the browser says next."""
        line = bytearray()
        while (byte := self._said.read(1)) != b"\0":
            assert byte, "the browser has ended"
            line += byte
        message: dict[str, Any] = json.loads(line)
        parameters = message.get("params", {})
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"])[:500])
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        return message
