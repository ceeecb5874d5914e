"""`audit.exchanges`: RPCs with their answers, and their parts as lines."""

from audit.exchanges import exchanges, lines_of, names_in
from tests.rpcs_on_record import HOSTILE_NAME, RADIO, SECRET, VALUE, add_rpcs


async def test_RPCs_are_paired_with_their_answers(scene):
    journal = scene.in_memory()
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    indices = await add_rpcs(journal, session, consent, 7)
    reader = journal.reader()
    read, write, silent = found = exchanges(reader.session(session))
    assert [one.intent.index for one in found] == indices
    assert {one.command for one in found} == {7}
    assert (read.method, read.asked, read.came, read.hidden, read.masked) == ("GetParameterValues", 3, 2, 1, 1)
    assert (write.asked, write.fault, write.came, write.lost) == (1, 9003, None, False)
    assert (silent.result, silent.asked, silent.came, silent.hidden) == (None, None, None, 0)
    assert [*names_in(reader.sealed(read.intent.index, "act"))] == [RADIO, SECRET, HOSTILE_NAME]
    assert [*names_in(reader.sealed(write.intent.index, "act"))] == [RADIO]
    assert [*names_in(reader.sealed(silent.intent.index, "act"))] == ["Device.IP."]
    assert [*lines_of(reader.sealed(write.intent.index, "act"))] == [f"{RADIO} = 15 (type xsd:unsignedInt)", "key: k-1"]
    assert [*lines_of(reader.sealed(write.result.index, "out"))] == [f"{RADIO} (fault 9007)"]
    assert [*lines_of(reader.sealed(read.result.index, "out"))] == [f"{RADIO} = {VALUE}", f"{SECRET} = ******"]


def test_what_is_no_list_stands_alone_and_what_is_empty_not_at_all():
    assert [*lines_of({"path": "", "next_level": True, "methods": ["Reboot"]})] == ["Reboot", "next_level: true"]
    assert [*lines_of({"instance": 4})] == ["instance: 4"]
    assert [*lines_of({"values": [{"name": "A.", "of": [1, True, {"b": None, "c": "d"}]}]})] == [
        "A. (of 1, true, b , c d)"
    ]
    assert [*names_in({"path": "", "names": [3, {"name": None}, ""], "values": "x"})] == []
