//! The members of an object in canonical order: by the UTF-16 units of their keys (RFC 8785, 3.2.3).

use std::cmp::Ordering;

use super::Parser;
use super::text::unescape;
use super::value::Node;

/// A member of an object that is being sorted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// The first eight bytes of the key, so that most comparisons are of two numbers.
    pub(super) lead: u64,
    /// The node of the key.
    pub(super) node: u32,
}

impl Parser {
    /// Brings the members of the object at `node` into canonical order; `Err` when a key stands there twice.
    pub(super) fn sort_members(&mut self, node: usize, first_member: usize) -> Result<(), ()> {
        let text = self.text.as_str();
        let nodes = &self.nodes;
        let key = |member: Member| {
            let node = nodes[member.node as usize];
            &text[node.start as usize + 1..node.end as usize - 1]
        };
        let members = &mut self.members[first_member..];
        // Byte order is UTF-16 order as long as nothing is escaped and nothing lies at or above U+E000.
        let plain =
            members.iter().all(|member| !key(*member).bytes().fold(false, |odd, b| odd | is_odd_in_key(b)));
        let order = |a: Member, b: Member| match a.lead.cmp(&b.lead) {
            _ if !plain => compare_keys(key(a), key(b)),
            Ordering::Equal => key(a).cmp(key(b)),
            unequal => unequal,
        };
        if members.windows(2).all(|pair| order(pair[0], pair[1]) == Ordering::Less) {
            return Ok(());
        }
        members.sort_unstable_by(|a, b| order(*a, *b));
        if members.windows(2).any(|pair| key(pair[0]) == key(pair[1])) {
            return Err(());
        }
        self.scratch_text.clear();
        self.scratch_nodes.clear();
        let base_text = nodes[node].start + 1;
        let base_node = node as u32 + 1;
        // The outermost object needs no copying back: scratch becomes the text.
        let is_root = node == 0;
        if is_root {
            self.scratch_text.push('{');
            self.scratch_nodes.push(nodes[0]);
        }
        let (text_base, node_base) = if is_root { (0, 0) } else { (base_text, base_node) };
        for (position, member) in self.members[first_member..].iter().enumerate() {
            if position > 0 {
                self.scratch_text.push(',');
            }
            let key = self.nodes[member.node as usize];
            let value = self.nodes[key.next as usize];
            let text_shift = text_base.wrapping_add(self.scratch_text.len() as u32).wrapping_sub(key.start);
            let node_shift =
                node_base.wrapping_add(self.scratch_nodes.len() as u32).wrapping_sub(member.node);
            self.scratch_text.push_str(&self.text[key.start as usize..value.end as usize]);
            self.scratch_nodes.extend(self.nodes[member.node as usize..value.next as usize].iter().map(
                |n| Node {
                    kind: n.kind,
                    start: n.start.wrapping_add(text_shift),
                    end: n.end.wrapping_add(text_shift),
                    next: n.next.wrapping_add(node_shift),
                },
            ));
        }
        if is_root {
            self.scratch_text.push('}');
            std::mem::swap(&mut self.text, &mut self.scratch_text);
            std::mem::swap(&mut self.nodes, &mut self.scratch_nodes);
            return Ok(());
        }
        self.text.truncate(base_text as usize);
        self.text.push_str(&self.scratch_text);
        self.text.push('}');
        self.nodes.truncate(base_node as usize);
        self.nodes.extend_from_slice(&self.scratch_nodes);
        Ok(())
    }
}

fn is_odd_in_key(byte: u8) -> bool {
    (byte >= 0xEE) || (byte == b'\\')
}

/// Orders two keys, given in their escaped form, by UTF-16 code units (RFC 8785, 3.2.3).
fn compare_keys(a: &str, b: &str) -> Ordering {
    unescape(a).encode_utf16().cmp(unescape(b).encode_utf16())
}
