"""Writes tests/golden/rows: python3 tests/golden/make_rows_golden.py (needs pyarrow from PyPI)."""

import base64
import datetime
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(__file__).resolve().parent / "rows"
CHOICES = pa.struct([("text", pa.list_(pa.string())), ("label", pa.list_(pa.string()))])
SCHEMA = pa.schema(
    [("question", pa.string()), ("choices", CHOICES), ("answerKey", pa.string()),
     ("label", pa.int64()), ("score", pa.float32()), ("ratio", pa.float64()), ("flag", pa.bool_()),
     ("class", pa.dictionary(pa.int32(), pa.string())), ("image", pa.binary()),
     ("time", pa.timestamp("us")), ("big", pa.large_string()), ("nothing", pa.null())],
    metadata={"huggingface": json.dumps({"info": {"features": {}}})})


def row(i):
    return {
        "question": None if i % 7 == 3 else f"Frage {i}: \"caf\u00e9\" \U0001f600\n\\?",
        "choices": {"text": [f"a{i}", "b"], "label": ["A", "B"]} if i % 5 else {"text": [], "label": None},
        "answerKey": "AB"[i % 2], "label": (-1) ** i * i * 10**15, "score": i / 8,
        "ratio": i / 3, "flag": None if i % 11 == 0 else i % 2 == 0, "class": f"c{i % 3}",
        "image": bytes([i % 256, 255, 0][:1 + i % 3]),
        "time": datetime.datetime(2024, 2, 29, 12, i % 60, 5), "big": "x" * (i % 4), "nothing": None,
    }


def plain(value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError(type(value))


FOLDER.mkdir(exist_ok=True)
rows = [row(i) for i in range(40)]
table = pa.Table.from_pylist(rows, schema=SCHEMA)
lines = [json.dumps(r, ensure_ascii=False, separators=(",", ":"), default=plain) for r in rows]
(FOLDER / "sample.jsonl").write_text("\n".join(lines) + "\n")
pq.write_table(table, FOLDER / "sample.parquet", compression="zstd", row_group_size=16)
with pa.OSFile(str(FOLDER / "sample.arrow"), "wb") as file:
    with pa.ipc.new_stream(file, SCHEMA) as writer:
        for batch in table.to_batches(max_chunksize=16):
            writer.write_batch(batch)

# Questions in the shapes of multiple-choice data sets: a list of endings, a struct of lists.
QUESTIONS = pa.schema(
    [("ctx", pa.string()), ("endings", pa.list_(pa.string())), ("label", pa.string()),
     ("question", pa.string()), ("choices", CHOICES), ("answerKey", pa.string()),
     ("source", pa.struct([("name", pa.string()), ("lines", pa.list_(pa.int64()))]))])
WEATHER = ["rain", "snow", "fog", "sun"]
questions = [{
    "ctx": f"On day {i} there was {WEATHER[i % 4]}.",
    "endings": [f"We stayed in and {verb} {i} times." for verb in ("read", "slept", "sang", "ate")],
    "label": str(i % 4), "question": f"What fell on day {i}? \"It\" was\u00a0{'wet' if i % 2 else 'cold'}.",
    "choices": {"text": WEATHER[:2 + i % 3], "label": list("ABCD")[:2 + i % 3]},
    "answerKey": "AB"[i % 2],
    "source": None if i % 5 == 4 else {"name": f"diary {i}", "lines": list(range(i % 3))},
} for i in range(12)]
lines = [json.dumps(q, ensure_ascii=False, separators=(",", ":")) for q in questions]
(FOLDER / "questions.jsonl").write_text("\n".join(lines) + "\n")
pq.write_table(pa.Table.from_pylist(questions, schema=QUESTIONS), FOLDER / "questions.parquet",
               compression="zstd", row_group_size=5)
