//! Stopping: clean on the first signal, at once on the second.

use futures::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

/// Cancels `shutdown` on the first signal and calls `now` on the second.
///
/// Runs until then; spawn it.
pub async fn on_signals(signals: impl Stream<Item = ()>, shutdown: CancellationToken, now: impl FnOnce()) {
    let mut signals = std::pin::pin!(signals);
    if signals.next().await.is_none() {
        return;
    }
    tracing::info!("stopping; a second signal stops at once");
    shutdown.cancel();
    if signals.next().await.is_some() {
        now();
    }
}

/// Ctrl-C and the signal of service managers.
///
/// # Errors
/// If the system does not let us listen.
#[cfg(unix)]
pub fn signals() -> std::io::Result<impl Stream<Item = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(futures::stream::poll_fn(move |context| {
        let interrupted = interrupt.poll_recv(context);
        if interrupted.is_ready() { interrupted } else { terminate.poll_recv(context) }
    }))
}

/// Ctrl-C.
///
/// # Errors
/// Never here; the signature is that of other systems.
#[cfg(not(unix))]
pub fn signals() -> std::io::Result<impl Stream<Item = ()>> {
    Ok(futures::stream::unfold((), |()| async { tokio::signal::ctrl_c().await.ok().map(|()| ((), ())) }))
}

/// Listens for signals in the background. The token is cancelled on the first; the second ends the
/// process.
///
/// # Errors
/// If the system does not let us listen.
pub fn install() -> std::io::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let task = on_signals(signals()?, shutdown.clone(), || std::process::exit(130));
    tokio::spawn(task);
    Ok(shutdown)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_first_signal_asks_and_the_second_insists() {
        let shutdown = CancellationToken::new();
        let insisted = Cell::new(false);
        let (sender, signals) = futures::channel::mpsc::unbounded();
        let mut task = std::pin::pin!(on_signals(signals, shutdown.clone(), || insisted.set(true)));

        assert!(task.as_mut().now_or_never().is_none());
        assert!(!shutdown.is_cancelled());

        sender.unbounded_send(()).unwrap();
        assert!(task.as_mut().now_or_never().is_none());
        assert!(shutdown.is_cancelled() && !insisted.get());

        sender.unbounded_send(()).unwrap();
        assert!(task.as_mut().now_or_never().is_some());
        assert!(insisted.get());
    }
}
