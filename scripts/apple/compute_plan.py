#!/usr/bin/env python3
"""Writes where Core ML would run each op of a model on this Mac, as JSON (docs/compute-plan.md).

    scripts/apple/compute_plan.py MODEL.mlmodelc [all|cpu|cpu-gpu|cpu-ane] > plan.json

Needs macOS 14.4 and coremltools 8 or later. Loading a plan compiles the model for the Neural
Engine: seconds to minutes.
"""
import json
import pathlib
import platform
import subprocess
import sys

UNITS = {"all": "ALL", "cpu": "CPU_ONLY", "cpu-gpu": "CPU_AND_GPU", "cpu-ane": "CPU_AND_NE"}


def unit_name(device):
    """"neural_engine" of an MLNeuralEngineComputeDevice, and so on."""
    kind = type(device).__name__
    for word, name in (("NeuralEngine", "neural_engine"), ("GPU", "gpu"), ("CPU", "cpu")):
        if word in kind:
            return name
    raise ValueError(f"unknown compute device {kind}")


def plain_type(operator_name):
    """"conv" of "ios18.conv"."""
    return operator_name.rsplit(".", 1)[-1]


def operation_record(operation, plan):
    usage = plan.get_compute_device_usage_for_mlprogram_operation(operation)
    cost = plan.get_estimated_cost_for_mlprogram_operation(operation)
    return {
        "type": plain_type(operation.operator_name),
        "outputs": [output.name for output in operation.outputs],
        "preferred": None if usage is None else unit_name(usage.preferred_compute_device),
        "supported": [] if usage is None else [unit_name(d) for d in usage.supported_compute_devices],
        "cost": None if cost is None else cost.weight,
    }


def plan_document(plan, model, units, device, operating_system):
    program = plan.model_structure.program
    if program is None:
        raise ValueError(f"{model} is no ML Program")
    return {
        "format": "anemone-compute-plan",
        "version": 1,
        "model": model,
        "device": device,
        "operating_system": operating_system,
        "compute_units": units,
        "functions": [
            {"name": name,
             "operations": [operation_record(o, plan) for o in function.block.operations]}
            for name, function in sorted(program.functions.items())],
    }


def main(arguments):
    if len(arguments) not in (1, 2) or (len(arguments) == 2 and arguments[1] not in UNITS):
        sys.exit(__doc__)
    import coremltools as ct
    from coremltools.models.compute_plan import MLComputePlan

    units = arguments[1] if len(arguments) == 2 else "cpu-ane"
    plan = MLComputePlan.load_from_path(
        path=arguments[0], compute_units=getattr(ct.ComputeUnit, UNITS[units]))
    device = subprocess.run(["sysctl", "-n", "hw.model"], capture_output=True, text=True,
                            check=True).stdout.strip()
    document = plan_document(plan, pathlib.Path(arguments[0]).name, units, device,
                             f"macOS {platform.mac_ver()[0]}")
    json.dump(document, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
