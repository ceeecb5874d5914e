"""The tree against other implementations' vectors, against the definition in RFC 6962, and against mutations."""

import hashlib
from base64 import b64decode
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tlog import merkle
from audit.tlog.merkle import EMPTY_ROOT, Frontier, Tree, leaf_hash, node_hash, verify_consistency, verify_inclusion


def recursive_root(leaves):
    """MTH of RFC 6962 section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(recursive_root(leaves[:k]), recursive_root(leaves[k:]))


def recursive_path(index, leaves):
    """PATH of RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*recursive_path(index, leaves[:k]), recursive_root(leaves[k:])]
    return [*recursive_path(index - k, leaves[k:]), recursive_root(leaves[:k])]


def some_leaves(count):
    return [leaf_hash(str(number).encode()) for number in range(count)]


# --- vectors --------------------------------------------------------------------------------------------------------


def test_roots_and_nodes_of_the_rfc_tree(vectors):
    """Block rfc6962_tree."""
    block = vectors["rfc6962_tree"]
    leaves = [leaf_hash(bytes.fromhex(text)) for text in block["leaf_inputs_hex"]]
    assert [merkle.root(leaves[:size]).hex() for size in range(9)] == block["root_hash_by_size_0_to_8_hex"]
    for level, nodes in block["node_hashes_hex"].items():
        width = 1 << int(level.removeprefix("level"))
        assert [merkle.root(leaves[at : at + width]).hex() for at in range(0, len(nodes) * width, width)] == nodes


def _hashes(texts):
    return [b64decode(text) for text in texts or []]


def test_inclusion_proofs(vectors):
    """Block inclusion_proofs."""
    block = vectors["inclusion_proofs"]["vectors"]
    assert len(block) == 98
    for case in block:
        found = verify_inclusion(
            case["leafIdx"],
            case["treeSize"],
            b64decode(case["leafHash"]),
            _hashes(case["proof"]),
            b64decode(case["root"]),
        )
        assert found is not case["wantErr"], case["path"]


def test_consistency_proofs(vectors):
    """Block consistency_proofs."""
    block = vectors["consistency_proofs"]["vectors"]
    assert len(block) == 98
    stricter = []
    for case in block:
        roots = b64decode(case["root1"]), b64decode(case["root2"])
        found = verify_consistency(case["size1"], case["size2"], *roots, _hashes(case["proof"]))
        if {len(root) for root in roots} == {32}:
            assert found is not case["wantErr"], case["path"]
        else:
            assert not found
            stricter += [case["path"]] if not case["wantErr"] else []
    # One accepted vector compares placeholder texts instead of hashes; here a root always has 32 bytes.
    assert stricter == ["testdata/consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"]


def _valid_subtrees():
    for end in range(131):
        for start in range(end + 1):
            width = 1 << (end - start - 1).bit_length() if end > start else 1
            if start in (end, 0) or start % width == 0:
                yield start, end


def test_subtree_hashes_and_proofs(vectors):
    """Block subtree_rolling: hash, inclusion."""
    leaves = [leaf_hash(bytes([number])) for number in range(130)]
    hashes, proofs = hashlib.sha256(), hashlib.sha256()
    for start, end in _valid_subtrees():
        tree = Tree(leaves[start:end])
        hashes.update(f"[{start}, {end}) {tree.root().hex()}\n".encode())
        for index in range(start, end):
            path = "".join(f" {node.hex()}" for node in tree.inclusion(index - start, tree.size))
            proofs.update(f"{index} [{start}, {end}){path}\n".encode())
    assert hashes.hexdigest() == vectors["subtree_rolling"]["sha256"]["hash"]
    assert proofs.hexdigest() == vectors["subtree_rolling"]["sha256"]["inclusion"]


def _subtree_proof(start, end, low, high, known, range_of):
    """SUBTREE_SUBPROOF of draft-ietf-plants-merkle-tree-certs, over the leaves [low, high) of a tree."""
    if (start, end) == (low, high):
        return () if known else (range_of(low, high),)
    middle = low + (1 << (high - low - 1).bit_length() - 1)
    if end <= middle:
        return (*_subtree_proof(start, end, low, middle, known, range_of), range_of(middle, high))
    if start >= middle:
        return (*_subtree_proof(start, end, middle, high, known, range_of), range_of(low, middle))
    return (*_subtree_proof(middle, end, middle, high, False, range_of), range_of(low, middle))


