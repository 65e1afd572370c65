"""login.microsoftonline.com: who somebody is, as a token."""

from emulator.http.routing import Plane
from emulator.service import Service
from emulator.services.login.routes import handle, render_login_error

SERVICE = Service(
    name="login",
    planes=tuple(
        Plane(host, handle, render_login_error)
        for host in ("login.microsoftonline.com", "login.microsoft.com", "login.windows.net")
    ),
)
