"""The ERPs simulated over HTTP, with faults that are switched by name; for the demo, for development, tests and benchmarks.

server.py      one process, one port
control.py     the sandbox's own routes
kit_control.py those about kits
kits.py        kits in the words that all of them share
erps.py        what is asked of a simulated ERP
settings.py    what it is started with
faults.py      what can go wrong
counters.py    what took effect
world.py       what all parts share
visma/         Visma Net ERP; what of it is documented, seen or inferred stands there
itempath/      ItemPath in front of Kardex Power Pick; likewise
intacct/       Sage Intacct; likewise
"""

from worker.sandbox.server import run, serve
from worker.sandbox.settings import CompanySettings, SandboxSettings

__all__ = ["CompanySettings", "SandboxSettings", "run", "serve"]
