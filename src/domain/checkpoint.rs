//! Checkpoints (c2sp.org/tlog-checkpoint): the head of a stream's tree, to be signed as a note.
//!
//! Every stream has a tree of its own, because only the rows of one stream have an order that never changes; and a tree
//! holds what one rules version made of them. So a log is named `<key name>/<stream>/<rules version>`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Hash;

/// What a head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: String,
    /// How many rows the tree has.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
}

/// The name of the log of a stream. A `+` has no place in such names.
pub fn origin(key_name: &str, stream: &str, rules_version: &str) -> String {
    format!("{key_name}/{stream}/{}", rules_version.replace('+', "-"))
}

impl Checkpoint {
    /// The text to be signed.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, hash_line(&self.root))
    }

    /// Reads the text of a note; lines behind the root are passed over. `None` when it is no checkpoint.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        if origin.is_empty() || lines.any(str::is_empty) {
            return None;
        }
        Some(Self { origin: origin.to_owned(), size: decimal(size)?, root: parse_hash(root)? })
    }
}

/// A hash as it stands in checkpoints and proofs.
pub fn hash_line(hash: &Hash) -> String {
    STANDARD.encode(hash)
}

/// Reads a hash.
pub fn parse_hash(line: &str) -> Option<Hash> {
    STANDARD.decode(line).ok()?.try_into().ok()
}

/// Reads a number without sign or leading zeros.
pub fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const TEXT: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn a_checkpoint_reads_as_it_was_written() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!((checkpoint.size, checkpoint.to_text().as_str()), (20_852_163, TEXT));
        assert_eq!(Checkpoint::parse(&format!("{TEXT}more\n")), Some(checkpoint));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        for bad in [
            "",
            "\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n020852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n+1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n",
            "a\n1\n",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nmore\n",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
        ] {
            assert_eq!(Checkpoint::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_log_has_the_name_of_key_stream_and_rules() {
        assert_eq!(origin("example.com/kb", "audits", "1.0.0+00ff"), "example.com/kb/audits/1.0.0-00ff");
    }
}
