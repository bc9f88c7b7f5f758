//! Which file is this? Device, inode and birth time; the name says nothing.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::UNIX_EPOCH;

/// What stays the same while a file is renamed, and changes when another takes its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    /// Nanoseconds since the Unix epoch; not every file system knows it.
    birth_ns: Option<u64>,
}

impl Identity {
    /// From what the file system says.
    pub fn of(metadata: &Metadata) -> Self {
        let birth = metadata.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            birth_ns: birth.and_then(|since| u64::try_from(since.as_nanos()).ok()),
        }
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (device, inode, birth) = (parts.next()?, parts.next()?, parts.next()?);
        let birth_ns = if birth == "-" { None } else { Some(birth.parse().ok()?) };
        Some(Self { device: device.parse().ok()?, inode: inode.parse().ok()?, birth_ns })
    }

    /// Whether both are the same file. Inodes are reused at once, birth times are not; device numbers change over a
    /// reboot, so they count only where there is no birth time.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.birth_ns, other.birth_ns) {
            (Some(a), Some(b)) => a == b && self.inode == other.inode,
            _ => self.device == other.device && self.inode == other.inode,
        }
    }

    /// Whether this file was born before the other; unknown births are not.
    pub fn is_older_than(&self, other: &Self) -> bool {
        self.birth_ns.zip(other.birth_ns).is_some_and(|(a, b)| a < b)
    }

    /// The key by which files are ordered by age.
    pub fn birth(&self) -> u64 {
        self.birth_ns.unwrap_or(0)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.device, self.inode)?;
        match self.birth_ns {
            Some(birth) => write!(f, "{birth}"),
            None => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Identity {
        Identity::parse(text).unwrap()
    }

    #[test]
    fn an_identity_reads_what_it_prints() {
        for text in ["8:12:1700000000000000001", "8:12:-"] {
            assert_eq!(id(text).to_string(), text);
        }
        assert!(Identity::parse("8:12").is_none());
        assert!(Identity::parse("8:x:1").is_none());
    }

    #[test]
    fn a_reused_inode_is_told_apart_by_its_birth() {
        assert!(!id("8:12:100").is_same(&id("8:12:200")));
    }

    #[test]
    fn a_device_renumbered_by_a_reboot_is_the_same_file() {
        assert!(id("8:12:100").is_same(&id("9:12:100")));
        assert!(!id("8:12:-").is_same(&id("9:12:-")));
    }
}
