"""A witness: the statuses of C2SP tlog-witness, and what it never does, whoever asks at once."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.errors import RecordFailed
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey, cosigned_at
from audit.tlog.merkle import EMPTY_ROOT
from audit.tlog.messages import MLDSA44_COSIGNATURE
from audit.tlog.note import SigningKey, VerifierKey, parse_note, sign_note
from audit.witness.protocol import SIZE_TYPE, encode_add_checkpoint, parse_signatures
from audit.witness.store import KEPT_REFUSALS, WitnessStore
from audit.witness.witness import Witness


def cosigned(answer, body, *keys):
    """The answer's signatures, all verified."""
    assert answer.status == 200, answer.body
    note = parse_note(body.partition(b"\n\n")[2])
    signatures = parse_signatures(answer.body, note.text)
    assert all(key.verify(note.text.encode(), mark.value) for key, mark in zip(keys, signatures, strict=True))
    return signatures


def test_the_sequence_of_the_vectors(vectors, place):
    """Unknown origins are 404 in the text of C2SP; the program that the vectors are from says 403."""
    block = vectors["witness_add_checkpoint"]
    place.store.add_log([VerifierKey.parse(block["log_vkey"])])
    witness = Witness([CosigningKey("example.com/witness", bytes(32))], place.store, place.clock)
    for step in block["sequence"]:
        answer = witness.add_checkpoint(step["body"].encode())
        wanted, _, text = step["response"].partition(" ")
        assert answer.status == (404 if "unknown log" in text else step["http"])
        expected = text.strip('"').encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "ignore")
        if wanted == "==":
            assert answer.body.decode() == expected
            assert answer.content_type == SIZE_TYPE
        else:
            assert expected.encode("ascii", "ignore").decode().strip() in answer.body.decode()


def test_growth_is_cosigned_with_all_keys(place, grown):
    keys = (CosigningKey("w.example/1", bytes(32)), CosigningKey("w.example/1", bytes(32), MLDSA44_COSIGNATURE))
    witness = Witness(keys, place.store, place.clock)
    assert [key.algorithm for key in witness.verifiers] == [0x04, 0x06]
    for old, size in ((0, 5), (5, 5), (5, 6), (6, 200)):
        body = grown.request(old, size)
        marks = cosigned(witness.add_checkpoint(body), body, *witness.verifiers)
        assert {cosigned_at(mark) for mark in marks} == {int(place.clock.now().timestamp())}
        place.clock.advance(10)
    kept = parse_note(witness.latest("logs.isp/1"))
    assert kept.text == grown.at(200).text()
    assert len(kept.verified_by([grown.key.verifier, *witness.verifiers])) == 3
    assert witness.logs() == [("logs.isp/1", 200)]


def test_statuses(place, grown, other_log, forked):
    assert place.ask(b"").status == 400
    assert place.ask(other_log.request(0, 1)).status == 404
    forged = grown.note(5).replace(b"\n5\n", b"\n6\n")
    assert place.ask(encode_add_checkpoint(0, [], forged)).status == 403
    unsigned = sign_note(grown.at(5).text(), other_log.key).encode()
    assert place.ask(encode_add_checkpoint(0, [], unsigned)).status == 403
    assert place.ask(encode_add_checkpoint(6, [], grown.note(5))).status == 400
    assert place.ask(grown.request(2, 5)).status == 409
    assert place.ask(encode_add_checkpoint(0, [bytes(32)], grown.note(5))).status == 422
    assert place.ask(grown.request(0, 5)).status == 200
    for old in (0, 2, 4):
        behind = place.ask(grown.request(old, 7))
        assert (behind.status, behind.body, behind.content_type) == (409, b"5\n", SIZE_TYPE)
    assert place.ask(encode_add_checkpoint(5, [bytes(32)], grown.note(5))).status == 422  # an unneeded proof
    assert place.ask(forked.request(5, 5)).status == 409
    assert place.ask(forked.request(5, 7)).status == 422
    assert place.ask(encode_add_checkpoint(5, [], grown.note(7))).status == 422
    assert place.store.latest("logs.isp/1").size == 5
    assert [refusal.status for refusal in place.store.refusals("logs.isp/1")] == [422, 409, 422, 422], "each once"
    assert place.store.refusals("logs.isp/1")[1].body == forked.request(5, 5)