def test_subtree_consistency_proofs(vectors):
    """Block subtree_rolling: consistency."""
    leaves = [leaf_hash(bytes([number])) for number in range(130)]
    rows = [b"".join(leaves)]
    while len(rows[-1]) >= 64:
        rows.append(merkle.parents(rows[-1][: len(rows[-1]) // 64 * 64]))
    range_of = cache(lambda low, high: merkle.range_hash(low, high, lambda row, at: rows[row][at * 32 : at * 32 + 32]))
    subtrees, proofs = list(_valid_subtrees()), hashlib.sha256()
    for size in range(131):
        for start, end in subtrees:
            if end > size:
                break
            path = _subtree_proof(start, end, 0, size, True, range_of) if start < end else ()
            if start == 0 < end:  # the subtrees that begin at leaf 0 are those of RFC 6962
                ranges = merkle.consistency_ranges(end, size)
                assert list(path) == [range_of(low, high) for low, high in ranges]
            proofs.update(f"[{start}, {end}) {size}{''.join(f' {node.hex()}' for node in path)}\n".encode())
    assert proofs.hexdigest() == vectors["subtree_rolling"]["sha256"]["consistency"]


def test_subtrees_that_cover_a_range(vectors):
    """Block subtree_rolling: covering. Two for any range; the left one reaches back as far as its place allows."""
    valid, lines = set(_valid_subtrees()), hashlib.sha256()
    for end in range(131):
        for start in range(end + 1):
            left, middle = start, end
            if end - start > 1:
                below = (1 << (start ^ (end - 1)).bit_length() - 1) - 1
                middle = (end - 1) & ~below
                left = start & -(1 << (~start & below).bit_length())
                assert {(left, middle), (middle, end)} <= valid
            lines.update(f"[{left}, {middle}) [{middle}, {end})\n".encode())
    assert lines.hexdigest() == vectors["subtree_rolling"]["sha256"]["covering"]


@pytest.fixture(scope="module")
def xmod_leaves():
    return [leaf_hash(f"leaf {number}".encode()) for number in range(1100)]


def test_roots_of_go_xmod(vectors, xmod_leaves):
    """Block xmod_cross: roots, rolling_roots."""
    rolling, frontier, tree = hashlib.sha256(), Frontier(), Tree(xmod_leaves)
    for size, leaf in enumerate(xmod_leaves, 1):
        frontier.append(leaf)
        assert frontier.root() == tree.root(size)
        rolling.update(f"{size} {frontier.root().hex()}\n".encode())
        if str(size) in vectors["xmod_cross"]["roots"]:
            assert frontier.root().hex() == vectors["xmod_cross"]["roots"][str(size)]
    assert rolling.hexdigest() == vectors["xmod_cross"]["rolling_roots_1_1100"]


def test_all_proofs_of_go_xmod_up_to_300_leaves(vectors, xmod_leaves):
    """Block xmod_cross: 45,150 inclusion and 45,150 consistency proofs."""
    tree = Tree(xmod_leaves[:300])
    inclusion, consistency = hashlib.sha256(), hashlib.sha256()
    counts = [0, 0]
    for size in range(1, 301):
        for index in range(size):
            path = "".join(f" {node.hex()}" for node in tree.inclusion(index, size))
            inclusion.update(f"{index} {size}{path}\n".encode())
            path = "".join(f" {node.hex()}" for node in tree.consistency(index + 1, size))
            consistency.update(f"{index + 1} {size}{path}\n".encode())
            counts[0] += 1
            counts[1] += 1
    block = vectors["xmod_cross"]
    assert counts == [block["inclusion_count"], block["consistency_count"]]
    assert inclusion.hexdigest() == block["rolling_inclusion_1_300"]
    assert consistency.hexdigest() == block["rolling_consistency_1_300"]


# --- properties -----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 40), max_size=8))
def test_in_batches_one_by_one_and_by_definition_are_equal(batches):
    leaves = some_leaves(sum(batches))
    batched, single, at = Frontier(), Frontier(), 0
    for width in batches:
        batched.extend(leaves[at : at + width])
        at += width
        batched = Frontier(batched.size, batched.nodes)  # as it would be stored and read back
    for leaf in leaves:
        single.append(leaf)
    expected = recursive_root(leaves)
    assert batched.root() == single.root() == Tree(leaves).root() == expected
    assert batched.nodes == single.nodes
    assert batched.size == len(leaves)


@given(st.integers(1, 200), st.data())
def test_inclusion_proofs_verify_and_follow_the_definition(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaves = some_leaves(size)
    proof = Tree(leaves).inclusion(index, size)
    assert proof == recursive_path(index, leaves)
    assert verify_inclusion(index, size, leaves[index], proof, recursive_root(leaves))


@given(st.integers(1, 200), st.data())
def test_consistency_proofs_verify(new, data):
    old = data.draw(st.integers(1, new))
    leaves = some_leaves(new)
    tree = Tree(leaves)
    assert verify_consistency(old, new, tree.root(old), tree.root(), tree.consistency(old, new))


@given(st.integers(1, 100), st.data())
def test_a_mutated_inclusion_proof_is_refused(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaves = some_leaves(size)
    tree = Tree(leaves)
    proof, root, leaf = tree.inclusion(index, size), tree.root(), leaves[index]
    for changed in _mutations(proof, data):
        assert not verify_inclusion(index, size, leaf, changed, root)
    other = data.draw(st.integers(0, size + 3).filter(lambda number: number != index))
    assert not verify_inclusion(other, size, leaf, proof, root)
    assert not verify_inclusion(index, size, _flip(leaf, data), proof, root)
    assert not verify_inclusion(index, size, leaf, proof, _flip(root, data))


@given(st.integers(1, 100), st.data())
def test_a_mutated_consistency_proof_is_refused(new, data):
    old = data.draw(st.integers(1, new))
    tree = Tree(some_leaves(new))
    proof, first, second = tree.consistency(old, new), tree.root(old), tree.root()
    for changed in _mutations(proof, data):
        assert not verify_consistency(old, new, first, second, changed)
    assert not verify_consistency(old, new, _flip(first, data), second, proof)
    assert not verify_consistency(old, new, first, _flip(second, data), proof)
    assert not verify_consistency(0, new, EMPTY_ROOT, second, proof)
    assert not verify_consistency(new + 1, new, first, second, proof)


def _flip(value, data):
    bit = data.draw(st.integers(0, 255))
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(32, "big")


def _mutations(proof, data):
    yield [*proof, leaf_hash(b"more")]
    yield [leaf_hash(b"more"), *proof]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        yield proof[:at] + proof[at + 1 :]
        yield [*proof[:at], _flip(proof[at], data), *proof[at + 1 :]]
        yield [*proof[:at], proof[at][:31], *proof[at + 1 :]]


# --- edges ----------------------------------------------------------------------------------------------------------


def test_the_empty_tree():
    assert Frontier().root() == Tree().root() == merkle.root([]) == EMPTY_ROOT
    assert not verify_inclusion(0, 0, leaf_hash(b""), [], EMPTY_ROOT)


@pytest.mark.parametrize(
    ("size", "nodes"), [(-1, []), (-1, [b"x" * 32]), (1, []), (0, [b"x" * 32]), (3, [b"x" * 32]), (1, [b"x" * 31])]
)
def test_a_frontier_that_does_not_fit_is_refused(size, nodes):
    with pytest.raises(ValueError, match="does not fit"):
        Frontier(size, nodes)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.inclusion(3, 3),
        lambda t: t.inclusion(0, 4),
        lambda t: t.inclusion(-1, 3),
        lambda t: t.root(4),
        lambda t: t.root(-1),
    ],
)
def test_proofs_beyond_the_tree_are_refused(call):
    with pytest.raises(ValueError, match="no such proof"):
        call(Tree(some_leaves(3)))


@pytest.mark.parametrize("sizes", [(0, 3), (4, 3), (2, 4)])
def test_consistency_beyond_the_tree_is_refused(sizes):
    with pytest.raises(ValueError, match="no such proof"):
        Tree(some_leaves(3)).consistency(*sizes)


def test_a_frontier_by_levels():
    frontier = Frontier()
    frontier.extend(some_leaves(13))
    assert sorted(frontier.levels()) == [0, 2, 3]
    assert frontier.levels()[3] == recursive_root(some_leaves(8))
    assert Frontier.from_levels(13, frontier.levels()).root() == frontier.root()
    with pytest.raises(ValueError, match="do not fit"):
        Frontier.from_levels(12, frontier.levels())


def test_a_copied_frontier_goes_its_own_way():
    one = Frontier()
    one.append(leaf_hash(b"a"))
    two = one.copy()
    two.append(leaf_hash(b"b"))
    assert (one.size, two.size) == (1, 2)
    assert one.root() == leaf_hash(b"a")


def test_parents_of_a_row():
    leaves = some_leaves(8)
    row = merkle.parents(b"".join(leaves))
    assert row == b"".join(node_hash(*leaves[at : at + 2]) for at in range(0, 8, 2))
    assert merkle.parents(merkle.parents(row)) == merkle.root(leaves)
    assert merkle.parents(b"") == b""
