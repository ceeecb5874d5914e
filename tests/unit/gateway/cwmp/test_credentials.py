"""When credentials for Connection Requests are set, and what they are."""

from dataclasses import replace

from drivers.cwmp.device import DeviceId
from drivers.cwmp.known import KnownCpe
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Event, Inform, ParameterValue
from drivers.cwmp.quirks import STRICT, Quirks
from gateway.cwmp.credentials import Rotation, fresh, request_for, was_reset

DEVICE = DeviceId(oui="00D09E", product_class="DSL2800", serial="A1")
KNOWN = KnownCpe(
    router_id="r1", router_name="home", subscriber_ref="s", device_key=DEVICE.key, cr_user="u", cr_password="p"
)  # fmt: skip


def contact(*codes, key="vestibule", quirks=STRICT, root="Device."):
    inform = Inform(
        manufacturer="Acme",
        device=DEVICE,
        events=tuple(Event(code) for code in codes),
        parameters=(ParameterValue(f"{root}ManagementServer.ParameterKey", key),),
    )
    return Contact(
        router_id="r1", device=DEVICE, root=root, namespace="n", identity="tls-password", quirks=quirks, inform=inform
    )


def test_random_and_new_each_time():
    made = {fresh() for _ in range(50)}
    assert len({one.password for one in made}) == 50
    assert all(len(one.password) == 32 and one.password.isalnum() and len(one.user) <= 32 for one in made)
    assert fresh().password not in repr(fresh())


def test_where_they_go():
    made = fresh()
    request = request_for(contact(root="InternetGatewayDevice."), made)
    assert [(one.name, one.value) for one in request.values] == [
        ("InternetGatewayDevice.ManagementServer.ConnectionRequestUsername", made.user),
        ("InternetGatewayDevice.ManagementServer.ConnectionRequestPassword", made.password),
    ]


def test_reset():
    assert was_reset(KNOWN, contact("0 BOOTSTRAP", "1 BOOT"))
    assert not was_reset(KNOWN, contact("1 BOOT", key=""))
    mute = Quirks(no_bootstrap=True)
    assert was_reset(KNOWN, contact("1 BOOT", key="", quirks=mute))
    assert not was_reset(KNOWN, contact("1 BOOT", key="01J", quirks=mute))
    assert not was_reset(replace(KNOWN, cr_password=""), contact("1 BOOT", key="", quirks=mute))


def test_when_they_are_due():
    rotation = Rotation()
    assert not rotation.due(KNOWN, contact("2 PERIODIC"))
    assert rotation.due(replace(KNOWN, cr_password=""), contact("2 PERIODIC"))
    assert rotation.due(KNOWN, contact("0 BOOTSTRAP"))
    rotation.again("r1")
    assert rotation.due(KNOWN, contact("2 PERIODIC"))
    rotation.confirmed("r1")
    assert not rotation.due(KNOWN, contact("2 PERIODIC"))


def test_a_cpe_that_refuses_them_is_not_asked_at_every_inform():
    rotation, without = Rotation(), replace(KNOWN, cr_password="")
    rotation.refused("r1")
    assert not rotation.due(without, contact("2 PERIODIC"))
    assert rotation.due(without, contact("1 BOOT"))
    rotation.again("r1")
    assert rotation.due(without, contact("2 PERIODIC"))
