#!/usr/bin/env python3
"""Writes the arrays of a NumPy archive as torch.save would write a dict of tensors; needs neither package.

    write_torch.py IN.npz OUT.pt
"""

import ast
import struct
import sys
import zipfile

STORAGES = {"<f4": ("FloatStorage", 4), "<f2": ("HalfStorage", 2), "<i4": ("IntStorage", 4)}


def arrays(path):
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            data = archive.read(member)
            (size,) = struct.unpack("<H", data[8:10])
            header = ast.literal_eval(data[10 : 10 + size].decode())
            assert not header["fortran_order"]
            yield member.removesuffix(".npy"), header["descr"], header["shape"], data[10 + size :]


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def numbers(values):
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def tensor(key, descr, shape):
    storage, _ = STORAGES[descr]
    count, strides = 1, []
    for size in reversed(shape):
        strides.insert(0, count)
        count *= size
    reference = b"(" + text("storage") + f"ctorch\n{storage}\n".encode() + text(key) + text("cpu")
    reference += b"J" + struct.pack("<i", count) + b"tQ"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + reference + b"K\x00"
        + numbers(shape) + numbers(strides) + b"\x89" + b"ccollections\nOrderedDict\n)RtR"
    )


def main():
    source, target = sys.argv[1:]
    pickle, storages = b"\x80\x02}(", []
    for number, (name, descr, shape, data) in enumerate(arrays(source)):
        pickle += text(name) + tensor(str(number), descr, shape)
        storages.append(data)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a/data.pkl", pickle + b"u.")
        for number, data in enumerate(storages):
            archive.writestr(f"a/data/{number}", data)


main()
