//! A walk over an Arrow IPC stream before it is read: the reader allocates what a length says, so
//! every length must fit into the file; and it takes the end of the file for the end of the stream,
//! so that the mark at its end must be there, or batches may be missing.

use std::io::{Read, Seek, SeekFrom};

use crate::error::{Code, Error, Result};

const CONTINUATION: u32 = 0xffff_ffff;

fn malformed(at: u64, what: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidData, format!("Arrow stream: {what}, in the message at byte {at}"))
}

fn read_failed(error: std::io::Error) -> Error {
    Error::new(Code::Io, format!("cannot read: {error}"))
}

/// Leaves `source` at its start.
pub fn check(source: &mut (impl Read + Seek)) -> Result<()> {
    let end = source.seek(SeekFrom::End(0)).map_err(read_failed)?;
    let mut at = 0;
    loop {
        source.seek(SeekFrom::Start(at)).map_err(read_failed)?;
        if at == end {
            return Err(malformed(at, "cut off: it has no end mark"));
        }
        let mut left = end - at;
        let mut number = || -> Result<u32> {
            left = left.checked_sub(4).ok_or_else(|| malformed(at, "cut off in its length"))?;
            let mut bytes = [0; 4];
            source.read_exact(&mut bytes).map_err(read_failed)?;
            Ok(u32::from_le_bytes(bytes))
        };
        let first = number()?;
        let head_size = if first == CONTINUATION { number()? } else { first };
        if head_size == 0 {
            break;
        }
        let body_left = left
            .checked_sub(u64::from(head_size))
            .ok_or_else(|| malformed(at, format!("a head of {head_size} bytes, {left} left")))?;
        let mut head = vec![0; head_size as usize];
        source.read_exact(&mut head).map_err(read_failed)?;
        let message = arrow_ipc::root_as_message(&head).map_err(|e| malformed(at, e))?;
        let body = message.bodyLength();
        at = u64::try_from(body)
            .ok()
            .and_then(|body| body_left.checked_sub(body))
            .map(|rest| end - rest)
            .ok_or_else(|| malformed(at, format!("a body of {body} bytes, {body_left} left")))?;
    }
    source.seek(SeekFrom::Start(0)).map_err(read_failed)?;
    Ok(())
}
