//! Numbers and names of fields as rows have them.

use super::*;
use crate::domain::canonical::Parser;

#[track_caller]
fn number(digits: &str) -> Option<String> {
    let mut parser = Parser::default();
    let doc = parser.parse(digits.as_bytes()).unwrap();
    as_number(doc.root()).map(|number| number.0.into_owned())
}

#[test]
fn a_whole_number_beyond_the_range_of_a_double_is_no_number() {
    let ten_to = |power: usize| format!("1{}", "0".repeat(power));
    assert_eq!(number(&ten_to(308)), Some(ten_to(308)));
    assert_eq!(number(&ten_to(309)), None);
    assert_eq!(number(&format!("-{}", ten_to(309))), None);
    assert_eq!(number("-0.5").as_deref(), Some("-0.5"));
}

#[test]
fn a_field_has_several_names_and_the_first_that_has_a_value_counts() {
    let names = ["path".to_owned(), "filename".to_owned()];
    let alias = BTreeMap::from([("file".to_owned(), names.to_vec())]);
    let settings = StreamSettings { schema_version: None, alias };
    let (rules, mut parser) = (Rules::default(), Parser::default());
    let mut read = |row: &str| {
        let doc = parser.parse(row.as_bytes()).unwrap();
        let mut warnings = Warnings::new();
        let row = Row::new(doc.root(), Sha256Hex([0; 32]), Some(&settings), &rules, &mut warnings);
        row.find("file").map(|value| value.text().to_owned())
    };
    for (row, expected) in [
        (r#"{"file":"a","path":"b"}"#, Some("\"a\"")),
        (r#"{"filename":"c"}"#, Some("\"c\"")),
        (r#"{"file":null,"filename":"c","path":null}"#, Some("\"c\"")),
        (r#"{"path":null}"#, Some("null")),
        ("{}", None),
    ] {
        assert_eq!(read(row).as_deref(), expected, "{row}");
    }
}
