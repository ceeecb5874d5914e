"""What a serving gateway does not load: libraries that only commands, other drivers or a few installations need.

Each would be megabytes in every gateway. Asked of a real process: Python itself lists what it imports.
"""

import pytest

from config.settings import CwmpSettings
from tests.real.ground import free_port
from tests.running import RunningGateway

pytestmark = pytest.mark.system

NOT_LOADED = {
    "alembic", "hypothesis", "jinja2", "netmiko", "ntc_templates", "obstore", "paramiko", "psycopg", "pygments",
    "pyrage", "pytest", "rfc3161_client", "rich.console", "textfsm", "typer",
}  # fmt: skip
"""Of rich a part: Python lists the package also where structlog was kept from loading it."""


def test_serving_loads_only_what_it_serves_with(tmp_path):
    gateway = RunningGateway(tmp_path)
    cwmp = CwmpSettings(mode="acs", plain_port=free_port())
    gateway.settings = gateway.settings.model_copy(update={"cwmp": cwmp})
    gateway.prepare({}, [])
    gateway.environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    gateway.start()
    try:
        lines = [line for line in gateway.log.read_text().splitlines() if line.startswith("import time:")]
    finally:
        gateway.stop()
    loaded = {line.rpartition("|")[2].strip() for line in lines}
    assert {"gateway", "asyncssh", "fastapi", "structlog"} <= loaded
    assert NOT_LOADED & loaded == set()
