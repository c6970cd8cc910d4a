"""The web role for tests: `python serve.py PORT DATABASE_URL PROCESSES`."""

from __future__ import annotations

import sys
from dataclasses import replace

from tests.webhooks.world import settings_for
from webhooks.server import run

if __name__ == "__main__":
    run(replace(settings_for(sys.argv[2]), port=int(sys.argv[1]), web_processes=int(sys.argv[3])), host="127.0.0.1")
