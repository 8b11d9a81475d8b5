#!/usr/bin/env python3
"""write_sparse_checkpoint.py MODEL OUT UNITS: the checkpoint MODEL with UNITS inner units in each MLP. Its weights are
zeros that take no room: a file with a hole."""
import json
import pathlib
import struct
import sys

model, out, units = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
config = json.loads((model / "config.json").read_text())
with open(model / "model.safetensors", "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
end = 0
for name, tensor in header.items():
    if name == "__metadata__":
        continue
    shape = [units if dim == config["intermediate_size"] else dim for dim in tensor["shape"]]
    size = struct.calcsize({"F32": "f", "F16": "e", "BF16": "e"}[tensor["dtype"]])
    for dim in shape:
        size *= dim
    tensor.update(shape=shape, data_offsets=[end, end + size])
    end += size
config["intermediate_size"] = units
out.mkdir()
(out / "config.json").write_text(json.dumps(config))
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(out / "model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    file.truncate(8 + len(text) + end)
