"""`vestibule open` and `vestibule session`."""

import pytest

from gateway import exits
from gateway.cli.sessions import ssh_command

ID = "01M83P1VCTGT2BG7818VYGZBW8"
SESSION = {
    "id": ID, "state": "open", "busy": False, "router": "r-1", "rep": "alice", "consent": "01M83P0XTW9GQN6EAMVFC565MG",
    "opened_at": "2026-01-02T03:04:05Z", "expires_at": "2026-01-02T03:34:05Z", "commands": 3, "blocked": 1,
    "ended": None,
}  # fmt: skip


def test_list(vestibule):
    vestibule.api.on("GET", "/v1/sessions", [SESSION])
    row = vestibule("session", "list").out.splitlines()[1]
    assert row.split() == [ID, "alice", "r-1", "2026-01-02", "03:04:05Z", "2026-01-02", "03:34:05Z", "3", "1"]


def test_show(vestibule):
    ended = {"reason": "revoked", "message": "", "exit_status": 125, "at": "2026-01-02T03:10:00Z"}
    vestibule.api.on("GET", f"/v1/sessions/{ID}", {**SESSION, "state": "ended", "ended": ended})
    assert "2026-01-02 03:10:00Z, revoked" in vestibule("session", "show", ID).out


def test_kill(vestibule):
    vestibule.api.on("POST", f"/v1/sessions/{ID}/kill")
    assert vestibule("session", "kill", ID.lower()).out == f"{ID}: killed.\n"
    assert vestibule("session", "kill", "../consents").status == exits.USAGE


# --- open -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path, key_line):
    (tmp_path / "data/keys").mkdir(parents=True)
    (tmp_path / "data/keys/ssh_host_ed25519_key.pub").write_text(f"{key_line}\n")
    file = tmp_path / "v.toml"
    file.write_text('data_dir = "data"\n[ssh]\nhost = "0.0.0.0"\nport = 2200\n')
    return file


def test_the_host_key_is_pinned(vestibule, config, key_line, tmp_path):
    words = vestibule("open", "r-1", "--config", config, "--json").json["command"]
    assert words[-5:] == ["2200", "-l", "r-1", "--", "127.0.0.1"]
    assert "StrictHostKeyChecking=yes" in words
    assert "GlobalKnownHostsFile=/dev/null" in words
    [known] = (tmp_path / "state/vestibule").iterdir()
    assert f'UserKnownHostsFile="{known}"' in words
    assert known.read_text() == f"vestibule {' '.join(key_line.split()[:2])}\n"


def test_what_ssh_could_do_besides_is_off(tmp_path):
    words = ssh_command("r-1", "gw", 22, tmp_path / "known", None, [])
    assert {"ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no"} <= set(words)


def test_print_is_fit_for_a_shell(vestibule, config):
    shown = vestibule("open", "r-1", "--config", config, "--print", "-i", "my key", "--", "show version", "it's").out
    assert shown.startswith("ssh -o 'UserKnownHostsFile=")
    assert shown.endswith(" -i 'my key' -o IdentitiesOnly=yes -p 2200 -l r-1 -- 127.0.0.1 'show version' 'it'\\''s'\n")


@pytest.mark.parametrize(
    ("gateway", "host", "port"),
    [
        ("gw.example", "gw.example", "2222"),
        ("gw.example:22", "gw.example", "22"),
        ("[2001:db8::1]:22", "2001:db8::1", "22"),
        ("192.0.2.1:2022", "192.0.2.1", "2022"),
    ],
)
def test_a_gateway_elsewhere(vestibule, key_line, gateway, host, port):
    words = vestibule("open", "r-1", "--gateway", gateway, "--host-key", key_line, "--json").json["command"]
    assert words[-1] == host
    assert words[words.index("-p") + 1] == port


@pytest.mark.parametrize("gateway", ["-oProxyCommand=x", "a b", "gw:99999", "gw:0", "gw;x", ""])
def test_a_gateway_is_never_an_option(vestibule, key_line, gateway):
    shown = vestibule("open", "r-1", f"--gateway={gateway}", "--host-key", key_line, "--print")
    assert (shown.status, shown.out) == (exits.USAGE, "")


def test_a_gateway_elsewhere_needs_its_key(vestibule):
    assert vestibule("open", "r-1", "--gateway", "gw.example").status == exits.USAGE


@pytest.mark.parametrize("router", ["-oProxyCommand=x", "R", "a b", "r;x"])
def test_a_router_is_never_an_option(vestibule, config, router):
    shown = vestibule("open", "--config", config, "--print", "--", router)
    assert (shown.status, shown.out) == (exits.USAGE, "")


def test_a_host_key_that_may_not_be_read(vestibule, tmp_path):
    file = tmp_path / "v.toml"
    file.write_text('data_dir = "data"\n')
    shown = vestibule("open", "r-1", "--config", file)
    assert shown.status == exits.CONFIG
    assert "--host-key" in shown.err


def test_two_gateways_do_not_get_in_each_others_way(vestibule, config, key_line, tmp_path):
    other = key_line.replace("vyLj", "vyLj").replace("IO/n", "IO/m")
    vestibule("open", "r-1", "--config", config, "--print")
    vestibule("open", "r-1", "--gateway", "gw", "--host-key", other, "--print")
    assert len(list((tmp_path / "state/vestibule").iterdir())) == 2
