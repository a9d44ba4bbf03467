//! What is said about a claim whose change cannot be processed: its record goes to the dead letters,
//! and so that nobody misses it there, it is an error on its entity as well.

use backstitch_event_log::StoredRecord;
use backstitch_schemas::{
    ClaimKey, Problem, Timestamp, Topic, Version,
    change::{Cause, CauseKind},
    headers::{ChangeHeaders, Operation},
    processed::{Errors, Form, FormState, Processed, Stamp},
};

/// What stands in for the result of `input`. Key and headers tell whose it is; a withdrawal needs
/// no more than that. `None` if even they cannot be read.
pub(crate) fn stand_in(
    input: &StoredRecord,
    fingerprint: &str,
    reason: &str,
    now: Timestamp,
) -> Option<Processed> {
    let claim = ClaimKey::decode(&input.key).ok()?;
    let headers = ChangeHeaders::decode(|name| input.header(name))?;
    let stamp = Stamp {
        version: Version(input.offset.0),
        identity: headers.identity,
        created_at: headers.created_at,
        location_key: headers.location_key,
        location_id: headers.location_id,
        released: headers.operation == Operation::Released,
        fingerprint: fingerprint.to_owned(),
    };
    let detail = Some("why the change was made cannot be read".to_owned());
    let cause = Cause { kind: CauseKind::Reprocess, detail, at: now };
    Some(match headers.operation {
        Operation::Withdrawn => Processed::Form(claim, Form { stamp, state: FormState::Withdrawn, cause }),
        Operation::Claimed | Operation::Released => {
            let errors = vec![problem(input, reason)];
            Processed::Errors(claim, Errors { stamp, errors, owner: None, cause })
        }
    })
}

fn problem(input: &StoredRecord, reason: &str) -> Problem {
    let message = format!(
        "The record of this entity at {}/{}/{} cannot be processed and lies in the dead letters: {reason}",
        input.topic, input.partition.0, input.offset.0
    );
    Problem::new("Error", message).with_advice(format!(
        "submit the entity again with a change (the same content counts as known); the record's bytes lie in `{}`, \
         with its headers",
        Topic::ChangesDeadLetters
    ))
}
