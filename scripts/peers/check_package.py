#!/usr/bin/env python3
"""Reads packages that Anemone wrote with coremltools and compares what it finds with what we meant.

    check_package.py FOLDER ORIGINAL...

For the n-th ORIGINAL (a .mlpackage) FOLDER holds n.mlpackage, n.json and n.npz, as the test tool
peers_rewrite makes them. coremltools loads each package, infers the types of its whole program again
from the weights, and each function, input, output, state, key of metadata and weight is compared.
A package whose original coremltools itself cannot load is skipped, with its words; below a folder `converted`
the originals are our own, and must load and be as meant.
"""
import json
import logging
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import numpy as np  # noqa: E402
import coremltools as ct  # noqa: E402
from coremltools.converters.mil.frontend.milproto import load as milproto  # noqa: E402

ARRAY_TYPES = {65552: "fp16", 65568: "fp32", 65600: "fp64", 131080: "int8", 131104: "int32"}
OWN_KEYS = {"shortDescription": "description", "versionString": "version", "author": "author",
            "license": "license"}


class Different(Exception):
    pass


def expect_equal(what, found, expected):
    if found != expected:
        raise Different(f"{what}: coremltools finds {found!r}, expected {expected!r}")


def view_of_feature(feature):
    kind = feature.type.WhichOneof("Type")
    view = {"name": feature.name, "description": feature.shortDescription,
            "state": kind == "stateType", "array": kind in ("multiArrayType", "stateType"),
            "optional": feature.type.isOptional}
    if not view["array"]:
        return view
    array = feature.type.stateType.arrayType if view["state"] else feature.type.multiArrayType
    default = array.WhichOneof("defaultOptionalValue")
    view.update(
        dtype=ARRAY_TYPES[array.dataType], shape=list(array.shape),
        enumerated_shapes=[list(shape.shape) for shape in array.enumeratedShapes.shapes],
        ranges=[[size.lowerBound, size.upperBound] for size in array.shapeRange.sizeRanges],
        default=getattr(array, default) if default else None)
    return view


def compare_features(what, found, expected):
    expect_equal(f"{what}: count", len(found), len(expected))
    for feature, wanted in zip(found, expected):
        view = view_of_feature(feature)
        for key, value in view.items():
            expect_equal(f"{what} '{feature.name}': {key}", value, wanted[key])


def compare_description(spec, expected):
    description = spec.description
    expect_equal("specification version", spec.specificationVersion,
                 expected["specification_version"])
    metadata = {name: getattr(description.metadata, field) for field, name in OWN_KEYS.items()
                if getattr(description.metadata, field)}
    metadata.update(description.metadata.userDefined)
    expect_equal("metadata", metadata, expected["metadata"])
    if description.functions:
        expect_equal("default function", description.defaultFunctionName,
                     expected["default_function"])
        expect_equal("inputs at the top level", len(description.input), 0)
        functions = {function.name: function for function in description.functions}
    else:
        functions = {expected["default_function"]: description}
    expect_equal("functions", sorted(functions), sorted(expected["functions"]))
    expect_equal("functions of the program", sorted(spec.mlProgram.functions), sorted(functions))
    for name, function in functions.items():
        wanted = expected["functions"][name]
        compare_features(f"{name}: input", function.input, wanted["inputs"])
        compare_features(f"{name}: output", function.output, wanted["outputs"])
        compare_features(f"{name}: state", function.state, wanted["states"])


def stored_values(function, block):
    """Names and specs of all constants of a block that lie in a weight file."""
    for operation in block.operations:
        prefix = f"{function}/{operation.outputs[0].name if operation.outputs else ''}/"
        for name, value in operation.attributes.items():
            if value.WhichOneof("value") == "blobFileValue":
                yield prefix + name, value
        for name, argument in operation.inputs.items():
            for binding in argument.arguments:
                if (binding.WhichOneof("binding") == "value"
                        and binding.value.WhichOneof("value") == "blobFileValue"):
                    yield prefix + name, binding.value
        for nested in operation.blocks:
            yield from stored_values(function, nested)


def compare_weights(spec, weights_dir, expected):
    context = milproto.TranscriptionContext(str(weights_dir))
    seen = set()
    for name, function in spec.mlProgram.functions.items():
        for key, value in stored_values(name, function.block_specializations[function.opset]):
            found = np.asarray(milproto._load_value(context, value))
            if key not in expected:
                raise Different(f"weight {key}: not among those of the original")
            wanted = expected[key]
            if found.shape != wanted.shape or found.dtype.itemsize != wanted.dtype.itemsize:
                raise Different(f"weight {key}: {found.dtype} {found.shape}, "
                                f"expected {wanted.dtype} {wanted.shape}")
            if found.tobytes() != wanted.tobytes():
                raise Different(f"weight {key}: other contents")
            seen.add(key)
    missing = sorted(set(expected.files) - seen)
    if missing:
        raise Different(f"weights missing: {missing}")
    return len(seen)


def infer(path):
    """Loads with coremltools; type inference runs over the program and is held against the file."""
    model = ct.models.MLModel(str(path), skip_model_load=True)
    spec = ct.utils.load_spec(str(path))
    expect_equal("the model's own spec", model.get_spec().description, spec.description)
    milproto.load(spec, spec.specificationVersion, model.weights_dir)
    return model, spec


def check(folder, number, original):
    package = folder / f"{number}.mlpackage"
    if "converted" in Path(original).parts:
        package = original
    else:
        try:
            infer(original)
        except Exception as problem:  # whatever coremltools throws is its own limit, not ours
            return f"skipped: coremltools cannot load the original: {str(problem)[:120]}"
    try:
        model, spec = infer(package)
        compare_description(spec, json.loads((folder / f"{number}.json").read_text()))
        count = compare_weights(spec, model.weights_dir, np.load(folder / f"{number}.npz"))
    except Exception as problem:
        return f"FAILED: {type(problem).__name__}: {problem}"
    return f"ok: {len(spec.mlProgram.functions)} functions, {count} weights"


def main():
    folder = Path(sys.argv[1])
    counts = {"ok": 0, "skipped": 0, "FAILED": 0}
    for number, original in enumerate(sys.argv[2:]):
        verdict = check(folder, number, original)
        counts[verdict.split(":")[0]] += 1
        print(f"{'/'.join(Path(original).parts[-3:])}: {verdict}", flush=True)
    print(f"coremltools {ct.__version__}: {counts['ok']} ok, {counts['skipped']} skipped, "
          f"{counts['FAILED']} failed")
    return 1 if counts["FAILED"] or not counts["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
