"""What `drivers/cwmp/tree.py` promises: completion by what was seen, and a bound on it."""

from drivers.cwmp.tree import MOST_ANSWERS, MOST_NAMES, NameTree


def test_names_follow_a_prefix_up_to_the_next_dot():
    tree = NameTree()
    tree.see(["Device.WiFi.Radio.1.Channel", "Device.WiFi.SSID.1.SSID", "Device.Time.Status"])
    assert tree.names("") == ("Device.",)
    assert tree.names("De") == ("Device.",)
    assert tree.names("device.w") == ("Device.WiFi.",)
    assert tree.names("Device.WiFi.") == ("Device.WiFi.Radio.", "Device.WiFi.SSID.")
    assert tree.names("Device.WiFi.Radio.1.ch") == ("Device.WiFi.Radio.1.Channel",)
    assert tree.names("Moon.") == ()


def test_what_is_gone_is_forgotten():
    tree = NameTree()
    tree.see(["Device.A.1.X", "Device.A.2.X"])
    tree.forget("Device.A.1.")
    assert tree.names("Device.A.") == ("Device.A.2.",)
    assert tree.names("Device.A.1.") == ()


def test_parameters_of_like_objects_are_alike():
    tree = NameTree()
    assert tree.leaves("Device.A.1.") is None
    tree.listed("Device.A.1.", ["Enable", "X"])
    assert tree.leaves("device.a.22.") == {"enable", "x"}


def test_a_tree_is_bounded():
    tree = NameTree()
    tree.see(f"Device.T{n // 100}.P{n}" for n in range(MOST_NAMES + 5000))
    assert sum(len(children) for children in tree._children.values()) <= MOST_NAMES + 1
    assert len(tree.names(f"Device.T{(MOST_NAMES + 4999) // 100}.")) == MOST_ANSWERS
