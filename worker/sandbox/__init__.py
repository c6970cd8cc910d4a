"""The ERPs simulated over HTTP, with faults that are switched by name; for the demo, for development, tests and benchmarks.

server.py      one process, one port
control.py     the sandbox's own routes
settings.py    what it is started with
faults.py      what can go wrong
counters.py    what took effect
world.py       what all parts share
visma/         Visma Net ERP; what of it is documented, seen or inferred stands there
"""

from worker.sandbox.server import run, serve
from worker.sandbox.settings import CompanySettings, SandboxSettings

__all__ = ["CompanySettings", "SandboxSettings", "run", "serve"]
