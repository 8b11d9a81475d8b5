#!/usr/bin/env python3
"""write_part_of.py MODEL OUT LAYERS UNITS: the checkpoint MODEL with its first LAYERS and of their MLPs the first UNITS: all kinds of
weights, and less of each."""
import json
import pathlib
import re
import shutil
import struct
import sys

model, out, layers, units = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
shutil.copytree(model, out)
config = json.loads((model / "config.json").read_text())
config["num_hidden_layers"] = layers
config["layer_types"] = config["layer_types"][:layers]
config["intermediate_size"] = units
(out / "config.json").write_text(json.dumps(config))
whole = (model / "model.safetensors").read_bytes()
(size,) = struct.unpack("<Q", whole[:8])
header, data = json.loads(whole[8:8 + size]), whole[8 + size:]
kept, contents = {}, b""
for name, tensor in header.items():
    layer = re.match(r"model\.layers\.(\d+)\.", name)
    if name == "__metadata__" or (layer and int(layer[1]) >= layers):
        continue
    part = data[slice(*tensor["data_offsets"])]
    shape = tensor["shape"]
    row = len(part) // shape[0]
    if "gate_proj" in name or "up_proj" in name:
        shape, part = [units, shape[1]], part[:units * row]
    if "down_proj" in name:
        width = row // shape[1] * units
        shape, part = [shape[0], units], b"".join(part[i * row:i * row + width] for i in range(shape[0]))
    kept[name] = {"dtype": tensor["dtype"], "shape": shape, "data_offsets": [len(contents), len(contents) + len(part)]}
    contents += part
text = json.dumps(kept).encode()
text += b" " * (-len(text) % 8)
(out / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + contents)
