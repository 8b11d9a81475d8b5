#!/usr/bin/env python3
"""Time of constraint masks beside llguidance's own Python package, on a vocabulary of Qwen's size.

    run.py --bench build/dev/bench/bench_masks --python ENV/bin/python [--tiktoken qwen.tiktoken]

ENV needs llguidance==1.9.1, numpy and tokenizers from PyPI. Without --tiktoken the vocabulary is made up: all bytes and
151,387 words of one to twelve letters. Both programs walk the same answer under the same schema with the same tokens, in
turns; the first mask of a walk, which fills caches, is told apart. Exit code 77 when it could not be measured.
"""

import argparse
import base64
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

VOCABULARY = 151_643
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z-]+$"}},
        "author": {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
                   "required": ["name"], "additionalProperties": False},
        "score": {"type": "number"},
        "kind": {"enum": ["post", "page", "note"]},
    },
    "required": ["title", "tags", "author"],
    "x-guidance": {"whitespace_flexible": True},  # the package's default; ours bounds blanks
}
ANSWER = {
    "title": "The river and its bridges, a walk through the old town",
    "tags": ["river", "bridges", "old-town"],
    "author": {"name": "Ada Lovelace", "age": 36},
    "score": 8.25,
    "kind": "post",
    "remarks": ["Written in the rain.", {"edited": True, "by": None}],
}
PEER = """
import json, sys, time
import llguidance, llguidance.numpy
from llguidance import LLMatcher, LLTokenizer
tokenizer_file, schema_file, answer_file, rounds = sys.argv[1:5]
text = open(tokenizer_file, encoding="utf-8").read()
import tokenizers
ids = tokenizers.Tokenizer.from_str(text).encode(open(answer_file, encoding="utf-8").read(), add_special_tokens=False).ids
begin = time.thread_time_ns()
tokenizer = LLTokenizer(text)
make = time.thread_time_ns() - begin
grammar = LLMatcher.grammar_from_json_schema(open(schema_file, encoding="utf-8").read())
masks = []
bits = llguidance.numpy.allocate_token_bitmask(1, tokenizer.vocab_size)
for _ in range(int(rounds)):
    begin = time.thread_time_ns()
    matcher = LLMatcher(tokenizer, grammar)
    compiled = time.thread_time_ns() - begin
    for token in ids:
        begin = time.thread_time_ns()
        llguidance.numpy.fill_next_token_bitmask(matcher, bits, 0)
        masks.append(time.thread_time_ns() - begin)
        if not matcher.consume_token(token):
            sys.exit(matcher.get_error())
print(json.dumps({"tokens": len(ids), "vocab_size": tokenizer.vocab_size, "make_ns": make, "compile_ns": compiled,
                  "mask_ns": masks}))
"""


def alphabet() -> dict[int, str]:
    """GPT-2's letters of the bytes."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(0x100 + i) for i, byte in enumerate(others)}


def made_up() -> dict[bytes, int]:
    letters = random.Random(7)
    ranks = {bytes([byte]): byte for byte in range(256)}
    while len(ranks) < VOCABULARY:
        word = letters.choice(["", " "]) + "".join(letters.choices("etaoinshrdlucmfwypvbgkjqxz", k=letters.randint(1, 12)))
        if len(word) > 1:
            ranks.setdefault(word.encode(), len(ranks))
    return ranks


def merges_of(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Of each token the two that it was joined from last."""
    merges = []
    for token, rank in ranks.items():
        parts = [bytes([byte]) for byte in token]
        while len(parts) > 2:
            best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], 1 << 30))
            if ranks.get(parts[best] + parts[best + 1], 1 << 30) >= rank:
                break
            parts[best:best + 2] = [parts[best] + parts[best + 1]]
        if len(parts) == 2:
            merges.append((parts[0], parts[1]))
    return merges


def tokenizer_json(ranks: dict[bytes, int]) -> dict:
    letters = alphabet()
    spell = lambda token: "".join(letters[byte] for byte in token)  # noqa: E731
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "added_tokens": [{"id": len(ranks), "content": "<|endoftext|>", "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False, "special": True}],
        "pre_tokenizer": byte_level, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                  "vocab": {spell(token): rank for token, rank in ranks.items()} | {"<|endoftext|>": len(ranks)},
                  "merges": [[spell(left), spell(right)] for left, right in merges_of(ranks)]},
    }


def show(name: str, runs: list[dict]) -> None:
    tokens = runs[0]["tokens"]
    masks = [ns / 1000 for run in runs for i, ns in enumerate(run["mask_ns"]) if i >= tokens]
    first = [run["mask_ns"][0] / 1000 for run in runs]
    of = lambda key: statistics.median(run[key] for run in runs) / 1e6  # noqa: E731
    print(f"{name:12} {runs[0]['vocab_size']:>8} {tokens:>7} {statistics.mean(masks):>9.1f} {statistics.median(masks):>9.1f} "
          f"{sorted(masks)[int(len(masks) * 0.99)]:>9.1f} {statistics.median(first):>9.1f} {of('make_ns'):>9.1f} "
          f"{of('compile_ns'):>11.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, type=Path)
    parser.add_argument("--python", required=True, type=Path)
    parser.add_argument("--tiktoken", type=Path, help="a vocabulary: base64 and rank a line")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each; every one walks the answer so often")
    flags = parser.parse_args()
    if subprocess.run([flags.python, "-c", "import llguidance, numpy, tokenizers"], check=False).returncode:
        print(f"{flags.python} lacks llguidance, numpy or tokenizers: nothing was measured", file=sys.stderr)
        return 77
    ranks = made_up()
    if flags.tiktoken:
        lines = (line.split() for line in flags.tiktoken.read_bytes().splitlines() if line)
        ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("tokenizer.json", "schema.json", "answer.json")]
        for file, content in zip(files, (tokenizer_json(ranks), SCHEMA, ANSWER)):
            file.write_text(json.dumps(content), encoding="utf-8")
        ours, peers = [], []
        for _ in range(flags.rounds):
            for command, runs in (([flags.bench], ours), ([flags.python, "-c", PEER], peers)):
                run = subprocess.run([*command, *files, str(flags.rounds)], capture_output=True, text=True, check=True)
                runs.append(json.loads(run.stdout))
    print("            vocabulary  tokens  mean µs median µs    p99 µs  first µs   make ms  compile ms")
    show("anemone", ours)
    show("llguidance", peers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
