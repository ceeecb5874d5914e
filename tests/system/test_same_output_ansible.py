"""Ansible's unmodified `network_cli` gets through the gateway what it gets from the router itself.

Counterpart: `test_same_output_openssh.py`.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.ground import RealRouter
from tests.running import RunningGateway
from tests.system.both_ways import READS, ROBOT
from tests.system.screens import steady
from tests.system.ways import finish, straight, through

LINES = 6

PLAYBOOK = """
- hosts: all
  gather_facts: false
  serial: 1
  tasks:
  - ansible.netcommon.cli_command:
      command: "{{ item }}"
    loop: {{ lines }}
    register: answers
  - cisco.ios.ios_config:
      parents: interface eth0
      lines: [description to the provider]
      match: none
    register: configured
    when: ansible_network_os == 'cisco.ios.ios'
  - frr.frr.frr_facts:
      gather_subset: ["!hardware"]
    register: facts
    when: ansible_network_os == 'frr.frr.frr'
  - ansible.netcommon.cli_command:
      command: start-shell
    register: refused
    ignore_errors: true
    when: ansible_network_os == 'frr.frr.frr'
  - ansible.builtin.copy:
      content: "{{ {'answers': answers, 'config': configured, 'facts': facts, 'failed': refused is failed} | to_json }}"
      dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
    connection: local
    vars: {ansible_connection: local, ansible_remote_tmp: "{{ playbook_dir }}/tmp"}
"""


@pytest.mark.parametrize("network_os", ["cisco.ios.ios", "frr.frr.frr"])
def test_ansible_network_cli(
    network_os: str,
    robots_gateway: RunningGateway,
    frr_router: RealRouter,
    require_program: Callable[[str], Path],
    leave_out: Callable[[str], None],
    tmp_path: Path,
) -> None:
    program = require_program("ansible-playbook")
    if finish(["/usr/bin/python3", "-c", "import paramiko"]).returncode != 0:
        leave_out("Ansible's python has no paramiko; on Debian: apt-get install python3-paramiko")
    hosts = {"straight": straight(frr_router), "through": through(robots_gateway, ROBOT, frr_router.name)}
    inventory = "[all]\n" + "".join(
        f"{name} ansible_host={way.host} ansible_port={way.port} ansible_user={way.user}"
        f" ansible_private_key_file={way.key}\n"
        for name, way in hosts.items()
    )
    inventory += (
        "[all:vars]\nansible_connection=ansible.netcommon.network_cli\nansible_network_cli_ssh_type=paramiko\n"
        f"ansible_network_os={network_os}\nansible_python_interpreter=/usr/bin/python3\n"
    )
    (tmp_path / "inventory").write_text(inventory)
    (tmp_path / "play.yml").write_text(PLAYBOOK.replace("{{ lines }}", json.dumps(READS["frr"][:LINES])))
    known = tmp_path / ".ssh/known_hosts"
    known.parent.mkdir()
    known.write_text("".join(way.known_hosts.read_text().strip() + "\n" for way in hosts.values()))
    done = finish(
        [str(program), "-i", str(tmp_path / "inventory"), str(tmp_path / "play.yml")],
        env={"HOME": str(tmp_path), "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_NOCOLOR": "1"},
        timeout=100,
    )
    assert done.returncode == 0, done.stdout.decode()[-3000:]
    found = {name: json.loads(steady((tmp_path / f"{name}.json").read_text())) for name in hosts}
    assert len(found["straight"]["answers"]["results"]) == LINES
    for facts in found.values():  # names in any order
        facts["facts"].get("ansible_facts", {}).pop("ansible_net_gather_subset", None)
    assert found["through"] == found["straight"]
    assert found["through"]["failed"] == (network_os == "frr.frr.frr"), "what the router does not know, and policy"
