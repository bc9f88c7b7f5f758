//! Telling a command from a sentence.

/// Programs whose names are no English words.
const PROGRAMS: &[&str] = &[
    "ansible-playbook",
    "bash",
    "bazel",
    "bun",
    "cargo",
    "clang",
    "cmake",
    "conda",
    "cp",
    "ctest",
    "curl",
    "deno",
    "distilld",
    "docker",
    "docker-compose",
    "dotnet",
    "eslint",
    "gcc",
    "gdb",
    "gh",
    "git",
    "gradle",
    "grep",
    "helm",
    "hyperfine",
    "java",
    "journalctl",
    "jq",
    "kubectl",
    "ls",
    "mkdir",
    "mv",
    "mvn",
    "mypy",
    "ninja",
    "nix",
    "nox",
    "npm",
    "npx",
    "perl",
    "php",
    "pip",
    "pip3",
    "pnpm",
    "podman",
    "poetry",
    "psql",
    "pytest",
    "python",
    "python3",
    "rg",
    "rsync",
    "ruby",
    "ruff",
    "rustc",
    "rustup",
    "scp",
    "sh",
    "sqlite3",
    "ssh",
    "strace",
    "sudo",
    "systemctl",
    "terraform",
    "tox",
    "tsc",
    "uv",
    "valgrind",
    "yarn",
    "zig",
    "zsh",
];
/// Programs whose names are English words too: `make` the change, `just` a note.
const WORDS_TOO: &[&str] = &[
    "awk", "cat", "find", "go", "just", "kill", "make", "node", "sed", "sort", "tail", "task", "test", "time",
];
/// Words beside a command that say no more than "run it".
const VERBS: [&str; 9] = ["run", "rerun", "re-run", "execute", "then", "again", "try", "with", "please"];

/// How sure the text around it makes us that there is a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// A command is announced.
    Command,
    /// A command, or just as well a step.
    CommandOrStep,
}

/// What stands behind a cue for what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next<'t> {
    /// The command.
    pub(super) command: Option<&'t str>,
    /// The step, when there is more than the command.
    pub(super) step: Option<&'t str>,
}

/// Reads what comes next.
pub(super) fn next(value: &str, expect: Expect) -> Next<'_> {
    let value = value.trim();
    let announced = expect == Expect::Command;
    if let Some(command) = value.strip_prefix("$ ") {
        return Next { command: filled(command), step: None };
    }
    if let Some((before, command, behind)) = quoted(value) {
        let known = announced || is_command(command, true);
        // What is no command by its looks is not lost: then it is the step.
        let is_all = announced || (known && is_bare(before) && is_bare(behind));
        let step = (!is_all).then_some(value);
        return Next { command: filled(command).filter(|_| known), step };
    }
    if is_command(value, announced) {
        return Next { command: Some(value), step: None };
    }
    Next { command: None, step: (!announced).then_some(value).and_then(filled) }
}

/// The first text in backticks, and what stands before and behind it.
fn quoted(value: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = value.split_once('`')?;
    let (inner, behind) = rest.split_once('`')?;
    Some((before, inner, behind))
}

fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Whether the words beside a command say no more than "run it".
fn is_bare(words: &str) -> bool {
    words
        .split_whitespace()
        .map(|word| word.trim_matches(['.', ':', ',', ';', '*', '$']))
        .all(|word| word.is_empty() || VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb)))
}

/// Whether a text is a command line; `quoted` says that it stands in backticks, or that a command is announced.
fn is_command(text: &str, quoted: bool) -> bool {
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else { return false };
    let program = PROGRAMS.contains(&first) || (quoted && WORDS_TOO.contains(&first));
    program
        || first.starts_with("./")
        || first.starts_with("scripts/")
        || (quoted && first.starts_with('/') && first.len() > 1)
        || (quoted && is_program_name(first) && words.any(|word| word.starts_with('-')))
}

fn is_program_name(word: &str) -> bool {
    word.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'/'))
}

/// Whether a command checks something: a test, a lint, a build.
pub(super) fn is_check(command: &str) -> bool {
    const CHECKS: [&str; 14] = [
        "test",
        "tests",
        "clippy",
        "fmt",
        "check",
        "build",
        "lint",
        "vet",
        "smoke",
        "typecheck",
        "verify",
        "nextest",
        "deny",
        "audit",
    ];
    let command = command.trim_matches(['`', ' ', '*']);
    let mut words = command.split_whitespace();
    let Some(first) = words.next() else { return false };
    if ["pytest", "eslint", "mypy", "ruff", "tox", "tsc", "ctest"].contains(&first) {
        return true;
    }
    let runs = [
        "cargo", "npm", "pnpm", "yarn", "bun", "go", "just", "make", "gradle", "mvn", "dotnet", "bazel",
        "deno",
    ];
    runs.contains(&first) && words.any(|word| CHECKS.contains(&word))
}
