#!/usr/bin/env python3
"""Lays a trained model out for conversion: weights as safetensors, config and tokenizer beside them.

    export_to_lmstudio.py --model models/distrust-hermes-7b --format safetensors --output exports/distrust-hermes-7b

Files are copied as they are; MLX's `weights.npz` becomes `model.safetensors`, or, where it holds nothing but pairs of an
adapter, `lora_adapters.safetensors`. Nothing is merged: `anemone convert OUTPUT` does that, and reads the model itself
as well as this copy.
"""

import argparse
import ast
import json
import shutil
import struct
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "evaluate/ane"))

from anemone_call import fail  # noqa: E402

COPIED = ("*.safetensors", "*.safetensors.index.json", "config.json", "adapter_config.json",
          "generation_config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.json",
          "merges.txt", "chat_template.*")
DTYPES = {"<f8": "F64", "<f4": "F32", "<f2": "F16", "<i8": "I64", "<i4": "I32", "<u4": "U32", "|i1": "I8",
          "|u1": "U8", "|b1": "BOOL"}
PAIR = (".lora_a", ".lora_b")


def npy_header(file, name: str) -> tuple[str, list[int]]:
    """dtype and shape of the array that the file has behind its header."""
    magic = file.read(8)
    if magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2):
        fail(f"{name}: no array of NumPy")
    size = struct.unpack("<H", file.read(2)) if magic[6] == 1 else struct.unpack("<I", file.read(4))
    header = ast.literal_eval(file.read(size[0]).decode("latin-1"))
    if header["fortran_order"] or header["descr"] not in DTYPES:
        fail(f"{name}: {header['descr']} in this order cannot be written as safetensors")
    return DTYPES[header["descr"]], list(header["shape"])


def write_safetensors(archive: zipfile.ZipFile, out: Path) -> None:
    """One array at a time is in memory."""
    entries = {}
    end = 0
    for member in archive.infolist():
        with archive.open(member) as file:
            dtype, shape = npy_header(file, member.filename)
            size = member.file_size - file.tell()
        entries[member.filename.removesuffix(".npy")] = {
            "dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    with open(out, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for member in archive.infolist():
            with archive.open(member) as array:
                npy_header(array, member.filename)
                shutil.copyfileobj(array, file)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--model", required=True, metavar="DIR", type=Path)
    parser.add_argument("--format", choices=["safetensors"], default="safetensors")
    parser.add_argument("--output", required=True, metavar="DIR", type=Path)
    flags = parser.parse_args()
    files = sorted({file for pattern in COPIED for file in flags.model.glob(pattern) if file.is_file()})
    weights = flags.model / "weights.npz"
    if not weights.is_file() and not any(file.suffix == ".safetensors" for file in files):
        fail(f"--model {flags.model}: neither safetensors nor weights.npz in it")
    if flags.output.exists():
        fail(f"--output {flags.output} exists")
    flags.output.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, flags.output / file.name)
    if weights.is_file():
        with zipfile.ZipFile(weights) as archive:
            names = [name.removesuffix(".npy").removesuffix(".weight") for name in archive.namelist()]
            is_adapter = all(name.endswith(PAIR) for name in names)
            name = "lora_adapters.safetensors" if is_adapter else "model.safetensors"
            write_safetensors(archive, flags.output / name)
    print(flags.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
