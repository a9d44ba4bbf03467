//! Avro in the Confluent wire format: a zero byte, a 4-byte schema id, the datum.
//!
//! Internal topics use the schema ids compiled in here. A record that an earlier version wrote is
//! read with its own schema and resolved to today's.

use std::io::Cursor;

use apache_avro::{Schema, reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter};
use serde::{Serialize, de::DeserializeOwned};

/// Why the bytes of a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No zero byte and schema id in front.
    #[error("the value is not in the Confluent wire format")]
    Framing,
    /// A schema id that this version does not know.
    #[error("the value was written with schema id {0}, which this version does not know")]
    UnknownSchema(u32),
    /// The datum does not fit its schema.
    #[error("the value does not fit its schema")]
    Avro(#[from] Box<apache_avro::Error>),
    /// A field holds a text that is outside its rules.
    #[error("field {field} holds {text:?}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What it holds.
        text: String,
    },
}

/// One record type with all versions of its schema, the newest last.
pub(crate) struct Codec {
    newest_id: u32,
    /// Readers of what earlier versions wrote, resolved to the newest.
    earlier: Vec<(u32, GenericDatumReader<'static>)>,
    writer: GenericDatumWriter<'static>,
    reader: GenericDatumReader<'static>,
}

impl Codec {
    /// Compiles the schemas of a record type, given with their ids, oldest first. Leaks them: there
    /// is one codec per record type and it lives as long as the process.
    ///
    /// # Panics
    /// If a schema in this crate is not valid Avro; a test reads each.
    pub(crate) fn new(versions: &[(u32, &str)]) -> Self {
        let leak = |text: &str| -> &'static Schema {
            Box::leak(Box::new(Schema::parse_str(text).expect("a schema of ours is valid")))
        };
        let ((newest_id, newest), earlier) = versions.split_last().expect("a record type has a schema");
        let newest = leak(newest);
        let reading = |written| GenericDatumReader::builder(written).human_readable(true);
        let resolving = |(id, text): &(u32, &str)| {
            let reader = reading(leak(text)).reader_schema(newest).build();
            (*id, reader.expect("a schema of ours resolves"))
        };
        let writer = GenericDatumWriter::builder(newest).human_readable(true).build();
        Self {
            newest_id: *newest_id,
            earlier: earlier.iter().map(resolving).collect(),
            writer: writer.expect("a schema of ours resolves"),
            reader: reading(newest).build().expect("a schema of ours resolves"),
        }
    }

    /// The framed bytes of `value` under the newest schema.
    ///
    /// # Panics
    /// If `value` does not fit its own schema, which a round-trip test rules out.
    pub(crate) fn encode<T: Serialize>(&self, value: &T) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        bytes.push(0);
        bytes.extend(self.newest_id.to_be_bytes());
        self.writer.write_ser(&mut bytes, value).expect("a record of ours fits its schema");
        bytes
    }

    /// Reads framed bytes of any known version.
    pub(crate) fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, DecodeError> {
        let [0, a, b, c, d, datum @ ..] = bytes else { return Err(DecodeError::Framing) };
        let id = u32::from_be_bytes([*a, *b, *c, *d]);
        let mut datum = Cursor::new(datum);
        if id == self.newest_id {
            return self.reader.read_deser(&mut datum).map_err(boxed);
        }
        let earlier = self.earlier.iter().find(|(known, _)| *known == id);
        let (_, resolving) = earlier.ok_or(DecodeError::UnknownSchema(id))?;
        let value = resolving.read_value(&mut datum).map_err(boxed)?;
        // Read again as the newest version writes it: what takes values apart knows no texts of ours.
        let mut bytes = Vec::new();
        self.writer.write_value(&mut bytes, value).map_err(boxed)?;
        self.reader.read_deser(&mut Cursor::new(bytes)).map_err(boxed)
    }
}

fn boxed(error: apache_avro::Error) -> DecodeError {
    DecodeError::Avro(Box::new(error))
}
