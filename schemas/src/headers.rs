//! Record headers: what a reader may need without decoding the value, and the CloudEvents
//! attributes (binary mode) and trace context that every record carries.

use uuid::Uuid;

use crate::{Change, Digest, Identity, LocationId, Timestamp};

/// Name and value of one header.
pub type Header = (&'static str, String);

/// Digest of a change's content.
pub const DIGEST: &str = "backstitch-digest";
/// Identity of the claim.
pub const IDENTITY: &str = "backstitch-identity";
/// When the claim was first made, milliseconds.
pub const CREATED_AT: &str = "backstitch-created-at";
/// Location key; absent if there is none.
pub const LOCATION_KEY: &str = "backstitch-location-key";
/// Id of the registered location that the claim is; absent for every other claim.
pub const LOCATION_ID: &str = "backstitch-location-id";
/// `claimed`, `released` or `withdrawn`.
pub const OPERATION: &str = "backstitch-operation";
/// Fingerprint that a result depends on.
pub const FINGERPRINT: &str = "backstitch-fingerprint";
/// Why a record is a dead letter.
pub const DEAD_LETTER_REASON: &str = "backstitch-reason";
/// Which stage gave it up.
pub const DEAD_LETTER_STAGE: &str = "backstitch-stage";
/// Where it came from, `topic/partition/offset`.
pub const DEAD_LETTER_ORIGIN: &str = "backstitch-origin";
/// The headers that a dead letter had as a record, as a JSON array of pairs.
pub const DEAD_LETTER_HEADERS: &str = "backstitch-headers";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// What ingest needs to know about the latest change of a claim, read from headers alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeHeaders {
    /// Digest of the content.
    pub digest: Digest,
    /// Identity of the claim.
    pub identity: Identity,
    /// When the claim was first made.
    pub created_at: Timestamp,
    /// Location key, if the source gave one.
    pub location_key: Option<String>,
    /// Id of the registered location that the claim is.
    pub location_id: Option<LocationId>,
    /// What the change did.
    pub operation: Operation,
}

/// What a change did to its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Made or changed it.
    Claimed,
    /// Made an orphan of it that is kept.
    Released,
    /// Took it back.
    Withdrawn,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Released => "released",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl ChangeHeaders {
    /// What the headers of `change` say.
    pub fn of(change: &Change) -> Self {
        let operation = match (&change.content, change.released) {
            (None, _) => Operation::Withdrawn,
            (Some(_), true) => Operation::Released,
            (Some(_), false) => Operation::Claimed,
        };
        Self {
            digest: Digest::parse(&change.digest).unwrap_or_default(),
            identity: change.identity,
            created_at: change.created_at,
            location_key: change.location_key.clone(),
            location_id: change.location_id,
            operation,
        }
    }

    /// As headers.
    pub fn encode(&self) -> Vec<Header> {
        let mut headers = vec![
            (DIGEST, self.digest.to_string()),
            (IDENTITY, self.identity.to_string()),
            (CREATED_AT, self.created_at.0.to_string()),
            (OPERATION, self.operation.as_str().to_owned()),
        ];
        headers.extend(self.location_key.clone().map(|key| (LOCATION_KEY, key)));
        headers.extend(self.location_id.map(|id| (LOCATION_ID, id.to_string())));
        headers
    }

    /// Reads them; `get` looks a header up by name. `None` if one that must be there is not.
    pub fn decode<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        Some(Self {
            digest: Digest::parse(get(DIGEST)?)?,
            identity: Identity(Uuid::parse_str(get(IDENTITY)?).ok()?),
            created_at: Timestamp(get(CREATED_AT)?.parse().ok()?),
            location_key: get(LOCATION_KEY).map(str::to_owned),
            location_id: get(LOCATION_ID).and_then(LocationId::parse),
            operation: match get(OPERATION)? {
                "claimed" => Operation::Claimed,
                "released" => Operation::Released,
                "withdrawn" => Operation::Withdrawn,
                _ => return None,
            },
        })
    }
}

/// The CloudEvents attributes of a record in binary mode: `ce_type` such as `dev.backstitch.change`,
/// `ce_source` the stage, `ce_subject` the entity ref.
pub fn cloud_event(kind: &str, source: &str, subject: &str, at: Timestamp) -> Vec<Header> {
    vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", Uuid::new_v4().to_string()),
        ("ce_type", format!("dev.backstitch.{kind}")),
        ("ce_source", format!("/backstitch/{source}")),
        ("ce_subject", subject.to_owned()),
        ("ce_time", at.to_string()),
        ("content-type", "application/avro".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encode_then_decode_is_identity() {
        let headers = ChangeHeaders {
            digest: Digest::of(b"x"),
            identity: Identity::mint(),
            created_at: Timestamp(5),
            location_key: Some("k".to_owned()),
            location_id: Some(LocationId::mint()),
            operation: Operation::Released,
        };
        let encoded = headers.encode();
        let get = |name: &str| encoded.iter().find(|(key, _)| *key == name).map(|(_, v)| v.as_str());
        assert_eq!(ChangeHeaders::decode(get), Some(headers));
        assert_eq!(ChangeHeaders::decode(|_| None), None);
    }
}
