#!/usr/bin/env python3
"""What compression costs: loss against size of models/anemone-tiny and two fixture models, in many schemes, made from the
weights alone, calibrated, and by coremltools (from PyPI) at equal bits. Writes the table between the markers of
docs/compression.md, and the plot docs/compression.svg.

    compression_table.py                          all of it, with build/anemone
    compression_table.py --only anemone-tiny --anemone build/dev/tools/anemone --print

The page is written when all rows of all models are there, by this very program and these settings, and else stays as
it is: --only and runs without coremltools print, or add to --rows.

Needs NumPy, and coremltools for its rows (`make bench-compress` makes an environment with both: build/bench/venv).
Calibration reads the training part of the corpus beside the repository, loss is measured on the validation part. The
fixture models are random, so for them only the divergence from the uncompressed model says something.
"""
import argparse
import gzip
import hashlib
import importlib.metadata
import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

try:
    import numpy as np
except ImportError:
    np = None  # said once --help had its turn

os.environ["TQDM_DISABLE"] = "1"  # read when coremltools is imported
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHARED = pathlib.Path(os.environ.get("ANEMONE_SHARED", ROOT.parent / "shared"))
MODELS = {"anemone-tiny": ROOT / "models/anemone-tiny", "qwen3": SHARED / "fixtures/hf/qwen3",
          "llama31": SHARED / "fixtures/hf/llama31"}
TRAINED = ("anemone-tiny",)
KINDS = ("wikipedia", "textbooks", "fiction", "web")
LENGTH = 128  # tokens of a window
WINDOWS = 128  # that the loss is measured on
WINDOWS_TUNED = 512  # that calibration reads
CALIBRATION_BYTES = 120000  # of each kind of text
SCHEMES = ("lut2:g16", "lut3:g16", "lut4:g16", "lut4:tensor", "lut6:g16", "int4:channel", "int4:b32", "int8:channel")
DATA_FREE = ("lut8:g16", "int8:b32", "lut4:g16:v2", "sparse50", "lut4:g16+sparse50")
TARGETS = (2.5, 3.0, 3.5, 4.5)
# Of the models that are random.
FIXTURE_SCHEMES = ("lut3:g16", "lut4:g16", "int4:b32")
FIXTURE_TARGETS = (3.5,)
BEGIN, END = "<!-- table: scripts/compression_table.py -->", "<!-- end of table -->"


def expected(name):
    """Method and scheme of each row that the page has of a model; what it has beyond them is shown too."""
    tuned, targets = (SCHEMES, TARGETS) if name in TRAINED else (FIXTURE_SCHEMES, FIXTURE_TARGETS)
    return ([("uncompressed", "fp16")] + [("weights alone", scheme) for scheme in SCHEMES + DATA_FREE] +
            [("calibrated", scheme) for scheme in tuned] + [("target bits", f"{bits} bits") for bits in targets] +
            [("coremltools", scheme) for scheme in SCHEMES])


def corpus(part, count):
    texts = []
    for kind in KINDS:
        with gzip.open(SHARED / f"data/corpus/{kind}.{part}.txt.gz", "rt", encoding="utf-8") as file:
            texts.append(file.read(count).rsplit("\n", 1)[0])
    return "\n".join(texts)


def run(anemone, *words, text=None):
    """What the command prints, and its seconds."""
    start = time.monotonic()
    process = subprocess.run([str(anemone), *map(str, words)], input=(text or "").encode(), capture_output=True)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: {process.stderr.decode()[-2000:]}")
    return process.stdout.decode(), time.monotonic() - start


def weight_bytes(folder):
    return sum(file.stat().st_size for file in folder.rglob("weight.bin"))


