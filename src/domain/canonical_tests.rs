//! Canonical JSON: the vectors of RFC 8785, the deliberate deviations, every fault. The laws are in `canonical_laws.rs`.

use super::*;
use crate::domain::schema::scalars::Sha256Hex;

#[track_caller]
fn check(row: &str, canonical: &str) {
    let mut parser = Parser::default();
    let doc = parser.parse(row.as_bytes()).unwrap();
    assert_eq!(doc.text(), canonical);
    assert_eq!(doc.hash(), Sha256Hex::of(canonical.as_bytes()).0);
    assert_eq!(Parser::default().parse(canonical.as_bytes()).unwrap().text(), canonical, "no fixed point");
}

#[track_caller]
fn check_fault(row: impl AsRef<[u8]>, kind: FaultKind, at: usize) {
    let mut parser = Parser::default();
    let fault = parser.parse(row.as_ref()).map(|doc| doc.text().to_owned()).unwrap_err();
    assert_eq!(fault, Fault { kind, at }, "{}", String::from_utf8_lossy(row.as_ref()));
}

// RFC 8785

#[test]
fn the_example_of_the_rfc_gives_its_bytes() {
    let row = r#"{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"#;
    let bytes = "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e33333333333333\
                 2c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d";
    let digits = bytes.replace(' ', "");
    let mut bytes = vec![0; digits.len() / 2];
    faster_hex::hex_decode(digits.as_bytes(), &mut bytes).unwrap();
    check(row, &String::from_utf8(bytes).unwrap());
}

#[test]
fn keys_are_sorted_by_utf_16_units() {
    let row = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
        "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
    let mut parser = Parser::default();
    let values: Vec<_> =
        parser.parse(row.as_bytes()).unwrap().root().members().map(|(_, v)| v.text()).collect();
    let expected = [
        "\"Carriage Return\"",
        "\"One\"",
        "\"Control\"",
        "\"Latin Small Letter O With Diaeresis\"",
        "\"Euro Sign\"",
        "\"Emoji: Grinning Face\"",
        "\"Hebrew Letter Dalet With Dagesh\"",
    ];
    assert_eq!(values, expected);
}

#[test]
fn the_published_test_files_give_their_bytes() {
    check(
        "[\n  56,\n  {\n    \"d\": true,\n    \"10\": null,\n    \"1\": [ ]\n  }\n]\n",
        r#"[56,{"1":[],"10":null,"d":true}]"#,
    );
    let french = r#"{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}"#;
    check(&french.replace(':', ":   ").replace(',', " ,\n "), french);
    check(
        r#"{"1": {"f": {"f": "hi","F": 5} ,"\n": 56.0}, "10": { }, "": "empty", "a": { }, "111": [ {"e": "yes","E": "no" } ], "A": { }}"#,
        r#"{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}"#,
    );
    check(r#"{"Unnormalized Unicode":"A\u030a"}"#, "{\"Unnormalized Unicode\":\"A\u{30a}\"}");
    check(
        r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\u000a":"Newline","1":"One","\u0080":"Control\u007f","\ud83d\ude02":"Smiley",
            "\u00f6":"Latin Small Letter O With Diaeresis","\ufb33":"Hebrew Letter Dalet With Dagesh","</script>":"Browser Challenge"}"#,
        "{\"\\n\":\"Newline\",\"\\r\":\"Carriage Return\",\"1\":\"One\",\"</script>\":\"Browser Challenge\",\"\u{80}\":\"Control\u{7f}\",\
         \"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😂\":\"Smiley\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
    );
}

#[test]
fn the_numbers_of_appendix_b_are_printed_as_there() {
    let table: [(u64, &str); 24] = [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ];
    for (bits, printed) in table {
        check(&format!("{:e}", f64::from_bits(bits)), printed);
    }
}

// Where distilld deviates, or could be taken to

#[test]
fn an_integer_keeps_its_digits_however_many() {
    for digits in ["9007199254740993", "12345678901234567890123", "-295147905179352825857"] {
        check(digits, digits);
    }
    let thousand = "7".repeat(1000);
    check(&thousand, &thousand);
    check("12345678901234567890123.0", "1.2345678901234568e+22");
    check("10e0", "10");
}

#[test]
fn minus_zero_is_zero() {
    for zero in ["-0", "-0.0", "0.000", "-0e5", "0E-9"] {
        check(zero, "0");
    }
}

#[test]
fn a_fraction_of_zeros_and_zeros_behind_a_fraction_go() {
    check("[1.0,100.000,-5.50,10.0100,123456789.500000]", "[1,100,-5.5,10.01,123456789.5]");
    check("[0.10,0.5000,1e-400,100000000000000.5]", "[0.1,0.5,0,100000000000000.5]");
}

