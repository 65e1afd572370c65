"""graph.microsoft.com: the directory, read only, as far as roles are given to who is in it."""

from emulator.http.routing import Plane
from emulator.service import Service
from emulator.services.graph.directory import handle, render_graph_error

SERVICE = Service(name="graph", planes=(Plane("graph.microsoft.com", handle, render_graph_error),))
