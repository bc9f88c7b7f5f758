//! Builds the commit that distilld is made from into the binary.

use std::process::Command;

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn main() {
    let sha = git(&["rev-parse", "HEAD"]).filter(|sha| sha.len() == 40).unwrap_or_else(|| "0".repeat(40));
    // Without optional locks: refreshing the index would change it, and so build everything anew at the next call.
    let dirty = git(&["--no-optional-locks", "status", "--porcelain", "--untracked-files=no"])
        .is_some_and(|changes| !changes.is_empty());
    println!("cargo::rustc-env=DISTILLD_GIT_SHA={sha}");
    println!("cargo::rustc-env=DISTILLD_GIT_DIRTY={dirty}");
    // Without git there is nothing to watch, and a path that is missing would build everything anew each time.
    for path in ["HEAD", "index"].into_iter().filter_map(|name| git(&["rev-parse", "--git-path", name])) {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src");
}
