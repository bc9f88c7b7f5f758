//! Versions of a dataset: a removal makes a new major one, an addition or a change a minor one.

use std::fmt;

/// A version: `1.0`, in a folder named `v1.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Goes up when samples were taken back: who holds an older version holds something that is withdrawn.
    pub major: u32,
    /// Goes up when samples came or changed.
    pub minor: u32,
}

impl Version {
    /// The first.
    pub const FIRST: Self = Self { major: 1, minor: 0 };

    /// Reads the name of a version's folder.
    pub fn of_folder(name: &str) -> Option<Self> {
        let (major, minor) = name.strip_prefix('v')?.split_once('.')?;
        let version = Self { major: major.parse().ok()?, minor: minor.parse().ok()? };
        (version.folder() == name).then_some(version)
    }

    /// The name of its folder.
    pub fn folder(self) -> String {
        format!("v{self}")
    }

    /// The version as semver.
    pub fn semver(self) -> String {
        format!("{self}.0")
    }

    /// The version that follows, with samples taken back or not.
    #[must_use]
    pub fn next(self, retracted: bool) -> Self {
        if retracted {
            Self { major: self.major + 1, minor: 0 }
        } else {
            Self { minor: self.minor + 1, ..self }
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_is_a_major_version_and_anything_else_a_minor_one() {
        let version = Version { major: 2, minor: 9 };
        assert_eq!(version.next(true).to_string(), "3.0");
        assert_eq!(version.next(false).to_string(), "2.10");
        assert!(version < version.next(false) && version.next(false) < version.next(true));
    }

    #[test]
    fn only_the_folder_of_a_version_is_read_as_one() {
        assert_eq!(Version::of_folder("v2.10"), Some(Version { major: 2, minor: 10 }));
        for name in ["2.10", "v2", "v2.10.1", "v02.1", "v2.x", "v-1.0", "latest", "v+2.1"] {
            assert_eq!(Version::of_folder(name), None, "{name}");
        }
    }
}
