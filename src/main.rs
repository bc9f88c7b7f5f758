//! The `distilld` command: see [`distilld::cli`].

fn main() -> std::process::ExitCode {
    distilld::cli::main()
}
