//! Code and comments: passed over, but for the command that a cue announced.

use super::super::cue::Cue;
use super::super::line::{self, Line};
use super::Reader;

impl<'t> Reader<'t> {
    /// Code and comments are skipped, but for the code behind a cue for a command.
    pub(super) fn skips(&mut self, raw: &'t str, line: &Line<'t>) -> bool {
        if let Some((sign, count)) = self.fence {
            let ends =
                line::fence(line.body).is_some_and(|(s, c, info)| s == sign && c >= count && info.is_empty());
            if ends {
                self.fence = None;
                self.end_command_section();
            } else {
                self.command_line(raw);
            }
            return true;
        }
        if self.in_comment {
            self.in_comment = !raw.contains("-->");
            return true;
        }
        if line.body.starts_with("<!--") {
            self.in_comment = !raw.contains("-->");
            return true;
        }
        let Some((sign, count, _)) = line::fence(line.body) else { return false };
        self.close_open();
        self.fence = Some((sign, count));
        true
    }

    /// A line of code right below a cue for a command is the command.
    fn command_line(&mut self, raw: &'t str) {
        let line = raw.trim();
        let waits = self.section.as_ref().is_some_and(|section| {
            matches!(section.cue, Cue::Next | Cue::Command)
                && section.indent.is_none()
                && section.paragraphs.is_empty()
        });
        if waits && !line.is_empty() && !line.starts_with('#') {
            self.pad.command(line.strip_prefix("$ ").unwrap_or(line));
            self.section = None;
        }
    }

    fn end_command_section(&mut self) {
        if self.section.as_ref().is_some_and(|section| matches!(section.cue, Cue::Next | Cue::Command)) {
            self.section = None;
        }
    }
}
