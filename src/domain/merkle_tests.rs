//! Trees, paths and growth proofs, against the vectors of Certificate Transparency and against themselves.

use faster_hex::hex_string;

use super::*;

/// The leaves of the tests of Certificate Transparency, and the roots of the trees of 1 to 8 of them.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// The root as RFC 6962 defines it.
fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        leaves => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// A tree of numbered leaves, all of them kept.
fn numbered(size: u64) -> Tree {
    let mut tree = Tree::default();
    for number in 0..size {
        tree.keep_next();
        tree.push(leaf_hash(&number.to_be_bytes()));
    }
    tree
}

fn bytes_of(digits: &str) -> Vec<u8> {
    let mut bytes = vec![0; digits.len() / 2];
    faster_hex::hex_decode(digits.as_bytes(), &mut bytes).unwrap();
    bytes
}

#[test]
fn the_trees_of_certificate_transparency_have_their_known_roots() {
    let mut tree = Tree::default();
    assert_eq!(hex_string(&tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, root) in LEAVES.iter().zip(ROOTS) {
        tree.push(leaf_hash(&bytes_of(leaf)));
        assert_eq!(hex_string(&tree.root()), root);
    }
}

#[test]
fn a_known_path_of_certificate_transparency_is_found() {
    let mut tree = Tree::default();
    for leaf in LEAVES {
        tree.push(leaf_hash(&bytes_of(leaf)));
    }
    let path: Vec<_> = tree.inclusion(5).unwrap().iter().map(|hash| hex_string(hash)).collect();
    let expected = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(path, expected);
}

/// A tree of `size` leaves whose every path, and what is near it, is looked at.
fn check_inclusion(size: u64) {
    let tree = numbered(size);
    let root = tree.root();
    for index in 0..size {
        let path = tree.inclusion(index).unwrap();
        let leaf = leaf_hash(&index.to_be_bytes());
        assert_eq!(root_by_inclusion(index, size, leaf, &path), Some(root), "{index} of {size}");
        // Another leaf, another place, another length of the path: none leads to this root.
        let other = leaf_hash(b"another");
        assert_ne!(root_by_inclusion(index, size, other, &path), Some(root));
        for place in (0..size + 2).filter(|place| *place != index) {
            assert_ne!(
                root_by_inclusion(place, size, leaf, &path),
                Some(root),
                "{index} as {place} of {size}"
            );
        }
        let longer: Vec<_> = path.iter().copied().chain([root]).collect();
        assert_ne!(root_by_inclusion(index, size, leaf, &longer), Some(root));
        if let Some((_, shorter)) = path.split_last() {
            assert_ne!(root_by_inclusion(index, size, leaf, shorter), Some(root));
        }
    }
    assert_eq!(tree.inclusion(size), None);
}

#[test]
fn every_leaf_of_every_small_tree_has_a_path_and_only_its_own() {
    (0..=70).for_each(check_inclusion);
}

#[test]
fn tiles_change_nothing() {
    for size in [255, 256, 257, 511, 512, 513, 1000] {
        let tree = numbered(size);
        let leaves: Vec<_> = (0..size).map(|number| leaf_hash(&number.to_be_bytes())).collect();
        assert_eq!(tree.root(), root_of(&leaves));
        for index in [0, 1, 254, 255, 256, 300, 511, 512, 767, 768, 999] {
            let Some(path) = tree.inclusion(index) else { continue };
            let root = root_by_inclusion(index, size, leaf_hash(&index.to_be_bytes()), &path);
            assert_eq!(root, Some(tree.root()), "{index} of {size}");
        }
    }
}

#[test]
fn a_leaf_that_was_not_kept_gives_no_path_rather_than_a_wrong_one() {
    let mut tree = Tree::default();
    for number in 0..700_u64 {
        if number == 300 {
            tree.keep_next();
        }
        tree.push(leaf_hash(&number.to_be_bytes()));
    }
    assert_eq!(tree.root(), numbered(700).root());
    assert_eq!(tree.inclusion(300), numbered(700).inclusion(300));
    assert_eq!(tree.inclusion(0), None);
    // The open tile is always there.
    assert_eq!(tree.inclusion(699), numbered(700).inclusion(699));
    assert_eq!((tree.root_at(10), tree.root_at(256)), (None, Some(numbered(256).root())));
}

#[test]
fn every_beginning_of_every_small_tree_is_consistent_with_it_and_nothing_else_is() {
    for size in 0..=40 {
        let tree = numbered(size);
        let root = tree.root();
        for old in 0..=size {
            let path = tree.consistency(old).unwrap();
            let old_root = numbered(old).root();
            assert_eq!(tree.root_at(old), Some(old_root));
            assert!(is_consistent((old, &old_root), (size, &root), &path), "{old} of {size}");
            let other = leaf_hash(b"another");
            assert!(!is_consistent((old, &other), (size, &root), &path), "{old} of {size}");
            if old > 0 {
                assert!(!is_consistent((old, &old_root), (size, &other), &path), "{old} of {size}");
            }
            let longer: Vec<_> = path.iter().copied().chain([other]).collect();
            assert!(!is_consistent((old, &old_root), (size, &root), &longer), "{old} of {size}");
            for place in 0..path.len() {
                let mut changed = path.clone();
                changed[place][7] ^= 1;
                assert!(!is_consistent((old, &old_root), (size, &root), &changed), "{old} of {size}");
            }
        }
        assert_eq!(tree.consistency(size + 1), None);
        assert!(!is_consistent((size + 1, &root), (size, &root), &[]));
    }
}
