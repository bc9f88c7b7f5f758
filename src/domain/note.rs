//! Signed notes (c2sp.org/signed-note): a text, an empty line, and signature lines. The only file that names a
//! signature scheme: Ed25519, with keys written as Go's `golang.org/x/mod/sumdb/note` writes them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use faster_hex::hex_string;
use sha2::{Digest, Sha256};

/// The byte that names Ed25519 in key ids and encoded keys.
const ED25519: u8 = 1;
const PRIVATE: &str = "PRIVATE+KEY+";
/// What a signature line starts with: an em dash and a space.
const DASH: &str = "\u{2014} ";
/// Room for sixteen signatures of any scheme, and an end to what is read of a note that somebody sends.
const NOTE_BYTES_MAX: usize = 1 << 20;
/// A proof names the key twice; with longer names it would not stay small.
pub const NAME_BYTES_MAX: usize = 64;

/// What is wrong with a key or a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The name of a key is not one.
    #[error("a key's name has 1 to {NAME_BYTES_MAX} bytes, and no spaces, control characters or `+`")]
    Name,
    /// The text is not a public key.
    #[error("not a public key of the form NAME+ID+KEY")]
    PublicKey,
    /// The text is not a private key.
    #[error("not a private key of the form PRIVATE+KEY+NAME+ID+KEY")]
    PrivateKey,
    /// The text is not a signed note.
    #[error("not a signed note: text, empty line, signature lines")]
    Malformed,
    /// Nobody known signed the note.
    #[error("not signed by this key")]
    NotSigned,
    /// The signature is of another text, or of another key.
    #[error("the signature does not hold")]
    BadSignature,
}

/// A public key with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// Reads `NAME+ID+KEY`; the id must be that of name and key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::PublicKey);
        };
        let key = key_bytes(key).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        let public = Self { name: checked_name(name)?, key: key.ok_or(NoteError::PublicKey)? };
        if hex_string(&public.id()) == id { Ok(public) } else { Err(NoteError::PublicKey) }
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of the SHA-256 of name, newline, scheme and key.
    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// The text of a note that this key signed. Signatures of other keys are passed over.
    pub fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        if note.len() > NOTE_BYTES_MAX || note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Malformed);
        }
        let at = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, signatures) = (note.get(..=at), note.get(at + 2..));
        let (Some(text), Some(signatures)) = (text, signatures.and_then(|lines| lines.strip_suffix('\n')))
        else {
            return Err(NoteError::Malformed);
        };
        let mut signed = false;
        for line in signatures.split('\n') {
            let (name, signature) =
                line.strip_prefix(DASH).and_then(|line| line.split_once(' ')).ok_or(NoteError::Malformed)?;
            let bytes = STANDARD.decode(signature).map_err(|_| NoteError::Malformed)?;
            let (id, signature) = bytes.split_first_chunk::<4>().ok_or(NoteError::Malformed)?;
            checked_name(name).map_err(|_| NoteError::Malformed)?;
            if name != self.name || *id != self.id() {
                continue;
            }
            let signature = Signature::from_slice(signature).map_err(|_| NoteError::BadSignature)?;
            self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| NoteError::BadSignature)?;
            signed = true;
        }
        if signed { Ok(text) } else { Err(NoteError::NotSigned) }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, hex_string(&self.id()), encoded(self.key.as_bytes()))
    }
}

/// A private key with its name. It is wiped from memory when dropped, and `Debug` does not show it.
pub struct PrivateKey {
    public: PublicKey,
    key: SigningKey,
}

