//! Records with one thing changed: dropped, retyped, out of range, cut short, swapped for another's, said twice.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Times that are almost right, and some that are.
const TIMES: [&str; 16] = [
    "2026-02-29T00:00:00.000Z",
    "2024-02-29T23:59:59.999Z",
    "1900-02-29T00:00:00.000Z",
    "2000-02-29T00:00:00.000Z",
    "2026-02-30T12:00:00.000Z",
    "2026-04-31T12:00:00.000Z",
    "2026-13-01T12:00:00.000Z",
    "2026-00-10T12:00:00.000Z",
    "2026-04-26T24:00:00.000Z",
    "2026-04-26T23:59:60.000Z",
    "2026-04-26T14:03:11.482",
    "2026-04-26T14:03:11Z",
    "2026-04-26T14:03:11.4820Z",
    "2026-04-26t14:03:11.482+02:00",
    "2026-04-26 14:03:11.482Z",
    "٢٠٢٦-04-26T14:03:11.482Z",
];

/// Numbers at the edges of types; between 2^53 and 2^63 a double cannot tell neighbours apart.
fn edges() -> Vec<Value> {
    let floats =
        [0.0, -0.0, 0.5, 1.0, 1.5, -0.25, 1e-9, 1e15, 9_007_199_254_740_992.0, 1.8446744073709552e19, 1e300];
    let wholes = [0, 1, 2, 100, -1, 9_007_199_254_740_991, -9_007_199_254_740_991, i64::MAX, i64::MIN];
    let floats = floats.into_iter().map(|n| json!(n));
    floats.chain(wholes.into_iter().map(|n| json!(n))).chain([json!(u64::MAX)]).collect()
}

/// Values by the name of their member, over many records: what a record may plausibly have there.
#[derive(Default)]
pub struct Pool(BTreeMap<String, Vec<Value>>);

impl Pool {
    /// Takes in the members of a record.
    pub fn add(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => {
                for (name, value) in members {
                    self.0.entry(name.clone()).or_default().push(value.clone());
                    self.add(value);
                }
            }
            _ => {}
        }
    }

    fn another(&self, rng: &mut Rng, name: &str) -> Option<Value> {
        rng.choice(self.0.get(name)?).cloned()
    }
}

/// The record with one thing changed, and what that was.
pub fn mutated(rng: &mut Rng, record: &Value, pool: &Pool) -> (String, Value) {
    loop {
        let mut changed = record.clone();
        let places = places(record);
        let place = rng.choice(&places).unwrap();
        let what = match place.rsplit_once('/') {
            Some((parent, name)) if rng.u8(..3) == 0 => around(rng, &mut changed, parent, name, pool),
            _ => within(rng, changed.pointer_mut(place).unwrap()),
        };
        if &changed != record || what == "as a fraction" {
            return (format!("{place} {what}"), changed);
        }
    }
}

/// JSON pointers to every value in a value, itself included.
fn places(value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        Value::Object(members) => {
            let step = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members.iter().map(|(name, value)| (step(name), value)).collect()
        }
        _ => Vec::new(),
    };
    let inner = inner
        .into_iter()
        .flat_map(|(step, value)| places(value).into_iter().map(move |place| format!("/{step}{place}")));
    std::iter::once(String::new()).chain(inner).collect()
}

/// Changes what an object or array has at a place.
fn around(rng: &mut Rng, record: &mut Value, parent: &str, name: &str, pool: &Pool) -> &'static str {
    match record.pointer_mut(parent).unwrap() {
        Value::Object(members) => {
            let name = name.replace("~1", "/").replace("~0", "~");
            match (rng.u8(..5), pool.another(rng, &name)) {
                (0 | 1, _) => {
                    members.remove(&name);
                    "dropped"
                }
                (2, _) => {
                    members.insert(name, Value::Null);
                    "null"
                }
                (_, Some(other)) => {
                    members.insert(name, other);
                    "swapped for another's"
                }
                _ => "as it is",
            }
        }
        Value::Array(items) => {
            let at: usize = name.parse().unwrap();
            if rng.bool() {
                items.remove(at);
                "dropped"
            } else {
                items.insert(at, items[at].clone());
                "twice"
            }
        }
        _ => unreachable!("a parent holds something"),
    }
}