#[test]
fn escapes_have_one_form() {
    check(
        r#""\u0041\/\u00e9\u001F\u0008\u0009\u000A\u000c\u000d\u0022\u005C\u007f\ud834\udd1e""#,
        "\"A/é\\u001f\\b\\t\\n\\f\\r\\\"\\\\\u{7f}𝄞\"",
    );
    check(r#"{"\u0062":1,"a":2}"#, r#"{"a":2,"b":1}"#);
    check("[\"\u{2028}\",\"<&>\"]", "[\"\u{2028}\",\"<&>\"]");
}

// Faults

#[test]
fn bytes_that_are_no_utf_8_are_told() {
    check_fault(b"{\"a\":\"\xff\"}", FaultKind::Utf8, 6);
    check_fault(b"{\"a\":\"\xc0\xaf\"}", FaultKind::Utf8, 6);
    check_fault(b"\"\xe0\x80\xaf\"", FaultKind::Utf8, 1);
    check_fault(b"\"\xed\xa0\x80\"", FaultKind::Utf8, 1);
    check_fault(b"\"\xf4\x90\x80\x80\"", FaultKind::Utf8, 1);
    check_fault(b"\"\xe2\x82", FaultKind::Utf8, 1);
}

#[test]
fn an_escaped_surrogate_wants_its_partner() {
    for row in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
        r#""\ud800\u0041""#,
        r#""\ud800\ud800""#,
        r#""\udc00\ud800""#,
    ] {
        check_fault(row, FaultKind::Utf8, 1);
    }
    check_fault(r#"{"\ud800":1}"#, FaultKind::Utf8, 2);
    check(r#""\ud800\udc00\udbff\udfff""#, "\"\u{10000}\u{10ffff}\"");
}

#[test]
fn raw_control_bytes_are_told_wherever_they_stand() {
    for control in (0_u8..0x20).filter(|b| !b"\t\n\r".contains(b)) {
        check_fault([b"{\"a\":\"x", &[control][..], b"\"}"].concat(), FaultKind::Control, 7);
        check_fault([b"{\"a\":", &[control][..], b"1}"].concat(), FaultKind::Control, 5);
        check_fault([b"{\"a\":1}", &[control][..]].concat(), FaultKind::Control, 7);
        check_fault([b"{", &[control][..], b"\"a\":1}"].concat(), FaultKind::Control, 1);
        check_fault([b"[1", &[control][..], b"]"].concat(), FaultKind::Control, 2);
    }
    for in_string in ["\t", "\n", "\r"] {
        check_fault(format!("\"{in_string}\""), FaultKind::Control, 1);
    }
    // Behind 32 plain bytes, where a block at a time is looked at.
    check_fault(format!("\"{}\u{1}\"", "x".repeat(70)), FaultKind::Control, 71);
}

#[test]
fn depth_127_is_read_and_128_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}{}{}", open.repeat(depth), "1", close.repeat(depth));
        check(&nested(127), &nested(127));
        check_fault(nested(128), FaultKind::Depth, 127 * open.len());
        assert!(serde_json::from_str::<serde_json::Value>(&nested(127)).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&nested(128)).is_err());
    }
    check_fault("[".repeat(100_000), FaultKind::Depth, 127);
}

#[test]
fn what_json_cannot_hold_is_no_number() {
    for row in [
        "NaN",
        "Infinity",
        "-Infinity",
        "-NaN",
        "1e400",
        "-1e400",
        "01",
        "-01",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "-",
        "00",
        "--1",
    ] {
        check_fault(format!("[{row}]"), FaultKind::Number, 1);
    }
    check_fault(format!("[{}.5]", "9".repeat(400)), FaultKind::Number, 1);
    for row in ["+1", ".5", "Nan", "Inf", "nan", "infinity"] {
        check_fault(format!("[{row}]"), FaultKind::Json, 1);
    }
    check_fault("[0x10]", FaultKind::Json, 2);
}

