//! A process in the background that outlives the chore that started it.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// How often a condition is looked at while we wait for it.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until `condition` holds. Returns whether it did before the deadline.
pub(super) fn wait_until(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !condition() {
        if started.elapsed() > deadline {
            return false;
        }
        thread::sleep(LOOK);
    }
    true
}

/// A background process, known by its pid file and by a word of its command line, so that a pid
/// which the machine has given to another program since is not taken for it.
pub(super) struct Background {
    pid_file: PathBuf,
    word: String,
}

impl Background {
    pub(super) fn new(pid_file: PathBuf, word: String) -> Self {
        Self { pid_file, word }
    }

    /// Its pid, if it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        let pid = fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()?;
        command_line(pid).contains(&self.word).then_some(pid)
    }

    /// Starts it, in a process group of its own so that a Ctrl-C meant for us does not reach it.
    pub(super) fn start(&self, command: &mut Command, log: &Path) -> Result<()> {
        let log = File::create(log)?;
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start it")?;
        fs::write(&self.pid_file, child.id().to_string())?;
        // Its command line can be read a moment after it was started, or never if it ended at once.
        wait_until(Duration::from_secs(5), || {
            self.pid().is_some() || child.try_wait().is_ok_and(|ended| ended.is_some())
        });
        Ok(())
    }

    /// Asks it to end, and makes it end if it does not within 20 s.
    pub(super) fn stop(&self) -> Result<()> {
        for (signal, patience) in [("TERM", 20), ("KILL", 5)] {
            let Some(pid) = self.pid() else { break };
            // The shell's own `kill`: a bare machine has no other.
            Command::new("sh").arg("-c").arg(format!("kill -{signal} {pid}")).status()?;
            wait_until(Duration::from_secs(patience), || self.pid().is_none());
        }
        if let Some(pid) = self.pid() {
            bail!("process {pid} does not end");
        }
        let _ = fs::remove_file(&self.pid_file);
        Ok(())
    }
}

/// The command line of a process; empty if there is none, or if it ended and was not reaped yet.
fn command_line(pid: u32) -> String {
    if Path::new("/proc/self").exists() {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let output = Command::new("ps").args(["-p", &pid.to_string(), "-o", "command="]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
