//! How much of a stream lies there and was not read yet: in its file, and in rotated ones.

use std::path::Path;

use super::IntakeError;
use super::chunk::Position;
use super::identity::Identity;
use super::later::{Known, later};
use super::siblings;

/// Bytes of a stream beyond a committed position, compressed files not counted.
pub fn unread(main: &Path, position: Option<&Position>) -> Result<u64, IntakeError> {
    let metadata = std::fs::metadata(main).ok();
    let main_identity = metadata.as_ref().map(Identity::of);
    let main_len = metadata.map_or(0, |metadata| metadata.len());
    let siblings = siblings::find(main)?;
    let plain = |siblings: &[siblings::Sibling]| -> u64 {
        siblings.iter().filter(|sibling| !sibling.compressed).map(|sibling| sibling.len).sum()
    };
    let Some(Position { identity, offset, anchor, .. }) = position.cloned() else {
        return Ok(plain(&siblings) + main_len);
    };
    if main_identity.is_some_and(|main| main.is_same(&identity)) {
        // A file that is shorter was begun anew.
        return Ok(if main_len < offset { main_len } else { main_len - offset });
    }
    let left = siblings.iter().find(|sibling| sibling.identity.is_same(&identity));
    let left = left.map_or(0, |left| left.len.saturating_sub(offset));
    let known = Known { identity, modified: None, offset, anchor };
    Ok(left + plain(&later(&known, main_identity, &[], siblings)) + main_len)
}

#[cfg(test)]
mod tests {
    use super::super::tail::desk::Desk;
    use super::*;

    #[test]
    fn rotated_files_that_nobody_has_read_are_unread() {
        let mut desk = Desk::new();
        let rows = |desk: &Desk| unread(&desk.path("s.jsonl"), desk.position.as_ref()).unwrap();
        assert_eq!(rows(&desk), 0);
        desk.append("s.jsonl.1", "before the first start\n");
        desk.append("s.jsonl", "1\n");
        assert_eq!(rows(&desk), 25);
        desk.read();
        assert_eq!(rows(&desk), 0);
        desk.append("s.jsonl", "22\n");
        assert_eq!(rows(&desk), 3);
        desk.rename("s.jsonl", "s.jsonl-20260101");
        desk.append("s.jsonl", "333\n");
        assert_eq!(rows(&desk), 3 + 4);
        desk.rename("s.jsonl", "s.jsonl-20260102");
        desk.append("s.jsonl", "4444\n");
        assert_eq!(rows(&desk), 3 + 4 + 5);
        desk.read();
        assert_eq!(rows(&desk), 0);
        desk.truncate("s.jsonl");
        desk.append("s.jsonl", "5\n");
        assert_eq!(rows(&desk), 2);
    }
}
