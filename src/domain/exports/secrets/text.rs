//! The text a secret is looked for in, and what may stand around one. Knows escapes by their look alone, so that a text
//! and the inside of its JSON string get the same answer.

/// The bytes of a text, plain or as they stand inside a canonical JSON string.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'t>(pub(super) &'t [u8]);

/// Which bytes a format is made of. Never a backslash, a quote or a control byte: these are what JSON escapes.
pub(super) type Alphabet = fn(u8) -> bool;

pub(super) fn alpha(b: u8) -> bool {
    b.is_ascii_alphabetic()
}

pub(super) fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

pub(super) fn upper_alnum(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

pub(super) fn digit(b: u8) -> bool {
    b.is_ascii_digit()
}

pub(super) fn hex(b: u8) -> bool {
    b.is_ascii_hexdigit()
}

/// RFC 4648 base32.
pub(super) fn base32(b: u8) -> bool {
    matches!(b, b'A'..=b'Z' | b'2'..=b'7')
}

/// Base64 without its padding.
pub(super) fn base64(b: u8) -> bool {
    alnum(b) || matches!(b, b'+' | b'/')
}

/// What names are made of.
pub(super) fn word(b: u8) -> bool {
    alnum(b) || b == b'_'
}

/// Base64 as URLs take it.
pub(super) fn url_safe(b: u8) -> bool {
    word(b) || b == b'-'
}

/// Several [`url_safe`] parts with dots between.
pub(super) fn dotted(b: u8) -> bool {
    url_safe(b) || b == b'.'
}

impl<'t> Text<'t> {
    pub(super) fn byte(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn back(self, at: usize, by: usize) -> Option<u8> {
        self.byte(at.checked_sub(by)?)
    }

    pub(super) fn starts(self, at: usize, with: &str) -> bool {
        self.0.get(at..).is_some_and(|rest| rest.starts_with(with.as_bytes()))
    }

    /// Whether what stands before `at` ends so; where it starts.
    pub(super) fn ends(self, at: usize, with: &str) -> Option<usize> {
        self.0.get(..at)?.ends_with(with.as_bytes()).then(|| at - with.len())
    }

    /// The bytes of an alphabet from `at` on. One more than `max` of them tells a run that is too long.
    pub(super) fn run(self, at: usize, of: Alphabet, max: usize) -> &'t [u8] {
        let rest = self.0.get(at..).unwrap_or_default();
        let len = rest.iter().take(max + 1).take_while(|b| of(**b)).count();
        rest.get(..len).unwrap_or_default()
    }

    /// How many bytes of an alphabet stand before `at`; at most `max`.
    pub(super) fn run_back(self, at: usize, of: Alphabet, max: usize) -> usize {
        self.0.get(..at).unwrap_or_default().iter().rev().take(max).take_while(|b| of(**b)).count()
    }

    /// Whether a token could start at `at`: not inside a longer word, and not inside an escape.
    pub(super) fn begins(self, at: usize) -> bool {
        if self.in_escape(at) {
            return false;
        }
        match self.back(at, 1) {
            Some(before) if word(before) => {
                self.escape_ends(at) || self.percent_ends(at) || self.colour_ends(at)
            }
            _ => true,
        }
    }

    /// Whether a token could end at `at`.
    pub(super) fn finishes(self, at: usize) -> bool {
        !self.byte(at).is_some_and(word)
    }

    /// `\u` and four hex digits start at `at`.
    fn unicode_escape(self, at: Option<usize>) -> bool {
        at.is_some_and(|at| self.starts(at, "\\u") && self.run(at + 2, hex, 3).len() == 4)
    }

    fn in_escape(self, at: usize) -> bool {
        (self.back(at, 1) == Some(b'\\') && self.byte(at).is_some_and(escape_letter))
            || (self.back(at, 1) == Some(b'\\') && self.byte(at) == Some(b'u'))
            || (2..=5).any(|by| self.unicode_escape(at.checked_sub(by)))
    }

    fn escape_ends(self, at: usize) -> bool {
        (self.back(at, 2) == Some(b'\\') && self.back(at, 1).is_some_and(escape_letter))
            || self.unicode_escape(at.checked_sub(6))
    }

    /// `%3D`, as in query strings.
    fn percent_ends(self, at: usize) -> bool {
        self.back(at, 3) == Some(b'%') && self.run_back(at, hex, 2) == 2
    }

    /// `[1;32m`, the end of a terminal's colour.
    fn colour_ends(self, at: usize) -> bool {
        let Some(m) = self.ends(at, "m") else { return false };
        let numbers = self.run_back(m, |b| digit(b) || b == b';', 12);
        self.back(m, numbers + 1) == Some(b'[')
    }

    /// Goes over one piece of what may stand between a name and its value: a byte of `gap`, a control byte, or an
    /// escape. Backslashes alone are no piece, so that an escape and an escaped escape are one piece alike.
    /// `None` where something else stands.
    pub(super) fn gap(self, at: usize, gap: Alphabet) -> Option<usize> {
        let behind = at + self.0.get(at..)?.iter().take_while(|b| **b == b'\\').count();
        let next = self.byte(behind)?;
        if behind > at {
            if escape_letter(next) {
                return Some(behind + 1);
            }
            if self.unicode_escape(Some(behind - 1)) {
                return Some(behind + 5);
            }
        }
        (gap(next) || next < b' ').then_some(behind + 1)
    }
}

fn escape_letter(b: u8) -> bool {
    matches!(b, b'b' | b'f' | b'n' | b'r' | b't')
}

/// Whether a text was made up to stand for a secret.
pub(super) fn placeholder(body: &[u8]) -> bool {
    // A random text of that length has more different bytes; eight are enough to tell longer ones.
    if distinct(body) * 4 < body.len().min(32) {
        return true;
    }
    ["example", "xxxxx", "placeholder", "redacted", "abcdefgh", "12345678"]
        .iter()
        .any(|word| contains_folded(body, word))
}

/// How many different bytes there are.
pub(super) fn distinct(body: &[u8]) -> usize {
    let seen = body.iter().fold([0_u64; 4], |mut seen, b| {
        if let Some(word) = seen.get_mut(usize::from(b >> 6)) {
            *word |= 1 << (b & 63);
        }
        seen
    });
    seen.iter().map(|word| word.count_ones() as usize).sum()
}

/// Whether a lower-case word is in there, in whatever case.
pub(super) fn contains_folded(body: &[u8], word: &str) -> bool {
    body.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}
