#!/usr/bin/env python3
"""What a JSON Schema adds to the steps of a whole model with a head of 151,936 columns.

    steps.py --bench build/dev/bench/bench_mask_steps --anemone build/anemone [--threads 1,2] [--keep FOLDER]

Writes a checkpoint in the shape of Qwen3-0.6B with --layers of its 28 layers and random weights, and the vocabulary of
run.py; converts it with `anemone convert`; then answers without and with each schema in turns. A model of fewer layers has
shorter steps, beside which a constraint weighs more. Printed are medians over the rounds, and the spread of the ratio.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "convert"))  # behind this folder, which has a run.py too
import checkpoints  # noqa: E402
import run as masks  # noqa: E402

# Strings without an end have hardly anything that is forced: a call a token, as without.
STRINGS = {"type": "array", "items": {"type": "string", "minLength": 2000}, "minItems": 1}


def make_model(folder: Path, anemone: Path, layers: int) -> Path:
    checkpoint, model = folder / f"checkpoint-{layers}", folder / f"model-{layers}"
    if (model / "anemone.json").exists():
        return model
    checkpoint.mkdir(parents=True, exist_ok=True)
    checkpoints.write(checkpoint, checkpoints.SHAPES["qwen3-0.6b"] | {"layers": layers}, sparse=False)
    (checkpoint / "tokenizer.json").write_text(json.dumps(masks.tokenizer_json(masks.made_up())), encoding="utf-8")
    (checkpoint / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}), encoding="utf-8")
    subprocess.run([anemone, "convert", checkpoint, "-o", model, "--context", "512", "-q"], check=True)
    (checkpoint / "model.safetensors").unlink()
    return model


def show(name: str, run: dict) -> None:
    plain, constrained, call, token = run["plain"], run["constrained"], run["ratio_a_call"], run["ratio_a_token"]
    print(f"{name:9} {run['threads']:>7} {plain['call_us']['median']:>9.0f} {constrained['call_us']['median']:>12.0f}  "
          f"{call['median']:.3f} ({call['least']:.3f} to {call['most']:.3f})  "
          f"{token['median']:.3f} ({token['least']:.3f} to {token['most']:.3f}) "
          f"{constrained['mask_us_a_call']['median']:>8.0f} {constrained['mask_wait_us_a_call']['median']:>8.1f} "
          f"{constrained['calls']:>6} {constrained['forced_tokens']:>7}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, type=Path)
    parser.add_argument("--anemone", required=True, type=Path)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the model is kept for the next time")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = flags.keep or Path(scratch)
        model = make_model(folder, flags.anemone, flags.layers)
        print("schema    threads  plain µs  constrained  ratio a call             ratio a token           "
              "mask µs  wait µs  calls  forced")
        for name, schema in (("strings", STRINGS), ("object", masks.SCHEMA)):
            file = folder / f"{name}.json"
            file.write_text(json.dumps(schema))
            for threads in flags.threads.split(","):
                run = subprocess.run([flags.bench, model, file, str(flags.rounds), str(flags.tokens), threads],
                                     capture_output=True, text=True, check=False)
                if run.returncode:
                    print(run.stderr, file=sys.stderr, end="")
                    return 1
                show(name, json.loads(run.stdout))
    return 0


if __name__ == "__main__":
    sys.exit(main())
