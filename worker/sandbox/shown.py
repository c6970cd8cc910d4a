"""The settings with which kitrelay calls a sandbox, as text for `kitrelay.toml`."""

from __future__ import annotations

from typing import Final

SHOWN: Final = """\
[tenants.sandbox.visma]
base_url = "http://{host}:{port}"
token_url = "http://{host}:{port}/connect/token"
client_id = "demo-client"
client_secret = "demo-secret"
tenant_id = "demo"
webhook_keys = ["{key}"]

[tenants.sandbox.itempath]
base_url = "http://{host}:{port}/itempath/demo"
username = "demo-user"
password = "demo-password"
webhook_secret = "demo-push-secret"

[tenants.sandbox.intacct]
base_url = "http://{host}:{port}/ia/api/v1"
client_id = "demo-client"
client_secret = "demo-secret"
username = "relay@demo"

[tenants.sandbox.sync]
source = "visma"
targets = ["itempath", "intacct"]\
"""


def settings_text(host: str, port: int, key: str) -> str:
    """Of the company `demo`, whose notifications are signed with `key`, as the tenant `sandbox`."""
    called = "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host  # noqa: S104 - a comparison
    return f"# for kitrelay.toml\n{SHOWN.format(host=f'[{called}]' if ':' in called else called, port=port, key=key)}\n"
