#!/usr/bin/env python3
"""What `anemone probe` finds of weights that were changed by 2 %: the figures of docs/probe.md.

    probe_rows.py models/anemone-tiny --rows 3              rows of every weight, each probed alone
    probe_rows.py CHECKPOINT… --layers 1,2 --against both   of some layers, also against the sound package
    probe_rows.py CHECKPOINT --whole --only experts         whole weights whose names hold a word
    probe_rows.py CHECKPOINT… --sound --quantize int8       nothing changed: whatever stands out is a false alarm

Each changed checkpoint is converted and probed against the checkpoint it was made from, or (--against package) against
that one's package of the same scheme. Found is a row when the point of its product and its channel are named, a whole
weight when its layer is. Needs the program and no package of Python.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

FORMATS = {"F32": ("f", 4), "F16": ("e", 2), "BF16": ("H", 2)}
POINTS = {"q_proj": "attention.q", "k_proj": "attention.k", "v_proj": "attention.v", "o_proj": "attention.out",
          "gate_proj": "mlp.gate", "up_proj": "mlp.up", "down_proj": "mlp.down", "input_layernorm": "attention.norm",
          "post_attention_layernorm": "mlp.norm", "pre_feedforward_layernorm": "mlp.norm", "ln_1": "attention.norm",
          "ln_2": "mlp.norm", "attn.c_attn": "attention.qkv", "attn.c_proj": "attention.out", "mlp.c_fc": "mlp.up",
          "mlp.c_proj": "mlp.down"}


class Weights:
    """A file of safetensors, of which single tensors can be written anew."""

    def __init__(self, folder):
        data = (folder / "model.safetensors").read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        self.header = json.loads(data[8 : 8 + size])
        self.header.pop("__metadata__", None)
        self.data = data[8 + size :]

    def values(self, name):
        entry = self.header[name]
        code, size = FORMATS[entry["dtype"]]
        begin, end = entry["data_offsets"]
        numbers = struct.unpack(f"<{(end - begin) // size}{code}", self.data[begin:end])
        if entry["dtype"] == "BF16":
            numbers = struct.unpack(f"<{len(numbers)}f", b"".join(struct.pack("<I", each << 16) for each in numbers))
        return list(numbers)

    def write_changed(self, path, name, values):
        """All as it is, and the tensor as fp32."""
        header, data = {}, bytearray()
        for key, entry in self.header.items():
            part = struct.pack(f"<{len(values)}f", *values) if key == name else self.data[slice(*entry["data_offsets"])]
            dtype = "F32" if key == name else entry["dtype"]
            header[key] = {"dtype": dtype, "shape": entry["shape"], "data_offsets": [len(data), len(data) + len(part)]}
            data += part
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def trials(weights, config, options):
    """(name, row or None, indices of the flat tensor)"""
    conv1d = config["model_type"] == "gpt2"  # weights are [inputs, outputs]
    for name, entry in sorted(weights.header.items()):
        layer = re.search(r"\.(?:layers|h)\.(\d+)\.", name)
        kind = [key for key in POINTS if f".{key}." in name]
        if not name.endswith(".weight") or "q_norm" in name or "k_norm" in name:
            continue
        if options.only and options.only not in name or options.layers and (
                not layer or int(layer[1]) not in options.layers):
            continue
        if not layer and not re.search(r"(norm|ln_f|lm_head|embed_tokens|wte)\.weight$", name):
            continue
        is_head = not layer and re.search(r"(embed_tokens|wte)\.weight$", name)
        if is_head and not config.get("tie_word_embeddings", conv1d):
            continue  # an embedding alone has no product
        if layer and not kind and not options.whole:
            continue
        shape = entry["shape"]
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        if options.whole:
            yield name, None, range(count)
            continue
        rows = shape[-1] if conv1d and layer else shape[0]
        for number in range(options.rows):
            row = (2 * number + 1) * rows // (2 * options.rows)
            if len(shape) == 1:
                yield name, row, range(row, row + 1)
            elif conv1d and layer:
                yield name, row, range(row, count, rows)
            else:
                yield name, row, range(row * shape[1], (row + 1) * shape[1])


def expected(name, row, config):
    """The point and the channel that a row of a weight makes."""
    layer = re.search(r"\.(?:layers|h)\.(\d+)\.", name)
    if not layer:
        return ("final_norm" if re.search(r"(norm|ln_f)\.weight$", name) else "logits"), row
    post = config["model_type"] in ("gemma2", "gemma3_text", "gemma3", "olmo2")
    if post and re.search(r"post_(attention|feedforward)_layernorm", name):
        return f"layer.{layer[1]}{'.attention' if 'attention_layernorm' in name else ''}", None
    kind = next(POINTS[key] for key in POINTS if f".{key}." in name)
    if kind == "attention.qkv":  # cut into q, k, v
        width = config["n_embd"]
        return f"layer.{layer[1]}.attention.{'qkv'[row // width]}", row % width
    return f"layer.{layer[1]}.{kind}", row


def change(values, indices, name, config):
    """By 2 %; Gemma's norms multiply by one more than their weights."""
    one_more = 1 if config["model_type"].startswith("gemma") and "norm" in name else 0
    for index in indices:
        values[index] = (values[index] + one_more) * 1.02 - one_more


