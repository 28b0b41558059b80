"""The tree of RFC 6962, by the vectors of Certificate Transparency's own tests, and by its definition."""

from __future__ import annotations

import hashlib

import pytest

from regard.accountability.ledger.ledger_verification import (
    TILE,
    LedgerFault,
    leaf_hash,
    node_hash,
    root_from_inclusion,
    tree_root,
)
from regard.accountability.ledger.merkle_tree import MerkleTree, check_consistency, root_of_edge

#: The inputs and roots of certificate-transparency's reference tests.
INPUTS = [
    bytes.fromhex(each)
    for each in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(str(number).encode()) for number in range(70_000)]


class Made:
    """Tiles of LEAVES; counts how many are read."""

    def __init__(self, other: Made | None = None) -> None:
        self.read = 0
        self.rows = [LEAVES] if other is None else other.rows
        while len(self.rows[-1]) >= TILE:
            below = self.rows[-1]
            full = range(0, len(below) // TILE * TILE, TILE)
            self.rows.append([tree_root(below[start : start + TILE]) for start in full])

    def tile(self, level: int, number: int, width: int) -> bytes:
        self.read += 1
        return b"".join(self.rows[level][number * TILE : number * TILE + width])


MADE = Made()


def defined(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, to the letter."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return node_hash(defined(leaves[:left]), defined(leaves[left:]))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    leaves = [leaf_hash(each) for each in INPUTS[:size]]
    assert tree_root(leaves).hex() == ROOTS[size]
    assert defined(leaves).hex() == ROOTS[size]


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 255, 256, 257, 511, 700, 65_535, 65_536, 66_000])
def test_tiles_give_the_root_and_every_proof(size: int) -> None:
    root, tree = defined(LEAVES[:size]), MerkleTree(MADE, size)
    assert tree.root() == root
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
        assert root_from_inclusion(LEAVES[index], index, size, tree.inclusion(index)) == root
    for old in {0, 1, 2, size // 3, size // 2, 256, size - 1, size} & set(range(size + 1)):
        check_consistency(old, size, defined(LEAVES[:old]), root, tree.consistency(old))


def test_small_trees_are_proved_wholly() -> None:
    for size in range(1, 40):
        tree = MerkleTree(MADE, size)
        for index in range(size):
            assert root_from_inclusion(LEAVES[index], index, size, tree.inclusion(index)) == tree.root()
        for old in range(size + 1):
            check_consistency(old, size, defined(LEAVES[:old]), tree.root(), tree.consistency(old))


@pytest.mark.parametrize(("size", "levels"), [(1, 1), (7, 1), (256, 2), (700, 2), (65_535, 2), (66_000, 3)])
def test_with_the_hashes_of_its_edge_a_proof_reads_one_tile_of_each_level(size: int, levels: int) -> None:
    tree = MerkleTree(MADE, size)
    edge = tree.edge()
    assert len(edge) == size.bit_count()
    assert root_of_edge(edge) == tree.root()
    for index in sorted({0, 1, size // 3, size // 2, size - 300, size - 2, size - 1} & set(range(size))):
        counted = Made(MADE)
        assert MerkleTree(counted, size, edge).inclusion(index) == tree.inclusion(index)
        assert counted.read <= levels
    for old in {1, size // 3, size - 1} & set(range(size)):
        assert MerkleTree(MADE, size, edge).consistency(old) == tree.consistency(old)


@pytest.mark.parametrize("size", [2, 7, 300])
def test_a_proof_proves_nothing_else(size: int) -> None:
    tree = MerkleTree(MADE, size)
    proof, root = tree.inclusion(1), tree.root()
    assert root_from_inclusion(LEAVES[0], 1, size, proof) != root
    assert root_from_inclusion(LEAVES[1], 0, size, proof) != root
    assert root_from_inclusion(LEAVES[1], 1, size, [bytes(32), *proof[1:]]) != root
    for wrong in (proof[:-1], [*proof, bytes(32)]):
        with pytest.raises(LedgerFault, match="wrong length"):
            root_from_inclusion(LEAVES[1], 1, size, wrong)
    with pytest.raises(LedgerFault, match=f"no entry {size}"):
        root_from_inclusion(LEAVES[1], size, size, proof)


def test_a_node_is_never_taken_for_a_leaf() -> None:
    two = MerkleTree(MADE, 2).root()
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != two
    assert root_from_inclusion(leaf_hash(LEAVES[0] + LEAVES[1]), 0, 1, []) != two


@pytest.mark.parametrize(("old", "size"), [(1, 2), (3, 7), (4, 7), (6, 8), (255, 300), (256, 700), (300, 66_000)])
def test_another_history_is_no_continuation(old: int, size: int) -> None:
    tree, changed = MerkleTree(MADE, size), defined([*LEAVES[: old - 1], leaf_hash(b"another")])
    proof = tree.consistency(old)
    wrong = [(changed, tree.root(), proof), (defined(LEAVES[:old]), bytes(32), proof)]
    wrong += [(defined(LEAVES[:old]), tree.root(), other) for other in (proof[:-1], [*proof, bytes(32)], [])]
    for before, now, hashes in wrong:
        with pytest.raises(LedgerFault):
            check_consistency(old, size, before, now, hashes)


def test_a_ledger_that_shrank_is_no_continuation() -> None:
    with pytest.raises(LedgerFault, match="no continuation"):
        check_consistency(8, 7, bytes(32), bytes(32), [])


def test_a_proof_reads_few_tiles() -> None:
    counted = Made()
    MerkleTree(counted, 66_000).inclusion(3)
    assert counted.read <= 5  # three on the way up, two at the right edge