/// Changes a value itself.
fn within(rng: &mut Rng, value: &mut Value) -> &'static str {
    let others = [
        json!(null),
        json!(""),
        json!("a"),
        json!(7),
        json!(0.5),
        json!(true),
        json!([]),
        json!({}),
        json!(["a"]),
    ];
    if rng.u8(..4) == 0 {
        *value = rng.choice(others).unwrap();
        return "retyped";
    }
    match value {
        Value::String(text) => change_text(rng, text),
        Value::Number(_) => change_number(rng, value),
        Value::Bool(flag) => {
            *flag = !*flag;
            "flipped"
        }
        Value::Array(items) => change_list(rng, items),
        Value::Object(members) => change_object(rng, members),
        Value::Null => "as it is",
    }
}

fn change_text(rng: &mut Rng, text: &mut String) -> &'static str {
    if text.len() >= 19 && text.as_bytes()[4] == b'-' && rng.bool() {
        *text = rng.choice(TIMES).unwrap().to_owned();
        return "another time";
    }
    match rng.u8(..7) {
        0 => {
            text.clear();
            "emptied"
        }
        1 => {
            text.pop();
            "cut short"
        }
        2 => {
            *text = text.to_uppercase();
            "in upper case"
        }
        3 => {
            text.push(rng.choice(['x', '0', ' ', '\n', 'é', '\u{1F600}', '\u{2028}']).unwrap());
            "longer"
        }
        4 => {
            text.insert(0, rng.choice(['f', ' ', '\n', '\u{FEFF}']).unwrap());
            "longer in front"
        }
        5 => {
            let blank = ["  ", "\u{3000}", "\n", "\u{0}", "\u{200B}"];
            *text = rng.choice(blank).unwrap().to_owned();
            "blank"
        }
        _ => {
            *text = text
                .chars()
                .map(|c| if c.is_ascii_hexdigit() && c.is_alphabetic() { 'g' } else { c })
                .collect();
            "other letters"
        }
    }
}

fn change_number(rng: &mut Rng, value: &mut Value) -> &'static str {
    match (rng.u8(..4), value.as_f64().unwrap()) {
        (0, number) if number.fract() == 0.0 => {
            *value = json!(number);
            "as a fraction"
        }
        (1, _) => {
            *value = value.as_i64().map_or(json!(0.75), |number| json!(number.wrapping_add(1)));
            "a little more"
        }
        _ => {
            *value = rng.choice(edges()).unwrap();
            "at an edge"
        }
    }
}

fn change_list(rng: &mut Rng, items: &mut Vec<Value>) -> &'static str {
    match rng.u8(..4) {
        0 => {
            items.clear();
            "emptied"
        }
        1 => {
            items.reverse();
            "reversed"
        }
        2 => {
            items.push(Value::Null);
            "with a null"
        }
        _ => {
            items.extend(items.first().cloned());
            "with the first again"
        }
    }
}

fn change_object(rng: &mut Rng, members: &mut Map<String, Value>) -> &'static str {
    match rng.u8(..6) {
        0 => {
            members.clear();
            "emptied"
        }
        1 => {
            members.insert("constructor".to_owned(), json!("a"));
            "with a constructor"
        }
        2 => {
            members.insert("__proto__".to_owned(), json!({ "a": 1 }));
            "with a prototype"
        }
        3 => {
            members.insert(String::new(), json!(1));
            "with a nameless member"
        }
        _ => {
            members.insert("surprise".to_owned(), json!(1));
            "with an unknown member"
        }
    }
}
