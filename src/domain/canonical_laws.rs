//! Canonical JSON over random values: spelling does not matter, and other parsers agree on what is JSON.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::*;
use crate::domain::schema::scalars::Sha256Hex;

#[derive(Debug, Clone)]
enum Json {
    Null,
    Bool(bool),
    Int(String),
    Float(f64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

fn text() -> impl Strategy<Value = String> {
    // Keys and texts with what is special somewhere: escapes, UTF-16 order, blocks of 32 plain bytes.
    let piece = prop_oneof![
        Just("a".to_owned()),
        Just("\u{1}\u{1f}\n\"\\/\u{7f}".to_owned()),
        Just("\u{ffff}".to_owned()),
        Just("\u{e000}".to_owned()),
        Just("\u{10000}".to_owned()),
        Just("plain ".repeat(9)),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |f| f.is_finite()),
        (-1_000_000_i32..1_000_000, 0_i32..9).prop_map(|(n, places)| f64::from(n) / 10_f64.powi(places)),
    ]
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i128>().prop_map(|n| Json::Int(n.to_string())),
        (-99_i32..99).prop_map(|n| Json::Int(n.to_string())),
        double().prop_map(Json::Float),
        text().prop_map(Json::Text),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::btree_map(text(), inner, 0..8)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// The canonical form by other means: `serde_json` for strings, `ryu_js` for doubles, a sort by UTF-16.
fn reference(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Int(digits) => digits.clone(),
        Json::Float(double) => ryu_js::Buffer::new().format_finite(*double).to_owned(),
        Json::Text(text) => serde_json::to_string(text).unwrap(),
        Json::Array(items) => format!("[{}]", items.iter().map(reference).collect::<Vec<_>>().join(",")),
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| key.encode_utf16().collect::<Vec<_>>());
            let member = |(key, value): &(String, Json)| {
                format!("{}:{}", serde_json::to_string(key).unwrap(), reference(value))
            };
            format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
        }
    }
}

/// Writes a value with spacing, key order, escapes and number forms as the dice fall.
struct Scribe {
    dice: fastrand::Rng,
    out: String,
}

impl Scribe {
    fn write(json: &Json, seed: u64) -> String {
        let mut scribe = Self { dice: fastrand::Rng::with_seed(seed), out: String::new() };
        scribe.space();
        scribe.value(json);
        scribe.space();
        scribe.out
    }

    fn space(&mut self) {
        while self.dice.u8(..4) == 0 {
            self.out.push(self.dice.choice([' ', '\t', '\n', '\r']).unwrap());
        }
    }

    fn value(&mut self, json: &Json) {
        match json {
            Json::Null => self.out.push_str("null"),
            Json::Bool(flag) => self.out.push_str(if *flag { "true" } else { "false" }),
            Json::Int(digits) => self.out.push_str(digits),
            Json::Float(double) => self.double(*double),
            Json::Text(text) => self.text(text),
            Json::Array(items) => {
                self.out.push('[');
                for (place, item) in items.iter().enumerate() {
                    self.comma(place);
                    self.value(item);
                    self.space();
                }
                self.space();
                self.out.push(']');
            }
            Json::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                self.dice.shuffle(&mut members);
                self.out.push('{');
                for (place, (key, value)) in members.into_iter().enumerate() {
                    self.comma(place);
                    self.text(key);
                    self.space();
                    self.out.push(':');
                    self.space();
                    self.value(value);
                    self.space();
                }
                self.space();
                self.out.push('}');
            }
        }
    }

    fn comma(&mut self, place: usize) {
        if place > 0 {
            self.out.push(',');
        }
        self.space();
    }

    fn double(&mut self, double: f64) {
        let plain = format!("{double}");
        let token = match self.dice.u8(..4) {
            0 if plain.contains('.') => format!("{plain}00"),
            0 => format!("{plain}.0"),
            1 => format!("{double:e}"),
            2 => format!("{double:E}").replace('E', if double.abs() >= 1.0 { "E+" } else { "E" }),
            _ => format!("{double:.17e}"),
        };
        self.out.push_str(&token);
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            let must = matches!(c, '"' | '\\') || c < ' ';
            let short = match c {
                '\u{8}' => Some("\\b"),
                '\t' => Some("\\t"),
                '\n' => Some("\\n"),
                '\u{c}' => Some("\\f"),
                '\r' => Some("\\r"),
                '"' => Some("\\\""),
                '\\' => Some("\\\\"),
                '/' => Some("\\/"),
                _ => None,
            };
            match short {
                Some(short) if self.dice.bool() => self.out.push_str(short),
                _ if must || self.dice.u8(..5) == 0 => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let hex = if self.dice.bool() {
                            format!("\\u{unit:04x}")
                        } else {
                            format!("\\u{unit:04X}")
                        };
                        self.out.push_str(&hex);
                    }
                }
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

