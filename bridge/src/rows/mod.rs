//! Rows of Parquet files and Arrow IPC streams as JSON Lines.

mod json_cell;
mod stream_bounds;

use std::fmt::Write;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use crate::error::{catch, Code, Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Parquet,
    ArrowStream,
}

/// Rows decoded at once, and the JSON text after which a batch is cut.
const BATCH_ROWS: usize = 1024;
const BATCH_TEXT_BYTES: usize = 16 << 20;
/// One row may not be longer.
const MAX_ROW_BYTES: usize = 1 << 30;

type Batches = dyn Iterator<Item = std::result::Result<RecordBatch, ArrowError>> + Send;

pub struct Rows {
    schema: SchemaRef,
    count: Option<u64>,
    batches: Box<Batches>,
    current: Option<RecordBatch>,
    next_row: usize,
    failure: Option<Error>,
}

fn data_error(error: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidData, error.to_string())
}

/// The readers panic on some malformed files instead of reporting them.
fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch(read).unwrap_or_else(|panic| Err(data_error(format!("malformed: {panic}"))))
}

impl Rows {
    pub fn open(format: Format, path: &str) -> Result<Self> {
        let file = File::open(path)
            .map_err(|e| Error::new(Code::Io, format!("cannot open {path}: {e}")))?;
        let named = |mut e: Error| {
            e.message = format!("{path}: {}", e.message);
            e
        };
        let is_file = file.metadata().is_ok_and(|m| m.is_file());
        if !is_file {
            return Err(Error::new(Code::Io, format!("{path} is not a regular file")));
        }
        match format {
            Format::Parquet => Self::parquet(file).map_err(named),
            Format::ArrowStream => Self::arrow(BufReader::new(file)).map_err(named),
        }
    }

    pub fn open_bytes(format: Format, content: &[u8]) -> Result<Self> {
        match format {
            Format::Parquet => Self::parquet(Bytes::copy_from_slice(content)),
            Format::ArrowStream => Self::arrow(Cursor::new(content.to_vec())),
        }
    }

    fn parquet(source: impl ChunkReader + 'static) -> Result<Self> {
        guarded(|| {
            let builder = ParquetRecordBatchReaderBuilder::try_new(source).map_err(data_error)?;
            let count = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
            // The reader's own schema has lost the file's metadata.
            let schema = Arc::clone(builder.schema());
            let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(data_error)?;
            Ok(Self::new(schema, count, Box::new(reader)))
        })
    }

    fn arrow(mut source: impl Read + Seek + Send + 'static) -> Result<Self> {
        guarded(|| {
            stream_bounds::check(&mut source)?;
            let reader = StreamReader::try_new(source, None).map_err(data_error)?;
            Ok(Self::new(reader.schema(), None, Box::new(reader)))
        })
    }

    fn new(schema: SchemaRef, count: Option<u64>, batches: Box<Batches>) -> Self {
        Self { schema, count, batches, current: None, next_row: 0, failure: None }
    }

    pub fn count(&self) -> Option<u64> {
        self.count
    }

    pub fn schema_json(&self) -> String {
        let mut json = String::from("{\"columns\":[");
        for (index, field) in self.schema.fields().iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let name = serde_json::Value::from(field.name().as_str());
            let kind = serde_json::Value::from(field.data_type().to_string());
            write!(
                json,
                "{separator}{{\"name\":{name},\"type\":{kind},\"nullable\":{}}}",
                field.is_nullable()
            )
            .expect("writing to a string");
        }
        json.push_str("],\"metadata\":{");
        let mut metadata: Vec<_> = self.schema.metadata().iter().collect();
        metadata.sort();
        for (index, (key, value)) in metadata.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let key = serde_json::Value::from(key.as_str());
            let value = serde_json::Value::from(value.as_str());
            write!(json, "{separator}{key}:{value}").expect("writing to a string");
        }
        json.push_str("}}");
        json
    }

    /// JSON Lines of the next rows and their number; no rows at the end.
    pub fn next_lines(&mut self) -> Result<(String, usize)> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let result = guarded(|| self.read_lines());
        if let Err(failure) = &result {
            self.failure = Some(failure.clone());
        }
        result
    }

    fn read_lines(&mut self) -> Result<(String, usize)> {
        loop {
            if let Some(batch) = self.current.take() {
                if self.next_row < batch.num_rows() {
                    let lines = self.lines_of(&batch)?;
                    self.current = Some(batch);
                    return Ok(lines);
                }
            }
            match self.batches.next() {
                None => return Ok((String::new(), 0)),
                Some(batch) => {
                    let batch = batch.map_err(data_error)?;
                    self.next_row = 0;
                    self.current = Some(batch);
                }
            }
        }
    }

    fn lines_of(&mut self, batch: &RecordBatch) -> Result<(String, usize)> {
        let last = batch.num_rows().min(self.next_row + BATCH_ROWS);
        let mut text = String::new();
        let mut rows = 0;
        while self.next_row < last && text.len() < BATCH_TEXT_BYTES {
            let start = text.len();
            text.push('{');
            for (index, (field, column)) in
                self.schema.fields().iter().zip(batch.columns()).enumerate()
            {
                if index > 0 {
                    text.push(',');
                }
                json_cell::write_string(&mut text, field.name());
                text.push(':');
                json_cell::write(&mut text, column.as_ref(), self.next_row)?;
                if text.len() - start > MAX_ROW_BYTES {
                    let message = format!("a row is longer than {MAX_ROW_BYTES} bytes as JSON");
                    return Err(Error::new(Code::Limit, message));
                }
            }
            text.push_str("}\n");
            self.next_row += 1;
            rows += 1;
        }
        Ok((text, rows))
    }
}

#[cfg(test)]
mod tests;
