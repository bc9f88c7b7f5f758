//! Files that a text names.

/// Endings that make a name without a folder a file's.
const ENDINGS: &[&str] = &[
    "cfg", "css", "csv", "html", "ini", "ipynb", "json", "jsonl", "lock", "log", "md", "parquet", "proto",
    "py", "rs", "service", "sh", "sql", "toml", "ts", "tsx", "txt", "xml", "yaml", "yml",
];
/// Files that have no ending.
const NAMES: &[&str] =
    &["Dockerfile", "Jenkinsfile", "Justfile", "LICENSE", "Makefile", "Procfile", "justfile"];
/// The longest path that is taken, in bytes.
const PATH_BYTES_MAX: usize = 256;

/// Gives every path that a line names to `take`, in order.
pub(super) fn each<'t>(line: &'t str, mut take: impl FnMut(&'t str)) {
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'.', rest)) {
        let dot = at + found;
        at = dot + 1;
        // The end of a sentence costs no more than this.
        if !bytes.get(dot + 1).is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, b'.' | b'/'))
        {
            continue;
        }
        let before = line.get(..dot).unwrap_or_default();
        let start = before.rfind(is_edge).map_or(0, |edge| edge + char_len(before, edge));
        let end = line.get(dot..).and_then(|rest| rest.find(is_edge)).map_or(line.len(), |edge| dot + edge);
        at = end.max(at);
        // `<output>/file.md` is a pattern.
        if start > 0 && bytes.get(start - 1) == Some(&b'>') {
            continue;
        }
        if let Some(path) = line.get(start..end).and_then(path) {
            take(path);
        }
    }
}

fn char_len(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

/// What cannot stand in a path that is named in a text.
fn is_edge(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '`' | '"'
                | '\''
                | '('
                | ')'
                | '['
                | ']'
                | ','
                | ';'
                | '<'
                | '>'
                | '|'
                | '='
                | '“'
                | '”'
                | '„'
                | '«'
                | '»'
        )
}

/// The path in a word, if there is one: without its line number, and without the marks around it.
fn path(word: &str) -> Option<&str> {
    if word.contains("://") || word.len() > PATH_BYTES_MAX {
        return None;
    }
    let word = word.split("::").next()?.split('#').next()?;
    let word = word.trim_matches(['*', ':', '!', '?']).trim_end_matches('.');
    let word = without_line(word);
    if word.contains(['*', '{', '}', '$', '@', '%']) {
        return None;
    }
    let (folder, name) = match word.rsplit_once(['/', '\\']) {
        Some((folder, name)) => (Some(folder), name),
        None => (None, word),
    };
    let (stem, ending) = name.rsplit_once('.')?;
    if stem.is_empty() || !is_ending(ending) {
        return None;
    }
    match folder {
        Some(folder) => (!is_host(folder)).then_some(word),
        None => (ENDINGS.contains(&ending) && is_file_name(stem)).then_some(word),
    }
}

/// Cuts `:12` and `:12:3` off.
fn without_line(word: &str) -> &str {
    let mut word = word;
    while let Some((before, number)) = word.rsplit_once(':') {
        if before.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            break;
        }
        word = before;
    }
    word
}

fn is_ending(ending: &str) -> bool {
    let letter = ending.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let plain = ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let short = matches!(ending, "c" | "h" | "d" | "r" | "s");
    letter && plain && (short || (2..=10).contains(&ending.len()))
}

/// A name without a folder is held to more: `Node.js` and `self.len` are no files.
fn is_file_name(stem: &str) -> bool {
    stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Whether the first folder is a host's name, such as `example.org`.
fn is_host(folder: &str) -> bool {
    let first = folder.split('/').next().unwrap_or_default();
    let Some((host, top)) = first.rsplit_once('.') else { return false };
    !host.is_empty() && top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The path that an item of a list of files opens with: there folders, and files without an ending, count too.
pub(super) fn of_item(item: &str) -> Option<&str> {
    let quoted = item.strip_prefix('`').and_then(|rest| rest.split('`').next());
    let word = quoted.or_else(|| item.split_whitespace().next())?.trim_matches(['*', ',', ';', ':']);
    if word.is_empty()
        || word.len() > PATH_BYTES_MAX
        || word.contains("://")
        || word.contains([' ', '[', ']'])
    {
        return None;
    }
    let listed = word.contains('/') || NAMES.contains(&word) || (quoted.is_some() && word.contains('.'));
    listed.then(|| path(word).unwrap_or_else(|| without_line(word)))
}