def call(options, *arguments):
    done = subprocess.run([options.anemone, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"anemone {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def probe(options, model, reference, tokens, seed):
    return json.loads(call(options, "probe", model, "--reference", reference, "--tokens", tokens, "--seed", seed, "--json"))


def convert(options, checkpoint, out):
    scheme = ["--quantize", options.quantize] if options.quantize else []
    call(options, "convert", checkpoint, "-o", out, "--overwrite", "--context", 256, "-q", *scheme)


def is_found(report, name, row, config):
    if row is None:
        layer = re.search(r"\.(?:layers|h)\.(\d+)\.", name)
        return not layer or report["first_layer_standing_out"] == f"layer.{layer[1]}"
    point, channel = expected(name, row, config)
    if report["first_standing_out"] != point:
        return False
    named = next(each for each in report["points"] if each["name"] == point)
    return channel is None or named["stray_channel"] == channel


def sound(options, checkpoint, scratch):
    convert(options, checkpoint, scratch / "sound")
    alarms = pairs = 0
    for tokens in (1, 2, 5, 32):
        for seed in (1, 2, 1337):
            report = probe(options, scratch / "sound", checkpoint, tokens, seed)
            pairs += 1
            if report["first_standing_out"]:
                alarms += 1
                print(f"  false alarm: {tokens} tokens, seed {seed}: {report['first_standing_out']}")
    print(f"{checkpoint.name}: {alarms} of {pairs} sound pairs stand out")
    return alarms, pairs


def changed(options, checkpoint, scratch, sides):
    config = json.loads((checkpoint / "config.json").read_text())
    weights = Weights(checkpoint)
    copy = scratch / "changed"
    copy.mkdir()
    for file in checkpoint.iterdir():
        if file.name != "model.safetensors":
            shutil.copyfile(file, copy / file.name)
    if "package" in sides:
        convert(options, checkpoint, scratch / "sound")
    found = {side: 0 for side in sides}
    total = 0
    for name, row, indices in trials(weights, config, options):
        values = weights.values(name)
        change(values, indices, name, config)
        weights.write_changed(copy / "model.safetensors", name, values)
        convert(options, copy, scratch / "package")
        total += 1
        for side in sides:
            reference = checkpoint if side == "checkpoint" else scratch / "sound"
            report = probe(options, scratch / "package", reference, options.tokens, options.seed)
            if is_found(report, name, row, config):
                found[side] += 1
            else:
                print(f"  missed against the {side}: {name} row {row}: says {report['first_standing_out']}")
    print(f"{checkpoint.name}:", ", ".join(f"{found[side]} of {total} against the {side}" for side in sides))
    return found, total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=pathlib.Path, metavar="CHECKPOINT")
    parser.add_argument("--anemone", default=os.environ.get("ANEMONE", "build/anemone"))
    parser.add_argument("--rows", type=int, default=1, help="of each weight (1)")
    parser.add_argument("--layers", type=lambda text: [int(each) for each in text.split(",")], help="default: all")
    parser.add_argument("--only", help="weights whose names hold this")
    parser.add_argument("--whole", action="store_true", help="change whole weights")
    parser.add_argument("--sound", action="store_true", help="change nothing, and count what stands out")
    parser.add_argument("--quantize", help="as convert takes it (fp16)")
    parser.add_argument("--against", choices=["checkpoint", "package", "both"], default="checkpoint")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1337)
    options = parser.parse_args()
    sides = ["checkpoint", "package"] if options.against == "both" else [options.against]
    counts = []
    for checkpoint in options.checkpoints:
        with tempfile.TemporaryDirectory() as scratch:
            if options.sound:
                counts.append(sound(options, checkpoint, pathlib.Path(scratch)))
            else:
                counts.append(changed(options, checkpoint, pathlib.Path(scratch), sides))
    if options.sound:
        print("together:", sum(alarms for alarms, _ in counts), "of", sum(pairs for _, pairs in counts), "stand out")
    else:
        total = sum(count for _, count in counts)
        print("together:", ", ".join(f"{sum(found[side] for found, _ in counts)} of {total} against the {side}" for side in sides))


if __name__ == "__main__":
    main()
