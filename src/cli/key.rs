//! `distilld key new`: makes the key that heads are signed with. And how the other commands find their keys.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::table::{print, print_json};
use super::{Exit, Failure};
use crate::domain::note::{PrivateKey, PublicKey};

/// The name of the credential, and of the file that `key new` writes.
const DEFAULT_NAME: &str = "distilld-key";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, clap::Subcommand)]
enum KeyCommand {
    /// Make an Ed25519 key; the public half is printed and written beside it as FILE.pub
    New(NewArgs),
}

#[derive(Debug, clap::Args)]
struct NewArgs {
    /// The key's name, best an address of yours without scheme, such as example.com/agents
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where the private key goes; a file that is there is never overwritten
    #[arg(long, value_name = "FILE", default_value = DEFAULT_NAME)]
    into: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let KeyCommand::New(args) = &args.command;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|e| Failure::new(Exit::Io, anyhow::anyhow!("no random bytes from the system: {e}")))?;
    let key = PrivateKey::from_seed(&args.name, &seed)
        .map_err(|e| Failure::new(Exit::Usage, anyhow::anyhow!("--name {}: {e}", args.name)))?;
    let mut public_file = args.into.clone().into_os_string();
    public_file.push(".pub");
    let public_file = PathBuf::from(public_file);
    // Looked at first, so that no private key is left without its public half.
    if public_file.exists() {
        return Err(there_already(&public_file));
    }
    write_new(&args.into, 0o600, &key.to_text())?;
    write_new(&public_file, 0o644, &key.public().to_string())?;
    if args.json {
        print_json(&serde_json::json!({
            "name": key.public().name(),
            "public_key": key.public().to_string(),
            "private_file": args.into,
            "public_file": public_file,
        }));
    } else {
        print(key.public());
    }
    Ok(Exit::Fine)
}

/// Writes a file that is not there yet, and syncs it: a key that is lost in a power cut has perhaps signed already.
fn write_new(path: &Path, mode: u32, line: &str) -> Result<(), Failure> {
    let written = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).and_then(
        |mut file| {
            writeln!(file, "{line}")?;
            file.sync_all()
        },
    );
    match written {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(there_already(path)),
        written => written.map_err(|e| failed("write", path, e)),
    }
}

fn there_already(path: &Path) -> Failure {
    let text = "is there already and a key is never overwritten; give --into another file";
    Failure::new(Exit::Io, anyhow::anyhow!("{} {text}", path.display()))
}

/// The private key: the file named, else systemd's credential `distilld-key`.
pub(super) fn private(named: Option<&Path>) -> Result<PrivateKey, Failure> {
    let credential = || {
        let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(DEFAULT_NAME);
        path.exists().then_some(path)
    };
    let path = named.map(Path::to_path_buf).or_else(credential).ok_or_else(|| {
        let text =
            "no key to sign with: give --key FILE (`distilld key new` makes one), or the systemd credential";
        Failure::new(Exit::Config, anyhow::anyhow!("{text} {DEFAULT_NAME}"))
    })?;
    let text = read(&path)?;
    PrivateKey::parse(text.trim()).map_err(|e| refused(&path, e))
}

/// The public key in a file.
pub(super) fn public(path: &Path) -> Result<PublicKey, Failure> {
    let text = read(path)?;
    PublicKey::parse(text.trim()).map_err(|e| refused(path, e))
}

/// A text file whole.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| failed("read", path, e))
}

/// What is wrong with a file that was given.
pub(super) fn refused(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Refused, anyhow::anyhow!("{}: {error}", path.display()))
}

/// An operation on a file that failed.
pub(super) fn failed(action: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::new(Exit::Io, anyhow::Error::new(error).context(format!("cannot {action} {}", path.display())))
}