class Judge:
    """Logits of one text by any model, beside those of the dense one."""

    def __init__(self, anemone, dense, folder):
        self.anemone, self.folder = anemone, folder
        ids = json.loads(run(anemone, "tokenize", dense, "--json", text=corpus("valid", 100000))[0])["ids"]
        count = min(WINDOWS, len(ids) // (LENGTH + 1))
        step = len(ids) // count
        windows = [ids[i * step:i * step + LENGTH + 1] for i in range(count)]
        self.ids = np.array(windows, np.int32)
        np.savez(folder / "ids.npz", **{f"ids{i}": window[:-1] for i, window in enumerate(self.ids)})
        self.dense = self.log_probabilities(dense)

    def log_probabilities(self, model):
        run(self.anemone, "logits", model, "--ids", self.folder / "ids.npz", "-o", self.folder / "logits.npz")
        with np.load(self.folder / "logits.npz") as logits:
            result = []
            for i in range(len(self.ids)):
                row = logits[f"logits{i}"].astype(np.float32)
                row -= row.max(axis=-1, keepdims=True)
                result.append(row - np.log(np.exp(row).sum(axis=-1, keepdims=True)))
        return result

    def measure(self, model):
        loss, divergence, same, tokens = 0.0, 0.0, 0, 0
        for window, before, after in zip(self.ids, self.dense, self.log_probabilities(model)):
            loss -= after[np.arange(LENGTH), window[1:]].sum(dtype=np.float64)
            divergence += (np.exp(before) * (before - after)).sum(dtype=np.float64)
            same += int((before.argmax(-1) == after.argmax(-1)).sum())
            tokens += LENGTH
        return {"loss": loss / tokens, "kl": divergence / tokens, "top1": same / tokens}


def coremltools_model(dense, out, scheme):
    """The same scheme by coremltools, of the same weights: all but the embedding, which gather reads."""
    import coremltools as ct
    optimize = ct.optimize.coreml
    if scheme.startswith("lut"):
        bits, group = scheme[3:].split(":")
        settings = {"mode": "kmeans", "nbits": int(bits), "granularity": "per_tensor"}
        if group.startswith("g"):
            settings.update(granularity="per_grouped_channel", group_size=int(group[1:]))
        config, call = optimize.OpPalettizerConfig(**settings), optimize.palettize_weights
    else:
        bits, block = scheme[3:].split(":")
        blocks = {"granularity": "per_block", "block_size": int(block[1:])} if block != "channel" else \
            {"granularity": "per_channel"}
        config = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", dtype=f"int{bits}", **blocks)
        call = optimize.linear_quantize_weights
    model = ct.models.MLModel(str(dense), skip_model_load=True)
    kinds = {"linear": config, "matmul": config, "conv": config}
    call(model, optimize.OptimizationConfig(op_type_configs=kinds)).save(str(out))


class Rows:
    """Those of this run and, where there is a file, of earlier ones: what is measured is not measured again."""

    def __init__(self, path, program, peer):
        self.path = path
        self.peer = peer
        self.settings = {"program": program, "length": LENGTH, "windows": WINDOWS, "windows_tuned": WINDOWS_TUNED,
                         "calibration_bytes": CALIBRATION_BYTES}
        lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
        rows = []
        for number, line in enumerate(lines, 1):
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:  # of a run that was killed while it wrote
                print(f"{path}:{number} is no row, and is not used", file=sys.stderr)
        self.rows = [row for row in rows if row.get("settings") == self.settings_of(row["method"])]
        if len(self.rows) < len(rows):
            print(f"{path}: {len(rows) - len(self.rows)} of {len(rows)} rows are of other programs or other settings, "
                  "and are not used", file=sys.stderr)

    def settings_of(self, method):
        return {**self.settings, "coremltools": self.peer} if method == "coremltools" else self.settings

    def missing(self):
        return [f"{name}: {method} {scheme}" for name in MODELS for method, scheme in expected(name)
                if not self.find(name, method, scheme)]

    def find(self, *key):
        return next((row for row in self.rows if (row["model"], row["method"], row["scheme"]) == key), None)

    def add(self, row):
        row["settings"] = self.settings_of(row["method"])
        self.rows.append(row)
        if self.path:
            with self.path.open("a+b") as file:
                if file.tell() > 0:
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":  # the line before was cut off
                        file.write(b"\n")
                file.write(json.dumps(row).encode() + b"\n")


def measure_model(name, source, anemone, with_peer, kept):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        run(anemone, "convert", source, "-q", "--layout", "plain", "--lengths", LENGTH, "-o", folder / "dense")
        dense = folder / "dense"
        (folder / "train.txt").write_text(corpus("train", CALIBRATION_BYTES), encoding="utf-8")
        judge = Judge(anemone, dense, folder)

        def add(method, scheme, out, seconds=None, bits=None):
            row = {"model": name, "method": method, "scheme": scheme, "bits": bits,
                   "megabytes": weight_bytes(out) / 1e6, "seconds": seconds,
                   **judge.measure(out)}
            kept.add(row)
            print(json.dumps(row), file=sys.stderr, flush=True)

        if not kept.find(name, "uncompressed", "fp16"):
            add("uncompressed", "fp16", dense, bits=16.0)
        calibrate = ("--calibrate", folder / "train.txt", "--calibration-windows", WINDOWS_TUNED)
        words = {"weights alone": lambda scheme: ("--quantize", scheme),
                 "calibrated": lambda scheme: ("--quantize", scheme, *calibrate),
                 "target bits": lambda scheme: ("--target-bits", scheme.split()[0], *calibrate)}
        jobs = [(method, scheme) for method, scheme in expected(name) if method in words]
        for number, (method, scheme) in enumerate(jobs):
            if kept.find(name, method, scheme):
                continue
            out = folder / f"out{number}"
            printed, seconds = run(anemone, "compress", dense, "-o", out, "--json", *words[method](scheme))
            weights = json.loads(printed)["weights"]
            bits = 8 * sum(w["bytes"] for w in weights) / sum(w["elements"] for w in weights)
            add(method, scheme, out, seconds, bits)
        for scheme in SCHEMES if with_peer else ():
            if kept.find(name, "coremltools", scheme):
                continue
            out = folder / "peer"
            out.mkdir(exist_ok=True)
            start = time.monotonic()
            for package in dense.glob("*.mlpackage"):
                coremltools_model(package, folder / "peer" / package.name, scheme)
            seconds = time.monotonic() - start
            for file in dense.iterdir():
                if file.is_file() and file.name != "anemone.json":
                    (out / file.name).write_bytes(file.read_bytes())
            target = next(out.glob("*.mlpackage"))
            add("coremltools", scheme, target, seconds, kept.find(name, "weights alone", scheme)["bits"])
            shutil.rmtree(out)


def table(rows):
    """A part for each model: schemes by size, how each was made side by side."""
    parts = []
    for model in MODELS:
        own = [row for row in rows if row["model"] == model]
        dense = next((row for row in own if row["method"] == "uncompressed"), None)
        if dense is None:
            continue
        trained = model in TRAINED
        parts.append(f"**{model}**, fp16: {dense['megabytes']:.2f} MB" +
                     (f", loss {dense['loss']:.4f}" if trained else "") + "\n")
        what = "loss above fp16 / KL" if trained else "KL"
        parts.append(f"| scheme | bits | MB | coremltools: {what} | weights alone | calibrated | best token kept |\n"
                     "|---|---|---|---|---|---|---|")

        def cell(row, megabytes):
            if row is None:
                return "–"
            above = f"{row['loss'] - dense['loss']:+.4f} / " if trained else ""
            larger = f" in {row['megabytes']:.2f} MB" if row["megabytes"] > 1.01 * megabytes else ""
            return f"{above}{row['kl']:.2g}{larger}"

        schemes = sorted({row["scheme"] for row in own if row["method"] != "uncompressed"},
                         key=lambda scheme: -next(row["bits"] for row in own if row["scheme"] == scheme))
        for scheme in schemes:
            made = {row["method"]: row for row in own if row["scheme"] == scheme}
            best = made.get("target bits") or made.get("calibrated") or made["weights alone"]
            name = f"--target-bits {scheme.split()[0]}" if "target bits" in made else scheme
            tuned = made.get("target bits") or made.get("calibrated")
            others = (cell(row, best["megabytes"]) for row in (made.get("coremltools"), made.get("weights alone"), tuned))
            parts.append(f"| `{name}` | {best['bits']:.2f} | {best['megabytes']:.2f} | {' | '.join(others)} | "
                         f"{best['top1']:.1%} |")
        parts.append("")
    return "\n".join(parts)


COLOURS = {"weights alone": "#b3543a", "calibrated": "#1f6f8b", "target bits": "#3a8f4d", "coremltools": "#8a8a8a"}


def plot(rows):
    """Divergence from the uncompressed model over bits a weight, one panel a model, both axes as they stand below."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    width, height, left, top = 330, 300, 64, 46
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(models) * (width + left) + 30}" height="{height + 142}" '
             'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    for panel, model in enumerate(models):
        mine = [row for row in rows if row["model"] == model and row["method"] != "uncompressed"]
        values = [np.log10(max(row["kl"], 1e-7)) for row in mine]
        low, high = np.floor(min(values)), np.ceil(max(values))
        x0, y0 = left + panel * (width + left), top

        def x(bits):
            return x0 + (bits - 1.5) / 8 * width

        def y(kl):
            return y0 + (high - np.log10(max(kl, 1e-7))) / (high - low) * height

        parts.append(f'<text x="{x0}" y="{y0 - 14}" font-size="14">{model}</text>')
        for bits in range(2, 10):
            parts.append(f'<line x1="{x(bits):.1f}" y1="{y0}" x2="{x(bits):.1f}" y2="{y0 + height}" stroke="#eee"/>'
                         f'<text x="{x(bits):.1f}" y="{y0 + height + 16}" text-anchor="middle">{bits}</text>')
        for power in range(int(low), int(high) + 1):
            parts.append(f'<line x1="{x0}" y1="{y(10.0**power):.1f}" x2="{x0 + width}" y2="{y(10.0**power):.1f}" '
                         f'stroke="#ddd"/><text x="{x0 - 6}" y="{y(10.0**power) + 4:.1f}" text-anchor="end">1e{power}</text>')
        for method, colour in COLOURS.items():
            for row in (row for row in mine if row["method"] == method):
                parts.append(f'<circle cx="{x(row["bits"]):.1f}" cy="{y(row["kl"]):.1f}" r="4" fill="{colour}" '
                             f'fill-opacity="0.8"><title>{row["scheme"]}: {row["kl"]:.5f}</title></circle>')
        parts.append(f'<text x="{x0 + width / 2}" y="{y0 + height + 36}" text-anchor="middle">bits a compressed weight</text>')
    for place, (method, colour) in enumerate(COLOURS.items()):
        parts.append(f'<circle cx="{left + 8 + 140 * place}" cy="{top + height + 62}" r="4" fill="{colour}"/>'
                     f'<text x="{left + 18 + 140 * place}" y="{top + height + 66}">{method}</text>')
    parts.append(f'<text x="{left}" y="{height + 134}" fill="#555">KL divergence from the uncompressed model, nats a token '
                 '(logarithmic)</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anemone", type=pathlib.Path, default=ROOT / "build/anemone")
    parser.add_argument("--only", choices=MODELS)
    parser.add_argument("--print", action="store_true", help="write nothing into docs")
    parser.add_argument("--rows", type=pathlib.Path, help="file that keeps what is measured; a run goes on from there")
    arguments = parser.parse_args()
    if np is None:
        sys.exit("compression_table.py: NumPy is missing: `make bench-compress` makes an environment that has it: "
                 "build/bench/venv/bin/python3 scripts/compression_table.py")
    if not (SHARED / "data/corpus").exists():
        print(f"skipped: no corpus below {SHARED}", file=sys.stderr)
        sys.exit(77)
    try:
        peer = importlib.metadata.version("coremltools")
    except importlib.metadata.PackageNotFoundError:
        peer = None
        print("coremltools is not installed: its rows are missing", file=sys.stderr)
    # Not its version, which is one number for all commits between two releases.
    program = hashlib.sha256(arguments.anemone.read_bytes()).hexdigest()
    kept = Rows(arguments.rows, program, peer)
    for name, source in MODELS.items():
        if arguments.only in (None, name):
            measure_model(name, source, arguments.anemone, peer is not None, kept)
    rows = kept.rows
    if arguments.print:
        print(table(rows))
        return
    missing = kept.missing()
    if missing:
        print(table(rows))
        sys.exit(f"docs/compression.md stays as it is: {len(missing)} rows are missing, the first of {missing[0]}")
    page = ROOT / "docs/compression.md"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    made = {page: before + BEGIN + "\n" + table(rows) + "\n" + END + rest.split(END)[1],
            ROOT / "docs/compression.svg": plot(rows)}
    for path, contents in made.items():
        path.write_text(contents, encoding="utf-8")


if __name__ == "__main__":
    main()
