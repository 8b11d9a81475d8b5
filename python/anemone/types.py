"""Types of arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex, Union

import numpy

#: An integer, a sequence of integers, or an array of any integer type and stride, [T] or [1, T].
#: `Any` stands for arrays of other libraries with DLPack, such as torch.
TokenIds = Union[SupportsIndex, Sequence[SupportsIndex], "numpy.ndarray[Any, Any]", Any]
