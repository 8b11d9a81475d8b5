use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::{Format, Rows};
use crate::error::Code;

/// Three rows of the types that data sets on the hub use.
fn batch() -> RecordBatch {
    let text = StringArray::from(vec![Some("a \"q\" \\ \n\u{1}é😀"), None, Some("")]);
    let label = Int64Array::from(vec![Some(i64::MIN), Some(0), None]);
    let score = Float64Array::from(vec![1.0, 0.1, f64::NAN]);
    let narrow = Float32Array::from(vec![0.1, -0.0, f32::INFINITY]);
    let flag = BooleanArray::from(vec![Some(true), Some(false), None]);
    let choices = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    let image = StructArray::from(vec![
        (
            Arc::new(Field::new("bytes", DataType::Binary, true)),
            Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\x00\xff\x10k"), None, Some(b"ab")]))
                as ArrayRef,
        ),
        (
            Arc::new(Field::new("path", DataType::LargeUtf8, true)),
            Arc::new(LargeStringArray::from(vec![Some("x"), Some("y"), None])) as ArrayRef,
        ),
    ]);
    let class: DictionaryArray<Int32Type> =
        vec![Some("no"), Some("yes"), None].into_iter().collect();
    let time = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_123_000), Some(0), None]);
    let day = Date32Array::from(vec![Some(19_782), Some(-1), None]);
    let amount = Decimal128Array::from(vec![Some(12345), Some(-5), None])
        .with_precision_and_scale(10, 2)
        .unwrap();
    RecordBatch::try_from_iter_with_nullable([
        ("text", Arc::new(text) as ArrayRef, true),
        ("label", Arc::new(label), true),
        ("score", Arc::new(score), true),
        ("narrow", Arc::new(narrow), true),
        ("flag", Arc::new(flag), true),
        ("choices", Arc::new(choices), true),
        ("image", Arc::new(image), true),
        ("class", Arc::new(class), true),
        ("time", Arc::new(time), true),
        ("day", Arc::new(day), true),
        ("amount", Arc::new(amount), true),
    ])
    .unwrap()
}

const LINES: &str = concat!(
    r#"{"text":"a \"q\" \\ \n\u0001é😀","label":-9223372036854775808,"score":1.0,"#,
    r#""narrow":0.10000000149011612,"flag":true,"choices":[1,null],"#,
    r#""image":{"bytes":"AP8Qaw==","path":"x"},"class":"no","time":"2023-11-14T22:13:20.123","#,
    r#""day":"2024-02-29","amount":"123.45"}"#,
    "\n",
    r#"{"text":null,"label":0,"score":0.1,"narrow":-0.0,"flag":false,"choices":null,"#,
    r#""image":{"bytes":null,"path":"y"},"class":"yes","time":"1970-01-01T00:00:00","#,
    r#""day":"1969-12-31","amount":"-0.05"}"#,
    "\n",
    r#"{"text":"","label":null,"score":NaN,"narrow":Infinity,"flag":null,"choices":[],"#,
    r#""image":{"bytes":"YWI=","path":null},"class":null,"time":null,"day":null,"amount":null}"#,
    "\n",
);

fn parquet_bytes(batch: &RecordBatch, compression: Compression) -> Vec<u8> {
    let mut bytes = Vec::new();
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(2))
        .build();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn stream_bytes(batch: &RecordBatch, times: usize) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    for _ in 0..times {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

fn all_lines(rows: &mut Rows) -> crate::error::Result<(String, usize)> {
    let (mut text, mut count) = (String::new(), 0);
    loop {
        let (lines, rows) = rows.next_lines()?;
        if rows == 0 {
            assert_eq!(lines, "");
            return Ok((text, count));
        }
        assert_eq!(lines.lines().count(), rows);
        text.push_str(&lines);
        count += rows;
    }
}

#[test]
fn parquet_rows_in_every_codec() {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::ZSTD(Default::default()),
        Compression::LZ4_RAW,
    ];
    for codec in codecs {
        let bytes = parquet_bytes(&batch(), codec);
        let mut rows = Rows::open_bytes(Format::Parquet, &bytes).unwrap();
        assert_eq!(rows.count(), Some(3));
        assert_eq!(all_lines(&mut rows).unwrap(), (LINES.to_owned(), 3), "{codec}");
        assert_eq!(rows.next_lines().unwrap(), (String::new(), 0));
    }
}

