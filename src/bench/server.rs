//! A catalog in a process of its own, so that its memory and CPU can be told from the client's.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// A running catalog with the embedded default and no locations.
pub(super) struct Server {
    child: Child,
    /// Where it listens, without a slash at the end.
    pub(super) url: String,
    dir: PathBuf,
}

/// What a process has used.
pub(super) struct Usage {
    pub(super) resident_mb: f64,
    pub(super) peak_mb: f64,
    pub(super) cpu_s: f64,
}

impl Server {
    pub(super) async fn start() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("backstitch-bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let config = dir.join("app-config.yaml");
        std::fs::write(&config, "catalog:\n  locations: []\n")?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("up")
            .arg("--config")
            .arg(&config)
            .arg("--data-dir")
            .arg(dir.join("data"))
            .args(["--listen", "127.0.0.1:0"])
            // Without a record of each push.
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("could not start a catalog")?;
        let stdout = child.stdout.take().context("the catalog has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let url = loop {
            let Some(line) = lines.next_line().await? else { bail!("the catalog ended before it listened") };
            if let Some(url) = address_in(&line) {
                break url;
            }
        };
        // Keeps reading, or the catalog would block on a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, url, dir })
    }

    /// Memory and CPU so far.
    pub(super) fn usage(&self) -> Result<Usage> {
        let pid = self.child.id().context("the catalog has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let megabytes = |field: &str| {
            let line = status.lines().find(|line| line.starts_with(field));
            let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
            kilobytes.unwrap_or_default() / 1_024.0
        };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks: f64 = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        // Linux counts in hundredths of a second on every platform we run on.
        Ok(Usage { resident_mb: megabytes("VmRSS:"), peak_mb: megabytes("VmHWM:"), cpu_s: ticks / 100.0 })
    }

    pub(super) fn log_mb(&self) -> f64 {
        self.size_mb("log.db")
    }

    pub(super) fn read_model_mb(&self) -> f64 {
        self.size_mb("read-model.db")
    }

    fn size_mb(&self, file: &str) -> f64 {
        let size = std::fs::metadata(self.dir.join("data").join(file)).map_or(0, |file| file.len());
        size as f64 / 1e6
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        std::fs::remove_dir_all(&self.dir).context("could not remove the temporary directory")
    }
}

/// The first loopback address in a line of output.
fn address_in(line: &str) -> Option<String> {
    let start = line.find("http://127.0.0.1:")?;
    let digits = |c: char| !c.is_ascii_digit();
    let after_host = start + "http://127.0.0.1:".len();
    let end = line[after_host..].find(digits).map_or(line.len(), |length| after_host + length);
    Some(line[start..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_address_in_a_line_for_people() {
        let found = address_in("page   http://127.0.0.1:41234/ (open it)");
        assert_eq!(found.as_deref(), Some("http://127.0.0.1:41234"));
        assert_eq!(address_in("reading /srv"), None);
    }
}
