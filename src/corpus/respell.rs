//! The same row in other bytes: wider spacing, or another order of its keys.
//!
//! Both take a row as the pens write it (one valid JSON object) and keep every value's spelling.

/// Appends `row` with a blank after each colon and comma that has none.
pub(crate) fn spaced(row: &str, into: &mut String) {
    let mut outside = Outside::default();
    let mut rest = row.char_indices().peekable();
    while let Some((_, character)) = rest.next() {
        into.push(character);
        let structural = outside.step(character);
        if structural && matches!(character, ',' | ':') && rest.peek().is_some_and(|&(_, next)| next != ' ') {
            into.push(' ');
        }
    }
}

/// Appends `row` with its first member moved to the end.
pub(crate) fn rotated(row: &str, into: &mut String) {
    let mut outside = Outside::default();
    let comma = row.char_indices().find_map(|(at, character)| {
        let structural = outside.step(character);
        (structural && character == ',' && outside.depth == 1).then_some(at)
    });
    let inner = row.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
    let halves = comma.zip(inner).and_then(|(at, inner)| inner.split_at_checked(at.saturating_sub(1)));
    let Some((first, others)) = halves else {
        into.push_str(row);
        return;
    };
    into.push('{');
    into.push_str(others.trim_start_matches([',', ' ']));
    into.push(',');
    into.push_str(first);
    into.push('}');
}

/// Knows whether a scan stands inside a string, and how deep.
#[derive(Debug, Default)]
struct Outside {
    in_string: bool,
    escaped: bool,
    depth: u32,
}

impl Outside {
    /// Takes the next character; true when it is structure and not part of a string.
    fn step(&mut self, character: char) -> bool {
        if self.in_string {
            match character {
                _ if self.escaped => self.escaped = false,
                '\\' => self.escaped = true,
                '"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match character {
            '"' => self.in_string = true,
            '{' | '[' => self.depth += 1,
            '}' | ']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"a":"x, \"y: z","b":[1,2],"c":{"d":0.1}}"#;

    #[test]
    fn a_spaced_row_keeps_its_strings() {
        let mut text = String::new();
        spaced(ROW, &mut text);
        assert_eq!(text, r#"{"a": "x, \"y: z", "b": [1, 2], "c": {"d": 0.1}}"#);
    }

    #[test]
    fn a_rotated_row_says_the_same() {
        let mut text = String::new();
        rotated(ROW, &mut text);
        assert_eq!(text, r#"{"b":[1,2],"c":{"d":0.1},"a":"x, \"y: z"}"#);
    }

    #[test]
    fn a_row_of_one_member_stays_as_it_is() {
        let mut text = String::new();
        rotated(r#"{"a":"x,y"}"#, &mut text);
        assert_eq!(text, r#"{"a":"x,y"}"#);
    }
}
