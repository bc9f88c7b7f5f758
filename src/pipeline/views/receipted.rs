//! What the receipts say of a file that is always written whole.

use std::path::Path;

use memchr::memmem;

use crate::domain::schema::scalars::Sha256Hex;
use crate::store::receipts::Receipts;

const HASH_DIGITS: usize = 64;

/// The hash of the file of a view as it was committed, of this length; `None` when no receipt of the active file names it.
pub(super) fn hash_of(output: &Path, name: &str, len: u64) -> Option<Sha256Hex> {
    let receipts = std::fs::read(Receipts::active_path(output)).ok()?;
    let range = format!("{{\"path\":\"{name}\",\"from\":0,\"to\":{len},");
    let at = memmem::rfind(&receipts, range.as_bytes())?;
    let rest = receipts.get(at + range.len()..)?;
    let range_end = memchr::memchr(b'}', rest)?;
    let range = rest.get(..range_end)?;
    let digits = memmem::find(range, b"\"sha256\":\"")? + "\"sha256\":\"".len();
    Sha256Hex::parse(std::str::from_utf8(range.get(digits..digits + HASH_DIGITS)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_receipt_of_a_file_and_its_length_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = Receipts::active_path(dir.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let hash = |digit: &str| digit.repeat(HASH_DIGITS);
        let range = |name: &str, to: u64, digit: &str| {
            format!(r#"{{"path":"{name}","from":0,"to":{to},"rows":1,"sha256":"{}"}}"#, hash(digit))
        };
        let line = |ranges: &[String]| format!("{{\"output_files\":[{}]}}\n", ranges.join(","));
        let text = line(&[range("views/a", 5, "1"), range("views/b", 5, "2")])
            + &line(&[range("views/a", 5, "3")])
            + &line(&[range("views/a", 6, "4")]);
        std::fs::write(&path, text).unwrap();
        let found = |name: &str, len| hash_of(dir.path(), name, len);
        assert_eq!(found("views/a", 5), Sha256Hex::parse(&hash("3")));
        assert_eq!(found("views/b", 5), Sha256Hex::parse(&hash("2")));
        assert_eq!((found("views/a", 7), found("views/c", 5)), (None, None));
    }
}