impl PrivateKey {
    /// The key that 32 random bytes make.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let key = SigningKey::from_bytes(seed);
        Ok(Self { public: PublicKey { name: checked_name(name)?, key: key.verifying_key() }, key })
    }

    /// Reads `PRIVATE+KEY+NAME+ID+KEY`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.strip_prefix(PRIVATE).ok_or(NoteError::PrivateKey)?.splitn(3, '+');
        let (Some(name), Some(id), Some(seed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::PrivateKey);
        };
        let private = Self::from_seed(name, &key_bytes(seed).ok_or(NoteError::PrivateKey)?)?;
        if hex_string(&private.public.id()) == id { Ok(private) } else { Err(NoteError::PrivateKey) }
    }

    /// The key as `PRIVATE+KEY+NAME+ID+KEY`.
    pub fn to_text(&self) -> String {
        let PublicKey { name, .. } = &self.public;
        format!("{PRIVATE}{name}+{}+{}", hex_string(&self.public.id()), encoded(self.key.as_bytes()))
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a text that ends with a newline and gives the note.
    pub fn sign(&self, text: &str) -> String {
        let mut bytes = self.public.id().to_vec();
        bytes.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n{DASH}{} {}\n", self.public.name, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

fn checked_name(name: &str) -> Result<String, NoteError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX;
    if fits && !name.contains(bad) { Ok(name.to_owned()) } else { Err(NoteError::Name) }
}

/// The 32 bytes of a key, public or private, behind the byte of its scheme.
fn key_bytes(text: &str) -> Option<[u8; 32]> {
    match STANDARD.decode(text).ok()?.split_first()? {
        (&ED25519, key) => key.try_into().ok(),
        _ => None,
    }
}

fn encoded(key: &[u8; 32]) -> String {
    let mut bytes = vec![ED25519];
    bytes.extend_from_slice(key);
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and note of the documentation of `golang.org/x/mod/sumdb/note`.
    const PRIVATE_KEY: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNATURE: &str =
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

    fn peter() -> PublicKey {
        PublicKey::parse(PUBLIC_KEY).unwrap()
    }

    #[test]
    fn keys_and_notes_are_those_of_go() {
        let private = PrivateKey::parse(PRIVATE_KEY).unwrap();
        assert_eq!((private.to_text().as_str(), private.public()), (PRIVATE_KEY, &peter()));
        assert_eq!(peter().to_string(), PUBLIC_KEY);
        let note = format!("{TEXT}\n\u{2014} PeterNeumann {SIGNATURE}\n");
        assert_eq!(private.sign(TEXT), note);
        assert_eq!(peter().open(&note), Ok(TEXT));
    }

    #[test]
    fn signatures_of_others_are_passed_over_and_a_bad_one_of_ours_is_not() {
        let other = "\u{2014} somebody.else AAAAAAAA\n";
        let ours = format!("\u{2014} PeterNeumann {SIGNATURE}\n");
        assert_eq!(peter().open(&format!("{TEXT}\n{other}{ours}{other}")), Ok(TEXT));
        assert_eq!(peter().open(&format!("{TEXT}\n{other}")), Err(NoteError::NotSigned));
        let changed = TEXT.replace("think", "thank");
        assert_eq!(peter().open(&format!("{changed}\n{ours}")), Err(NoteError::BadSignature));
        // The same name with another key is another key.
        let namesake = PrivateKey::from_seed("PeterNeumann", &[7; 32]).unwrap();
        assert_eq!(peter().open(&namesake.sign(TEXT)), Err(NoteError::NotSigned));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let good = format!("{TEXT}\n\u{2014} PeterNeumann {SIGNATURE}\n");
        for bad in [
            String::new(),
            TEXT.to_owned(),
            good.trim_end().to_owned(),
            good.replace('\n', "\r\n"),
            good.replace('\u{2014}', "-"),
            good.replace("M=\n", "N=\n"),
            good.replace("M=\n", "M\n"),
            format!("{good}\n"),
            format!("{TEXT}\n"),
            good.replace("PeterNeumann", "Peter+Neumann"),
        ] {
            assert_eq!(peter().open(&bad), Err(NoteError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn keys_that_are_not_whole_are_refused() {
        for bad in [
            "",
            "PeterNeumann+c74f20a3",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq",
            PRIVATE_KEY,
        ] {
            assert_eq!(PublicKey::parse(bad), Err(NoteError::PublicKey), "{bad}");
        }
        assert_eq!(PrivateKey::parse(PUBLIC_KEY).err(), Some(NoteError::PrivateKey));
        for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb", &"x".repeat(65)] {
            assert_eq!(PrivateKey::from_seed(name, &[1; 32]).err(), Some(NoteError::Name), "{name:?}");
        }
    }

    #[test]
    fn a_private_key_is_not_shown_by_debug() {
        let private = PrivateKey::parse(PRIVATE_KEY).unwrap();
        assert!(!format!("{private:?}").contains("129, 10, 20"), "the seed starts with these bytes");
        assert!(format!("{private:?}").contains("PeterNeumann"));
    }
}