def test_the_empty_log(place, grown):
    wrong = sign_note(Checkpoint("logs.isp/1", 0, bytes(32)).text(), grown.key).encode()
    assert place.ask(encode_add_checkpoint(0, [], wrong)).status == 422
    assert grown.at(0).root == EMPTY_ROOT
    assert place.ask(grown.request(0, 0)).status == 200
    assert place.ask(grown.request(0, 4)).status == 200
    assert place.ask(grown.request(0, 0)).status == 409


def test_evidence_against_a_log_is_bounded_and_not_crowded_out(place, grown, forked):
    """Anybody has the log's checkpoints, and can send them with proofs and signatures of their own making."""
    place.ask(grown.request(0, 5))
    for number in range(KEPT_REFUSALS + 3):
        junk = sign_note("x\n", SigningKey(f"junk{number}", bytes(32))).signatures
        note = parse_note(grown.note(7)).with_signatures(*junk).encode()
        assert place.ask(encode_add_checkpoint(5, [bytes(32)], note)).status == 422
    assert len(place.store.refusals("logs.isp/1")) == 1
    for number in range(KEPT_REFUSALS + 3):
        signed = Checkpoint("logs.isp/1", 9, number.to_bytes(32, "big"))
        place.ask(encode_add_checkpoint(5, [bytes(32)], sign_note(signed.text(), grown.key).encode()))
    assert len(place.store.refusals("logs.isp/1")) == KEPT_REFUSALS
    assert place.ask(forked.request(5, 5)).status == 409
    assert place.store.refusals("logs.isp/1")[-1].body == forked.request(5, 5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.integers(0, 12)), max_size=25))
def test_no_two_trees_of_one_size_and_never_back(tmp_path_factory, place, grown, forked, asked):
    """Whatever an operator with both histories asks for, what is cosigned is one history that only grows."""
    store = WitnessStore(tmp_path_factory.mktemp("w") / "witness.db")
    store.add_log([grown.key.verifier])
    witness, roots, sizes = Witness([CosigningKey("w.example/1", bytes(32))], store, place.clock), {}, []
    for fork, old, size in asked:
        log = forked if fork else grown
        if witness.add_checkpoint(log.request(old, size)).status == 200:
            assert roots.setdefault(size, log.at(size).root) == log.at(size).root
            sizes.append(size)
    assert sizes == sorted(sizes)
    assert all(root == grown.at(size).root for size, root in roots.items()) or all(
        root == forked.at(size).root for size, root in roots.items()
    )
    store.close()


def test_many_at_once(place, grown, forked):
    """Eight threads push two histories at the same moment: one wins, and the newest never moves back."""
    outcomes = []
    gate = threading.Barrier(8)

    def push(log, first):
        witness = Witness([CosigningKey("w.example/1", bytes(32))], place.store, place.clock)
        gate.wait()
        for size in range(first, 60, 3):
            body = log.request(0, size)
            answer = witness.add_checkpoint(body)
            while answer.status == 409 and int(answer.body) < size:
                answer = witness.add_checkpoint(log.request(int(answer.body), size))
            if answer.status == 200:
                outcomes.append((size, log.at(size).root))

    logs = [type(grown)(fork=log.fork) for log in (grown, forked) for _ in range(4)]
    threads = [threading.Thread(target=push, args=(log, 5 + number % 4)) for number, log in enumerate(logs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) > 3
    assert len(dict(outcomes)) == len(set(outcomes))  # one root for each size
    winner = grown if outcomes[0][1] == grown.at(outcomes[0][0]).root else forked
    assert all(root == winner.at(size).root for size, root in outcomes)
    assert place.store.latest("logs.isp/1").size == max(size for size, _ in outcomes)


def test_nothing_leaves_when_it_cannot_be_remembered(place, grown):
    place.store._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(RecordFailed):
        place.ask(grown.request(0, 5))
    place.store._connection.execute("PRAGMA query_only = 0")
    with pytest.raises(RecordFailed, match="Restart"):  # not tried again
        place.ask(grown.request(0, 5))
    assert place.open().add_checkpoint(grown.request(0, 5)).status == 200
