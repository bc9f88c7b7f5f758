//! Where the outside judges work: node, its packages, the schemas, and records.ts compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::sha256_hex;

/// What the judges are made of, beside the packages.
const SOURCES: [&str; 6] =
    ["package.json", "package-lock.json", "tsconfig.json", "outsiders.mjs", "judge.mjs", "lines.mjs"];

/// A folder with schemas, compiled records.ts and the judges' scripts; below the one with their packages.
pub struct Workshop {
    folder: tempfile::TempDir,
}

/// A record to judge, as text.
#[derive(serde::Serialize, Clone, Debug)]
pub struct Question {
    /// The published name of the shape.
    pub schema: String,
    /// One JSON value.
    pub text: String,
}

/// What the outside judges say of a record.
#[derive(serde::Deserialize, Debug)]
pub struct Answer {
    /// Why the outside validator refuses it, if it does.
    pub ajv: Option<String>,
    /// Why records.ts refuses it, if it does.
    pub ts: Option<String>,
    /// Whether the outside validator refuses it without `x-rules`.
    pub bare: bool,
    /// The rules that it breaks, when nothing else is wrong with it.
    pub rules: Vec<String>,
}

/// What the outside judges say of a file.
#[derive(serde::Deserialize, Debug)]
pub struct Lines {
    pub file: PathBuf,
    pub lines: u64,
    pub refused: u64,
    /// The first refusal.
    pub first: Option<Value>,
}

impl Workshop {
    /// One for the `NAME.schema.json` files and the `records.ts` that `fill` leaves in a folder.
    /// Without node and its packages: `None`, which is a failure on a build machine.
    pub fn open(fill: impl FnOnce(&Path)) -> Option<Self> {
        let packages = match packages() {
            Ok(packages) => packages,
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "no outside judges: {why}");
                println!("SKIPPED, for want of outside judges: {why}");
                return None;
            }
        };
        let folder = tempfile::tempdir_in(packages).unwrap();
        for name in SOURCES {
            fs::copy(sources().join(name), folder.path().join(name)).unwrap();
        }
        let schemas = folder.path().join("schemas");
        fs::create_dir(&schemas).unwrap();
        fill(&schemas);
        fs::rename(schemas.join("records.ts"), folder.path().join("records.ts")).unwrap();
        let workshop = Self { folder };
        let compiler = "../node_modules/typescript/bin/tsc";
        let compiled = workshop.node(&[compiler, "--project", "tsconfig.json"]);
        assert!(compiled.status.success(), "records.ts is not clean: {}", text(&compiled.stdout));
        Some(workshop)
    }

    fn node(&self, arguments: &[&str]) -> Output {
        Command::new("node").args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// Judges records, in order.
    pub fn judge(&self, questions: &[Question]) -> Vec<Answer> {
        let lines = questions.iter().map(|question| serde_json::to_string(question).unwrap() + "\n");
        fs::write(self.folder.path().join("questions"), lines.collect::<String>()).unwrap();
        let judged = self.node(&["judge.mjs", "schemas", "questions", "answers"]);
        assert!(judged.status.success(), "{}", text(&judged.stderr));
        let answers = fs::read_to_string(self.folder.path().join("answers")).unwrap();
        let answers: Vec<Answer> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), questions.len());
        answers
    }

    /// Judges every line of files, each by the shape of that name.
    pub fn judge_lines(&self, files: &[(&str, PathBuf)]) -> Vec<Lines> {
        let files: Vec<String> =
            files.iter().map(|(name, file)| format!("{name}={}", file.display())).collect();
        let mut arguments = vec!["lines.mjs", "schemas"];
        arguments.extend(files.iter().map(String::as_str));
        let judged = self.node(&arguments);
        assert!(judged.status.success(), "{}", text(&judged.stderr));
        let found: Vec<Lines> =
            text(&judged.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(found.len(), files.len());
        found
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges")
}

/// The folder with `node_modules`; made once for each package-lock.json. Without node or a registry: why not.
fn packages() -> Result<PathBuf, String> {
    for tool in ["node", "npm"] {
        let found = Command::new(tool).arg("--version").output();
        found.map_err(|error| format!("{tool} cannot be run: {error}"))?;
    }
    let lock = fs::read(sources().join("package-lock.json")).unwrap();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let packages = place.join(format!("judges-{}", &sha256_hex(&lock)[..16]));
    if packages.exists() {
        return Ok(packages);
    }
    // Made elsewhere and put in place whole, so that tests at the same time, or a kill, leave no half of it.
    let fresh = tempfile::tempdir_in(place).unwrap();
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sources().join(name), fresh.path().join(name)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(fresh.path());
    let installed = npm.output().map_err(|error| error.to_string())?;
    if !installed.status.success() {
        return Err(format!("npm ci failed: {}", text(&installed.stderr)));
    }
    match fs::rename(fresh.path(), &packages) {
        Err(error) if !packages.exists() => Err(error.to_string()),
        _ => Ok(packages),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
