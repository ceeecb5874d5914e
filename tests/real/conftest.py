"""Real programs for the tests in this folder."""

from tests.real.fixtures import dropbear_box, frr_router, namespaces, plain_sshd
from tests.real.go_reader import go_reader

__all__ = ["dropbear_box", "frr_router", "go_reader", "namespaces", "plain_sshd"]