/// JSON as `serde_json` reads it, with duplicate keys refused: the one thing it lets through that we do not.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Strict;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_str<E>(self, _: &str) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
                while items.next_element::<Strict>()?.is_some() {}
                Ok(Strict)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Strict, A::Error> {
                let mut keys = BTreeSet::new();
                while let Some((key, _)) = members.next_entry::<String, Strict>()? {
                    if !keys.insert(key) {
                        return Err(serde::de::Error::custom("duplicate key"));
                    }
                }
                Ok(Strict)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn mutate(row: &str, mutations: &[(prop::sample::Index, u8, usize)]) -> Vec<u8> {
    const BYTES: &[u8] = b"{}[]\",:\\u0189-+.eE trufalsn\x00\x1f\x7f\x80\xc0\xed\xff/\nd";
    let mut bytes = row.as_bytes().to_vec();
    for (place, how, what) in mutations {
        let at = place.index(bytes.len() + 1);
        let byte = BYTES[what % BYTES.len()];
        match how % 4 {
            0 => bytes.insert(at, byte),
            1 if at < bytes.len() => bytes[at] = byte,
            2 if at < bytes.len() => {
                bytes.remove(at);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn spelling_does_not_matter(json in json(), seed: u64) {
        let row = Scribe::write(&json, seed);
        let expected = reference(&json);
        let mut parser = Parser::default();
        let doc = parser.parse(row.as_bytes()).unwrap();
        prop_assert_eq!(doc.text(), &expected);
        prop_assert_eq!(doc.hash(), Sha256Hex::of(expected.as_bytes()).0);
        let mut again = Parser::default();
        prop_assert_eq!(again.parse(expected.as_bytes()).unwrap().text(), &expected);
    }

    #[test]
    fn every_member_is_found_where_it_went(json in json(), seed: u64) {
        fn walk(value: Value<'_>, json: &Json) {
            assert_eq!(value.text(), reference(json));
            match json {
                Json::Object(members) => {
                    assert_eq!(value.members().count(), members.len());
                    for (key, member) in members {
                        let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
                        walk(value.pointer(&pointer).unwrap(), member);
                    }
                }
                Json::Array(items) => {
                    assert_eq!(value.items().count(), items.len());
                    value.items().zip(items).for_each(|(value, item)| walk(value, item));
                }
                Json::Text(text) => assert_eq!(unescape(value.escaped().unwrap()), text.as_str()),
                _ => {}
            }
        }
        let row = Scribe::write(&json, seed);
        walk(Parser::default().parse(row.as_bytes()).unwrap().root(), &json);
    }

    #[test]
    fn what_serde_json_refuses_we_refuse_and_the_rest_we_take(
        json in json(),
        seed: u64,
        mutations in prop::collection::vec(any::<(prop::sample::Index, u8, usize)>(), 1..4),
    ) {
        let row = mutate(&Scribe::write(&json, seed), &mutations);
        let ours = Parser::default().parse(&row).map(|doc| doc.text().to_owned());
        let theirs = serde_json::from_slice::<Strict>(&row);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}: {:?}, {:?}", String::from_utf8_lossy(&row), ours, theirs.err());
        if let Ok(canonical) = ours {
            // Equal as values, too, as far as doubles reach.
            let (a, b): (serde_json::Value, serde_json::Value) =
                (serde_json::from_slice(&row).unwrap(), serde_json::from_str(&canonical).unwrap());
            prop_assert_eq!(as_doubles(a), as_doubles(b));
        }
    }

    #[test]
    fn doubles_print_as_ecmascript_prints_them(double in double(), form in 0..4_u8) {
        let token = match form {
            0 => format!("{double:e}"),
            1 => format!("{double:.20e}"),
            2 => format!("{double:?}"),
            _ => format!("{double:E}"),
        };
        let mut parser = Parser::default();
        let printed = ryu_js::Buffer::new().format_finite(double).to_owned();
        prop_assert_eq!(parser.parse(token.as_bytes()).unwrap().text(), printed);
    }

    #[test]
    fn short_decimals_need_no_double(whole in 0_u64..10_000_000_000, fraction in "[0-9]{1,9}", negative: bool) {
        let token = format!("{}{whole}.{fraction}", if negative { "-" } else { "" });
        let double: f64 = token.parse().unwrap();
        let mut parser = Parser::default();
        let printed = ryu_js::Buffer::new().format(double).to_owned();
        prop_assert_eq!(parser.parse(token.as_bytes()).unwrap().text(), printed);
    }

    #[test]
    fn text_survives_escaping(text in text()) {
        let mut escaped = String::new();
        push_escaped(&mut escaped, &text);
        prop_assert_eq!(format!("\"{escaped}\""), serde_json::to_string(&text).unwrap());
        prop_assert_eq!(unescape(&escaped), text.as_str());
        prop_assert_eq!(hash_unescaped(&escaped), Sha256Hex::of(text.as_bytes()));
    }
}

/// Every number as a double: long integers lose digits in `serde_json`, alike on both sides.
fn as_doubles(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(n) => {
            let double = n.as_f64().unwrap();
            // -0 is 0 here.
            serde_json::json!(double + 0.0)
        }
        serde_json::Value::Array(items) => items.into_iter().map(as_doubles).collect(),
        serde_json::Value::Object(members) => members.into_iter().map(|(k, v)| (k, as_doubles(v))).collect(),
        other => other,
    }
}
