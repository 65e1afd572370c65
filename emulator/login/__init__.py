"""login.microsoftonline.com: who somebody is, as a token."""

from emulator.cloud import Service
from emulator.login.routes import handle, render_login_error
from emulator.routing import Plane

SERVICE = Service(
    name="login",
    planes=tuple(
        Plane(host, handle, render_login_error)
        for host in ("login.microsoftonline.com", "login.microsoft.com", "login.windows.net")
    ),
)
