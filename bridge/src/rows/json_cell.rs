//! One cell of an Arrow array as JSON.

use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions as time;
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

use crate::error::{Code, Error, Result};

pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => write!(out, "\\u{:04x}", c as u32).expect("writing to a string"),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn write_float(out: &mut String, number: f64) {
    if number.is_nan() {
        out.push_str("NaN");
    } else if number.is_infinite() {
        out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        write!(out, "{number:?}").expect("writing to a string");
    }
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.push('"');
    for chunk in bytes.chunks(3) {
        let padded = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let word = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for position in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * position)) as usize & 63] as char;
            out.push(if position <= chunk.len() { digit } else { '=' });
        }
    }
    out.push('"');
}

fn integer<T: ArrowPrimitiveType>(out: &mut String, array: &dyn Array, row: usize)
where
    T::Native: std::fmt::Display,
{
    write!(out, "{}", array.as_primitive::<T>().value(row)).expect("writing to a string");
}

fn quoted(out: &mut String, text: Option<impl std::fmt::Display>) -> Result<()> {
    let text = text.ok_or_else(|| Error::new(Code::InvalidData, "a date or time out of range"))?;
    write!(out, "\"{text}\"").expect("writing to a string");
    Ok(())
}

fn list(out: &mut String, items: &dyn Array) -> Result<()> {
    out.push('[');
    for row in 0..items.len() {
        if row > 0 {
            out.push(',');
        }
        write(out, items, row)?;
    }
    out.push(']');
    Ok(())
}

pub fn write(out: &mut String, array: &dyn Array, row: usize) -> Result<()> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Null => out.push_str("null"),
        DataType::Boolean => {
            out.push_str(if array.as_boolean().value(row) { "true" } else { "false" });
        }
        DataType::Int8 => integer::<Int8Type>(out, array, row),
        DataType::Int16 => integer::<Int16Type>(out, array, row),
        DataType::Int32 => integer::<Int32Type>(out, array, row),
        DataType::Int64 => integer::<Int64Type>(out, array, row),
        DataType::UInt8 => integer::<UInt8Type>(out, array, row),
        DataType::UInt16 => integer::<UInt16Type>(out, array, row),
        DataType::UInt32 => integer::<UInt32Type>(out, array, row),
        DataType::UInt64 => integer::<UInt64Type>(out, array, row),
        DataType::Float16 => {
            write_float(out, array.as_primitive::<Float16Type>().value(row).to_f64());
        }
        DataType::Float32 => {
            write_float(out, f64::from(array.as_primitive::<Float32Type>().value(row)));
        }
        DataType::Float64 => write_float(out, array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => write_string(out, array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => write_string(out, array.as_string::<i64>().value(row)),
        DataType::Utf8View => write_string(out, array.as_string_view().value(row)),
        DataType::Binary => write_bytes(out, array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => write_bytes(out, array.as_binary::<i64>().value(row)),
        DataType::BinaryView => write_bytes(out, array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => write_bytes(out, array.as_fixed_size_binary().value(row)),
        DataType::List(_) => list(out, array.as_list::<i32>().value(row).as_ref())?,
        DataType::LargeList(_) => list(out, array.as_list::<i64>().value(row).as_ref())?,
        DataType::FixedSizeList(..) => list(out, array.as_fixed_size_list().value(row).as_ref())?,
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            out.push('{');
            for (index, field) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(out, field.name());
                out.push(':');
                write(out, columns.column(index).as_ref(), row)?;
            }
            out.push('}');
        }
        DataType::Map(..) => write_map(out, array, row)?,
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            write(out, dictionary.values().as_ref(), key)?;
        }
        DataType::Decimal32(..) => {
            quoted(out, Some(array.as_primitive::<Decimal32Type>().value_as_string(row)))?;
        }
        DataType::Decimal64(..) => {
            quoted(out, Some(array.as_primitive::<Decimal64Type>().value_as_string(row)))?;
        }
        DataType::Decimal128(..) => {
            quoted(out, Some(array.as_primitive::<Decimal128Type>().value_as_string(row)))?;
        }
        DataType::Decimal256(..) => {
            quoted(out, Some(array.as_primitive::<Decimal256Type>().value_as_string(row)))?;
        }
        _ => write_time(out, array, row)?,
    }
    Ok(())
}

fn write_map(out: &mut String, array: &dyn Array, row: usize) -> Result<()> {
    let entries = array.as_map().value(row);
    let (keys, values) = (entries.column(0), entries.column(1));
    out.push('{');
    for entry in 0..entries.len() {
        if entry > 0 {
            out.push(',');
        }
        let mut key = String::new();
        write(&mut key, keys.as_ref(), entry)?;
        if key.starts_with('"') {
            out.push_str(&key);
        } else {
            write_string(out, &key);
        }
        out.push(':');
        write(out, values.as_ref(), entry)?;
    }
    out.push('}');
    Ok(())
}

fn write_time(out: &mut String, array: &dyn Array, row: usize) -> Result<()> {
    match array.data_type() {
        DataType::Date32 => {
            let date = time::date32_to_datetime(array.as_primitive::<Date32Type>().value(row));
            quoted(out, date.map(|d| d.date()))
        }
        DataType::Date64 => {
            let date = time::date64_to_datetime(array.as_primitive::<Date64Type>().value(row));
            quoted(out, date.map(|d| d.date()))
        }
        DataType::Time32(TimeUnit::Second) => {
            quoted(out, time::time32s_to_time(array.as_primitive::<Time32SecondType>().value(row)))
        }
        DataType::Time32(TimeUnit::Millisecond) => {
            let value = array.as_primitive::<Time32MillisecondType>().value(row);
            quoted(out, time::time32ms_to_time(value))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            let value = array.as_primitive::<Time64MicrosecondType>().value(row);
            quoted(out, time::time64us_to_time(value))
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            let value = array.as_primitive::<Time64NanosecondType>().value(row);
            quoted(out, time::time64ns_to_time(value))
        }
        DataType::Timestamp(unit, zone) => {
            let moment = match unit {
                TimeUnit::Second => time::timestamp_s_to_datetime(
                    array.as_primitive::<TimestampSecondType>().value(row),
                ),
                TimeUnit::Millisecond => time::timestamp_ms_to_datetime(
                    array.as_primitive::<TimestampMillisecondType>().value(row),
                ),
                TimeUnit::Microsecond => time::timestamp_us_to_datetime(
                    array.as_primitive::<TimestampMicrosecondType>().value(row),
                ),
                TimeUnit::Nanosecond => time::timestamp_ns_to_datetime(
                    array.as_primitive::<TimestampNanosecondType>().value(row),
                ),
            };
            // A zone means that the number counts from 1970 in UTC; the text says so.
            let suffix = if zone.is_some() { "+00:00" } else { "" };
            quoted(out, moment.map(|m| format!("{}{suffix}", m.format("%Y-%m-%dT%H:%M:%S%.f"))))
        }
        DataType::Duration(unit) => {
            match unit {
                TimeUnit::Second => integer::<DurationSecondType>(out, array, row),
                TimeUnit::Millisecond => integer::<DurationMillisecondType>(out, array, row),
                TimeUnit::Microsecond => integer::<DurationMicrosecondType>(out, array, row),
                TimeUnit::Nanosecond => integer::<DurationNanosecondType>(out, array, row),
            }
            Ok(())
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            integer::<IntervalYearMonthType>(out, array, row);
            Ok(())
        }
        other => Err(Error::new(Code::Unsupported, format!("columns of type {other}"))),
    }
}
