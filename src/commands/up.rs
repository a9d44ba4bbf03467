//! What `backstitch up` says while the first read is under way, and when it is done.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::status::wait_until_idle;
use crate::client::Client;
use crate::report::{self, Invitation, Start};
use crate::status::Status;

/// How long the first read is watched; what takes longer goes on without us.
const WATCHED: Duration = Duration::from_secs(600);

/// Where the lines of `up` go.
pub struct Screen<W> {
    out: W,
    /// Whether a line can be written over.
    is_terminal: bool,
    printed: usize,
}

impl<W: Write> Screen<W> {
    /// An empty screen.
    pub fn new(out: W, is_terminal: bool) -> Self {
        Self { out, is_terminal, printed: 0 }
    }

    /// Prints the first lines.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn start(&mut self, start: &Start<'_>) -> io::Result<()> {
        self.print(&report::start(start))
    }

    fn print(&mut self, lines: &[String]) -> io::Result<()> {
        self.printed += lines.len();
        lines.iter().try_for_each(|line| writeln!(self.out, "{line}"))?;
        self.out.flush()
    }

    /// Shows the progress line; only where it can be written over.
    fn progress(&mut self, status: &Status, elapsed: Duration) -> io::Result<()> {
        if self.is_terminal {
            write!(self.out, "\r\x1b[2K{}", report::progress(status, elapsed))?;
            self.out.flush()?;
        }
        Ok(())
    }

    fn clear_progress(&mut self) -> io::Result<()> {
        if self.is_terminal { write!(self.out, "\r\x1b[2K") } else { Ok(()) }
    }

    /// Watches the first read through the API and prints what came of it. `since` is when the
    /// process began.
    ///
    /// # Errors
    /// If the API does not answer, or the terminal is gone.
    pub async fn watch(
        &mut self,
        client: &Client,
        invitation: &Invitation<'_>,
        cwd: &Path,
        since: Instant,
    ) -> Result<()> {
        let mut shown = Ok(());
        let outcome = wait_until_idle(client, WATCHED, |status| {
            shown = self.progress(status, since.elapsed());
        })
        .await;
        shown?;
        self.clear_progress()?;
        let status = match outcome {
            Ok(status) => status,
            // A long first read is no failure: say how far it is.
            Err(error) if error.is::<super::WaitError>() => client.status().await?,
            Err(error) => return Err(error),
        };
        self.print(&report::finish(&status, since.elapsed(), invitation, cwd, self.printed))?;
        Ok(())
    }
}
