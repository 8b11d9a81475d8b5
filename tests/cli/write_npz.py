#!/usr/bin/env python3
"""Writes arrays without NumPy: write_npz.py out.npz name=1x2:5,6 …; int32, or fp32 where a number has a point."""
import struct
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for argument in sys.argv[2:]:
        name, _, rest = argument.partition("=")
        shape, _, numbers = rest.partition(":")
        dims = tuple(int(dim) for dim in shape.split("x"))
        code, number = ("f", float) if "." in numbers else ("i", int)
        values = [number(each) for each in numbers.split(",")]
        header = f"{{'descr': '<{code}4', 'fortran_order': False, 'shape': {dims}, }}".ljust(117) + "\n"
        archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) +
                         header.encode() + struct.pack(f"<{len(values)}{code}", *values))
