"""Real programs for the tests in this folder."""

from tests.real.fixtures import dropbear_box, frr_router, namespaces, plain_sshd

__all__ = ["dropbear_box", "frr_router", "namespaces", "plain_sshd"]
