//! Running commands, and what the machine has.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

/// A user of the machine.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    // Cargo sets the variable at run time too, which holds when a built xtask serves another checkout.
    let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().expect("xtask lies in the workspace").to_path_buf()
}

/// Cargo, in the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

/// Runs a command to its end; anything but success is an error that shows the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(status.success(), "{} failed: {status}", shown(command));
    Ok(())
}

/// Like [`run`], but the command's output is only shown if it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{} failed: {}\n{}", shown(command), output.status, String::from_utf8_lossy(&said));
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    format!("`{}`", words.join(" "))
}

/// Where a program of this name lies, if it is on the path.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Installs Debian packages if we are root; otherwise says which are missing.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if !is_root() || on_path("apt-get").is_none() {
        bail!("please install {names} (Debian's names) and run this again");
    }
    eprintln!("installing {names}");
    run_quietly(Command::new("apt-get").args(["-q", "update"]))?;
    run_quietly(
        Command::new("apt-get")
            .args(["-q", "-y", "--no-install-recommends", "install"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// The first of these users that the machine has.
pub(crate) fn user(names: &[&str]) -> Result<User> {
    let passwd = fs::read_to_string("/etc/passwd").context("cannot read the machine's users")?;
    let find = |name: &&str| {
        let mut fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let fields = fields.find(|fields| fields.len() > 3 && fields[0] == *name)?;
        Some(User { uid: fields[2].parse().ok()?, gid: fields[3].parse().ok()? })
    };
    names.iter().find_map(find).with_context(|| format!("none of the users {} exists", names.join(", ")))
}