#[test]
fn one_row_holds_one_value() {
    check_fault(r#"{"a":1}{"a":2}"#, FaultKind::Trailing, 7);
    check_fault(r#"{"a":1} x"#, FaultKind::Trailing, 8);
    check_fault("1 2", FaultKind::Trailing, 2);
    check_fault("{},", FaultKind::Trailing, 2);
    check(" \t{}\r\n ", "{}");
}

#[test]
fn a_key_stands_once_in_an_object() {
    check_fault(r#"{"a":1,"a":1}"#, FaultKind::DuplicateKey, 0);
    check_fault(r#"{"b":1,"a":1,"c":2,"a":3}"#, FaultKind::DuplicateKey, 0);
    check_fault(r#"{"x":{"a":1,"a":2}}"#, FaultKind::DuplicateKey, 5);
    check_fault(r#"[1,{"a":1,"\u0061":2}]"#, FaultKind::DuplicateKey, 3);
    check_fault(r#"{"\n":1,"\u000A":2}"#, FaultKind::DuplicateKey, 0);
    check_fault(r#"{"é":1,"\u00e9":2}"#, FaultKind::DuplicateKey, 0);
    check_fault(r#"{"😀":1,"\ud83d\ude00":2}"#, FaultKind::DuplicateKey, 0);
    check(r#"{"a":{"a":{"a":1}},"A":2}"#, r#"{"A":2,"a":{"a":{"a":1}}}"#);
}

#[test]
fn a_truncated_row_is_no_json() {
    let row = r#"{"a":[1,true,null,"x\u00e9\n"],"b":{"c":-1.5e3}}"#;
    for cut in 0..row.len() {
        let fault = Parser::default().parse(&row.as_bytes()[..cut]).map(|_| ()).unwrap_err();
        assert!(matches!(fault.kind, FaultKind::Json | FaultKind::Number), "{cut}: {fault:?}");
        assert!(fault.at <= cut);
    }
}

#[test]
fn other_breaches_are_told_with_their_place() {
    for (row, at) in [
        ("", 0),
        ("{a:1}", 1),
        ("{'a':1}", 1),
        (r#"{"a" 1}"#, 5),
        (r#"{"a":1,}"#, 7),
        ("[1,]", 3),
        ("[,1]", 1),
        (r#"{"a":tru}"#, 5),
        (r#""\x""#, 1),
        (r#""\u12g4""#, 1),
        (r"[1}", 2),
        ("// no", 0),
        (r"{1:2}", 1),
        ("True", 0),
    ] {
        check_fault(row, FaultKind::Json, at);
    }
}

#[test]
fn a_parser_forgets_the_row_before() {
    let mut parser = Parser::default();
    assert!(parser.parse(br#"{"b":{"z":1,"y":[2,{"k":1,"#).is_err());
    assert_eq!(parser.parse(br#"{"b":2,"a":1}"#).unwrap().text(), r#"{"a":1,"b":2}"#);
    assert_eq!(parser.parse(b"[]").unwrap().root().items().count(), 0);
}

// Looking into a document

#[test]
fn members_and_items_are_what_stands_there() {
    let mut parser = Parser::default();
    let doc = parser.parse(br#"{"z":[{"b":1,"a":[2,3]},"s",null],"m":{"y":true,"x":{}},"\n":0}"#).unwrap();
    let keys: Vec<_> = doc.root().members().map(|(key, value)| (key, value.text())).collect();
    assert_eq!(keys, [("\\n", "0"), ("m", r#"{"x":{},"y":true}"#), ("z", r#"[{"a":[2,3],"b":1},"s",null]"#)]);
    let items: Vec<_> = doc.root().get("z").unwrap().items().map(|v| (v.kind(), v.text())).collect();
    assert_eq!(
        items,
        [(Kind::Object, r#"{"a":[2,3],"b":1}"#), (Kind::String, "\"s\""), (Kind::Null, "null")]
    );
    assert_eq!(doc.root().items().count(), 0);
    assert_eq!(doc.root().get("z").unwrap().members().count(), 0);
    assert!(doc.root().get("y").is_none(), "y is a member of m, not of the row");
    assert_eq!(doc.root().get("z").unwrap().items().nth(1).unwrap().escaped(), Some("s"));
    assert_eq!(doc.root().escaped(), None);
}

#[test]
fn a_pointer_finds_what_rfc_6901_says() {
    let mut parser = Parser::default();
    let row = r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"é\n":{"0":"x"}}"#;
    let root = parser.parse(row.as_bytes()).unwrap().root();
    for (pointer, found) in [
        ("", root.text()),
        ("/foo", r#"["bar","baz"]"#),
        ("/foo/0", "\"bar\""),
        ("/", "0"),
        ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"),
        ("/g|h", "4"),
        ("/i\\j", "5"),
        ("/k\"l", "6"),
        ("/ ", "7"),
        ("/m~0n", "8"),
        ("/é\n/0", "\"x\""),
    ] {
        assert_eq!(root.pointer(pointer).map(Value::text), Some(found), "{pointer}");
    }
    for nothing in ["/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/x", "/foo/0/1", "/nope", "/a/b", "/m~n~0"]
    {
        assert!(root.pointer(nothing).is_none(), "{nothing}");
    }
}
