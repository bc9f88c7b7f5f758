//! The members of an object that distilld wrote itself, found without parsing what is in them.
//!
//! Only for lines that a receipt covers: they are known to be valid, without white space, and with canonical strings.
//! Skimming costs a tenth of parsing, which is what makes exports from committed evidence affordable.

use memchr::memmem;

use super::canonical::plain_prefix;
use super::schema::scalars::Escaped;

/// The members of an object: key (without quotes) and value (as JSON).
pub fn members(object: &str) -> impl Iterator<Item = (&str, &str)> {
    members_from(object, if object.starts_with('{') { 0 } else { object.len() })
}

/// The members behind a byte of an object: behind the brace that opens it, or the comma behind another member.
pub fn members_from(object: &str, from: usize) -> impl Iterator<Item = (&str, &str)> {
    let bytes = object.as_bytes();
    let mut at = from + 1;
    std::iter::from_fn(move || {
        let key_end = string_end(bytes, at)?;
        let from = (bytes.get(key_end)? == &b':').then_some(key_end + 1)?;
        let to = value_end(bytes, from)?;
        let member = (object.get(at + 1..key_end - 1)?, object.get(from..to)?);
        // What follows is a comma, or the brace that ends the object.
        at = to + 1;
        Some(member)
    })
}

/// The items of an array, as JSON.
pub fn items(array: &str) -> impl Iterator<Item = &str> {
    let bytes = array.as_bytes();
    let mut at = if bytes.first() == Some(&b'[') { 1 } else { bytes.len() };
    std::iter::from_fn(move || {
        let to = value_end(bytes, at).filter(|to| *to > at)?;
        let item = array.get(at..to)?;
        at = to + 1;
        Some(item)
    })
}

/// The last member of that name in an object or in what it holds, as JSON; `name` with its quotes and the colon. For members
/// that stand behind long texts. A quote within a text is escaped, so that no text looks like a member.
pub fn last<'o>(object: &'o str, name: &str) -> Option<&'o str> {
    let from = memmem::rfind(object.as_bytes(), name.as_bytes())? + name.len();
    object.get(from..value_end(object.as_bytes(), from)?)
}

/// The first such member.
pub fn first<'o>(object: &'o str, name: &str) -> Option<&'o str> {
    let from = memmem::find(object.as_bytes(), name.as_bytes())? + name.len();
    object.get(from..value_end(object.as_bytes(), from)?)
}

/// The text of a string value.
pub fn text(value: &str) -> Option<Escaped<'_>> {
    Some(Escaped::from_escaped(value.strip_prefix('"')?.strip_suffix('"')?))
}

/// The offset behind the value that starts at `from`.
fn value_end(bytes: &[u8], from: usize) -> Option<usize> {
    match bytes.get(from)? {
        b'"' => string_end(bytes, from),
        b'{' | b'[' => nested_end(bytes, from),
        _ => {
            let rest = bytes.get(from..)?;
            Some(from + rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']'))?)
        }
    }
}

/// The offset behind the object or array that starts at `from`.
fn nested_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The offset behind the string that starts at `from`.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    if bytes.get(from)? != &b'"' {
        return None;
    }
    // Keys and names are short: they are at their end before a search would have begun.
    let mut at = from + 1 + plain_prefix(bytes.get(from + 1..)?);
    if bytes.get(at) == Some(&b'"') {
        return Some(at + 1);
    }
    loop {
        // Texts have many escapes and few of them are quotes: a quote ends the string after an even number of backslashes.
        at += memchr::memchr(b'"', bytes.get(at..)?)?;
        let escapes = bytes.get(from + 1..at)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        at += 1;
        if escapes % 2 == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_whatever_stands_in_their_texts() {
        let line = r#"{"a":"x\",\"b\":{","n":-1.5,"o":{"p":[1,"]}"],"q":{}},"l":[],"t":true}"#;
        let found: Vec<_> = members(line).collect();
        let expected = [
            ("a", r#""x\",\"b\":{""#),
            ("n", "-1.5"),
            ("o", r#"{"p":[1,"]}"],"q":{}}"#),
            ("l", "[]"),
            ("t", "true"),
        ];
        assert_eq!(found, expected);
        assert_eq!(members("{}").count(), 0);
    }

    #[test]
    fn a_string_ends_at_the_quote_that_is_not_escaped() {
        for text in [r"\\", r"\\\\", r#"\""#, r#"\\\""#, r#"a\\\"b\\"#, r#"\"\"\\"#, ""] {
            let line = format!(r#"{{"a":"{text}","b":1}}"#);
            let quoted = format!("\"{text}\"");
            assert_eq!(members(&line).collect::<Vec<_>>(), [("a", quoted.as_str()), ("b", "1")]);
        }
    }

    #[test]
    fn a_member_is_found_by_its_name_and_not_in_a_text() {
        let line = r#"{"a":"\",\"n\":1,\"","n":{"x":"}"},"b":"\",\"n\":2","n":"3","c":"\",\"n\":4"}"#;
        assert_eq!((first(line, "\"n\":"), last(line, "\"n\":")), (Some(r#"{"x":"}"}"#), Some("\"3\"")));
        assert_eq!((first(line, "\"d\":"), last("{\"n\":1", "\"n\":")), (None, None));
    }

    #[test]
    fn items_are_found() {
        assert_eq!(
            items(r#"["a,b",{"c":1},[2,3],4]"#).collect::<Vec<_>>(),
            [r#""a,b""#, r#"{"c":1}"#, "[2,3]", "4"]
        );
        assert_eq!(items("[]").count(), 0);
    }

    #[test]
    fn skimming_and_parsing_agree() {
        let line = r#"{"z":"é\n\u0001","a":[{"x":null}],"m":12345678901234567890}"#;
        let mut parser = crate::domain::canonical::Parser::default();
        let doc = parser.parse(line.as_bytes()).unwrap();
        for (key, value) in members(line) {
            assert_eq!(doc.root().get(key).unwrap().text(), value);
        }
    }
}
