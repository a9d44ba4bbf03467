//! Commands: taken from the log, and handed to the owner they are for.

use std::time::Duration;

use backstitch_event_log::{Advance, AppendError, Batch, Record, StoredRecord};
use backstitch_schemas::{
    ProviderName, Topic,
    command::Command,
    headers, log_header,
    source::{CommandOutcome, SourceKey, SourceState},
};
use tokio::sync::{mpsc, oneshot};

use super::{Directory, RETRY};
use crate::{owner::Message, record, tail::locked, writer::Writer};

impl Directory {
    /// Carries commands out in their order, until the partition is somebody else's. `in_hand` is the
    /// one that is not finished.
    pub(super) async fn obey(
        &self,
        writer: &Writer,
        commands: &mut mpsc::UnboundedReceiver<Batch>,
        in_hand: &mut Option<Batch>,
    ) {
        loop {
            if in_hand.is_none() {
                *in_hand = commands.recv().await;
            }
            let Some(batch) = in_hand.as_ref() else { return };
            for stored in &batch.records {
                if self.carry_out(writer, stored, &batch.advance).await.is_none() {
                    return;
                }
            }
            *in_hand = None;
        }
    }

    /// `None`: the partition is somebody else's by now.
    async fn carry_out(&self, writer: &Writer, stored: &StoredRecord, advance: &Advance) -> Option<()> {
        if stored.key == log_header::KEY {
            return step(writer, &[], advance).await;
        }
        let name = std::str::from_utf8(&stored.key).map(ProviderName::new);
        let (Ok(provider), Ok(command)) = (name, Command::decode(&stored.value)) else {
            tracing::warn!(
                offset = stored.offset.0,
                "a command that cannot be read went to the dead letters"
            );
            return step(writer, &[dead_letter(stored)], advance).await;
        };
        let known = {
            let partitions = locked(&self.partitions);
            let taken = partitions.get(&stored.partition.0).and_then(|ownership| ownership.taken.as_ref());
            taken.and_then(|taken| taken.owners.get(&provider).cloned())
        };
        let Some(owner) = known else {
            return step(writer, &[self.refusal(&provider, &command)], advance).await;
        };
        let (done, finished) = oneshot::channel();
        let message = Message::Command { command, advance: advance.clone(), done };
        owner.messages.send(message).await.ok()?;
        finished.await.ok()
    }

    fn refusal(&self, provider: &ProviderName, command: &Command) -> Record {
        let now = self.shared.clock.now();
        let known = self.shared.tail.provider_state(provider);
        let mut state = known
            .unwrap_or_else(|| SourceState { outcome: "withdrawn".to_owned(), ..SourceState::default() });
        state.commands.push(CommandOutcome {
            id: command.id.to_string(),
            kind: command.kind.clone(),
            outcome: "rejected".to_owned(),
            message: Some(format!("there is no provider `{provider}`")),
            reason: Some("not-found".to_owned()),
            at: now,
            ..CommandOutcome::default()
        });
        record::of_source(&SourceKey::Provider(provider.clone()), &state, now)
    }
}

async fn step(writer: &Writer, records: &[Record], advance: &Advance) -> Option<()> {
    loop {
        match writer.append(records, Some(advance)).await {
            Ok(_) => return Some(()),
            Err(AppendError::Fenced) => return None,
            Err(AppendError::Rejected { reason, .. }) => {
                tracing::error!(reason, "the outcome of a command cannot be written");
                return None;
            }
            Err(AppendError::Unavailable(cause)) => {
                tracing::warn!(cause, "the log is away, waiting to write the outcome of a command");
                tokio::time::sleep(RETRY.min(Duration::from_secs(1))).await;
                // Still away: the next append says so again.
                let _ = writer.take().await;
            }
        }
    }
}

fn dead_letter(stored: &StoredRecord) -> Record {
    let origin = format!("{}/{}/{}", stored.topic, stored.partition.0, stored.offset.0);
    Record {
        topic: Topic::CommandsDeadLetters,
        partition: stored.partition,
        key: stored.key.clone(),
        value: stored.value.clone(),
        headers: vec![
            (headers::DEAD_LETTER_REASON, "the command cannot be read".to_owned()),
            (headers::DEAD_LETTER_STAGE, "ingest".to_owned()),
            (headers::DEAD_LETTER_ORIGIN, origin),
        ],
    }
}
