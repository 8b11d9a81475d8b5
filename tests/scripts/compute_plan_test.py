"""Tests of scripts/apple/compute_plan.py with stand-ins of coremltools' classes."""

import importlib.util
import json
import unittest
from pathlib import Path
from types import SimpleNamespace

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "apple" / "compute_plan.py"
spec = importlib.util.spec_from_file_location("compute_plan", SCRIPT)
compute_plan = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compute_plan)


class MLCPUComputeDevice:
    pass


class MLGPUComputeDevice:
    pass


class MLNeuralEngineComputeDevice:
    pass


class Plan:
    """Of one conv on the Neural Engine and one const."""

    def __init__(self, program=True):
        named = lambda name: SimpleNamespace(name=name)
        self.conv = SimpleNamespace(operator_name="ios18.conv", outputs=[named("y")])
        self.const = SimpleNamespace(operator_name="const", outputs=[named("w")])
        block = SimpleNamespace(operations=[self.const, self.conv])
        functions = {"main": SimpleNamespace(block=block)}
        self.model_structure = SimpleNamespace(
            program=SimpleNamespace(functions=functions) if program else None)

    def get_compute_device_usage_for_mlprogram_operation(self, operation):
        if operation is self.const:
            return None
        devices = [MLCPUComputeDevice(), MLGPUComputeDevice(), MLNeuralEngineComputeDevice()]
        return SimpleNamespace(preferred_compute_device=devices[2],
                               supported_compute_devices=devices)

    def get_estimated_cost_for_mlprogram_operation(self, operation):
        return None if operation is self.const else SimpleNamespace(weight=1.0)


class ComputePlanTest(unittest.TestCase):
    def test_writes_the_documented_format(self):
        document = compute_plan.plan_document(Plan(), "m.mlmodelc", "cpu-ane", "Mac16,9", "macOS 15.5")
        document = json.loads(json.dumps(document))
        self.assertEqual(document["format"], "anemone-compute-plan")
        self.assertEqual(document["version"], 1)
        self.assertEqual(document["functions"], [{"name": "main", "operations": [
            {"type": "const", "outputs": ["w"], "preferred": None, "supported": [], "cost": None},
            {"type": "conv", "outputs": ["y"], "preferred": "neural_engine",
             "supported": ["cpu", "gpu", "neural_engine"], "cost": 1.0}]}])

    def test_refuses_a_model_without_a_program(self):
        with self.assertRaisesRegex(ValueError, "no ML Program"):
            compute_plan.plan_document(Plan(program=False), "m.mlmodelc", "all", "", "")

    def test_a_device_nobody_knows_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "object"):
            compute_plan.unit_name(object())


if __name__ == "__main__":
    unittest.main()
