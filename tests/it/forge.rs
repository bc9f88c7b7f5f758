//! A forger: somebody who changes outputs and then makes the receipts fit, hash by hash, as well as can be.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Lab, sha256_hex};

/// The receipts of a lab that has sealed none, taken apart.
pub struct Forge {
    out: PathBuf,
    pub receipts: Vec<Value>,
}

impl Forge {
    pub fn new(lab: &Lab) -> Self {
        Self { out: lab.out(), receipts: lab.receipts() }
    }

    /// Gives a file another content, and every range of it the numbers and hash that follow.
    pub fn recut(&mut self, path: &str, content: &[u8]) {
        let full = self.out.join(path);
        let old = fs::read(&full).unwrap_or_default();
        let same = old.iter().zip(content).take_while(|(a, b)| a == b).count() as u64;
        let delta = content.len() as i64 - old.len() as i64;
        // What a replacement threw away is no part of the file any more.
        let replaces = |receipt: &Value| {
            let outputs = receipt["output_files"].as_array().unwrap();
            outputs.iter().any(|range| range["path"] == path && range.get("replaces").is_some())
        };
        let first = self.receipts.iter().rposition(replaces).unwrap_or(0);
        let mut ranges: Vec<&mut Value> = self
            .receipts
            .iter_mut()
            .skip(first)
            .flat_map(|receipt| receipt["output_files"].as_array_mut().unwrap())
            .filter(|range| range["path"] == path)
            .collect();
        let count = ranges.len();
        let mut shift = 0;
        for (number, range) in ranges.iter_mut().enumerate() {
            let (from, to) = (range["from"].as_u64().unwrap(), range["to"].as_u64().unwrap());
            let from = from.checked_add_signed(shift).unwrap();
            if shift == 0 && (same < to || number + 1 == count) {
                shift = delta;
            }
            let to = to.checked_add_signed(shift).unwrap();
            let bytes = &content[from as usize..to as usize];
            range["from"] = json!(from);
            range["to"] = json!(to);
            range["rows"] = json!(bytes.iter().filter(|byte| **byte == b'\n').count());
            range["sha256"] = json!(sha256_hex(bytes));
        }
        fs::write(full, content).unwrap();
    }

    /// Changes one line of a file (numbered from 0), and makes the ranges fit.
    pub fn edit_line(&mut self, path: &str, line: usize, edit: impl FnOnce(&mut Value)) {
        let mut lines = self.lines(path);
        let mut value: Value = serde_json::from_str(&lines[line]).unwrap();
        edit(&mut value);
        lines[line] = format!("{value}\n");
        self.recut(path, lines.concat().as_bytes());
    }

    /// The lines of a file, with their newlines.
    pub fn lines(&self, path: &str) -> Vec<String> {
        let text = fs::read_to_string(self.out.join(path)).unwrap_or_default();
        text.split_inclusive('\n').map(str::to_owned).collect()
    }

    /// A new receipt that appends lines to files, like those before it.
    pub fn append(&mut self, files: &[(&str, String)], counts: &[(&str, u64)]) {
        let mut receipt = self.receipts.last().unwrap().clone();
        for list in ["input_files", "output_files", "errors", "warnings"] {
            receipt[list] = json!([]);
        }
        let object = receipt.as_object_mut().unwrap();
        object.remove("export_cursors");
        object.remove("gaps");
        receipt["kind"] = json!("batch");
        for count in receipt["record_counts"].as_object_mut().unwrap().values_mut() {
            *count = json!(0);
        }
        for (name, count) in counts {
            receipt["record_counts"][name] = json!(count);
        }
        for (path, text) in files {
            let full = self.out.join(path);
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            let mut bytes = fs::read(&full).unwrap_or_default();
            let from = bytes.len();
            bytes.extend_from_slice(text.as_bytes());
            fs::write(&full, &bytes).unwrap();
            let range = json!({"path": path, "from": from, "to": bytes.len(), "rows": text.matches('\n').count(),
                "sha256": sha256_hex(text.as_bytes())});
            receipt["output_files"].as_array_mut().unwrap().push(range);
        }
        self.receipts.push(receipt);
    }

    /// The n-th receipt that took rows of a stream (from the end when below 0), and which of its ranges did.
    pub fn input(&mut self, stream: &str, nth: isize) -> (&mut Value, usize) {
        let takes = |receipt: &Value| {
            let inputs = receipt["input_files"].as_array().unwrap();
            inputs.iter().position(|input| input["stream"] == stream && input["rows"] != 0)
        };
        let found: Vec<_> = (0..self.receipts.len())
            .filter_map(|number| Some((number, takes(&self.receipts[number])?)))
            .collect();
        let (number, place) =
            found[if nth < 0 { found.len().checked_add_signed(nth).unwrap() } else { nth as usize }];
        (&mut self.receipts[number], place)
    }

    /// Writes the receipts as a chain in which every link and `check` fits.
    pub fn write(mut self) {
        let mut prev = "0".repeat(64);
        let mut text = String::new();
        for (seq, receipt) in self.receipts.iter_mut().enumerate() {
            receipt["seq"] = json!(seq);
            receipt["prev_sha256"] = json!(prev);
            let line = with_check(receipt);
            prev = sha256_hex(line.as_bytes());
            text.push_str(&line);
        }
        fs::write(self.out.join("receipts/receipts.jsonl"), text).unwrap();
    }
}

/// A receipt as its line, with the `check` that it should have.
pub fn with_check(receipt: &Value) -> String {
    let mut receipt = receipt.clone();
    receipt.as_object_mut().unwrap().shift_remove("check");
    let mut line = receipt.to_string();
    line.pop();
    let check = &sha256_hex(line.as_bytes())[..16];
    format!("{line},\"check\":\"{check}\"}}\n")
}