#[test]
fn arrow_rows() {
    let mut rows = Rows::open_bytes(Format::ArrowStream, &stream_bytes(&batch(), 3)).unwrap();
    assert_eq!(rows.count(), None);
    assert_eq!(all_lines(&mut rows).unwrap(), (LINES.repeat(3), 9));
}

#[test]
fn a_stream_without_its_end_mark_is_cut_off() {
    let whole = stream_bytes(&batch(), 2);
    let marked = [[0xff; 4], [0; 4]].concat();
    assert!(whole.ends_with(&marked));
    for size in [whole.len() - marked.len(), stream_bytes(&batch(), 1).len() - marked.len()] {
        let error = Rows::open_bytes(Format::ArrowStream, &whole[..size]).err().unwrap();
        assert!(error.message.contains("cut off: it has no end mark"), "{error}");
        let ended = [&whole[..size], &marked].concat();
        assert!(Rows::open_bytes(Format::ArrowStream, &ended).is_ok());
    }
}

#[test]
fn long_batches_are_cut() {
    let numbers = Int64Array::from_iter_values(0..5000);
    let batch = RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef)]).unwrap();
    let mut rows = Rows::open_bytes(Format::ArrowStream, &stream_bytes(&batch, 1)).unwrap();
    assert_eq!(rows.next_lines().unwrap().1, super::BATCH_ROWS);
    let (text, count) = all_lines(&mut rows).unwrap();
    assert_eq!(count, 5000 - super::BATCH_ROWS);
    assert!(text.ends_with("{\"n\":4999}\n"));
}

#[test]
fn the_schema_is_told() {
    let schema = Schema::new(vec![Field::new("a \"b\"", DataType::Utf8, true)]).with_metadata(
        std::collections::HashMap::from([("huggingface".to_owned(), "{\"info\":1}".to_owned())]),
    );
    let column = Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
    let batch = RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap();
    let rows = Rows::open_bytes(Format::ArrowStream, &stream_bytes(&batch, 1)).unwrap();
    let expected = r#"{"columns":[{"name":"a \"b\"","type":"Utf8","nullable":true}],"metadata":{"huggingface":"{\"info\":1}"}}"#;
    assert_eq!(rows.schema_json(), expected);
}

#[test]
fn files_are_opened_by_path() {
    let path = std::env::temp_dir().join(format!("anemone-rows-{}.parquet", std::process::id()));
    std::fs::write(&path, parquet_bytes(&batch(), Compression::SNAPPY)).unwrap();
    let name = path.to_str().unwrap();
    let mut rows = Rows::open(Format::Parquet, name).unwrap();
    assert_eq!(all_lines(&mut rows).unwrap().1, 3);
    let error = Rows::open(Format::ArrowStream, name).err().unwrap();
    assert!(error.message.contains(name), "{error}");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(Rows::open(Format::Parquet, name).err().unwrap().code, Code::Io);
    assert_eq!(Rows::open(Format::Parquet, "/").err().unwrap().code, Code::Io);
}

/// Whatever is cut off or changed: an error or other rows, within bounds and without a panic.
#[test]
fn broken_files_are_errors() {
    let whole = [
        (Format::Parquet, parquet_bytes(&batch(), Compression::ZSTD(Default::default()))),
        (Format::ArrowStream, stream_bytes(&batch(), 2)),
    ];
    for (format, bytes) in whole {
        for bad in [
            &b""[..],
            b"PAR1",
            b"\xff\xff\xff\xff\x10\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"hello",
        ] {
            if let Ok(mut rows) = Rows::open_bytes(format, bad) {
                assert_eq!(all_lines(&mut rows).map_or(0, |(_, count)| count), 0);
            }
        }
        let mut failures = 0;
        for cut in (0..bytes.len()).step_by(13) {
            let result =
                Rows::open_bytes(format, &bytes[..cut]).and_then(|mut r| all_lines(&mut r));
            failures += usize::from(result.is_err());
        }
        assert_eq!(failures, bytes.len().div_ceil(13), "{format:?}");
        let mut state = 1u64;
        for _ in 0..4000 {
            let mut changed = bytes.clone();
            for _ in 0..2 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let at = (state >> 33) as usize % changed.len();
                changed[at] = (state >> 20) as u8;
            }
            if let Ok(mut rows) = Rows::open_bytes(format, &changed) {
                if let Err(error) = all_lines(&mut rows) {
                    assert_eq!(rows.next_lines().unwrap_err().message, error.message);
                }
            }
        }
    }
}
