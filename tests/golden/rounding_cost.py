"""What rounding its weights to fp16, and nothing else, costs transformers itself.

    rounding_cost.py CHECKPOINT EXPECTED.npz [ADAPTER]    a Hugging Face folder, logits of its fp32 run at some positions
                                                          (arrays ids0, pos0, logits0, …), and a PEFT adapter

Prints the largest difference of a log-probability: the least that a package with fp16 weights can be held to.
Needs torch, transformers and, for an adapter, peft.
"""

import sys

import numpy
import torch
from transformers import AutoModelForCausalLM

checkpoint, expected, *adapter = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
if adapter:
    from peft import PeftModel

    model = PeftModel.from_pretrained(model, adapter[0]).merge_and_unload()
arrays = numpy.load(expected)


def largest_difference():
    largest = 0.0
    for name in arrays.files:
        if not name.startswith("ids"):
            continue
        ids = torch.tensor(arrays[name].astype(numpy.int64)).reshape(1, -1)
        with torch.no_grad():
            found = model(ids).logits[0, arrays[name.replace("ids", "pos")].tolist()]
        wanted = torch.from_numpy(arrays[name.replace("ids", "logits")])
        difference = torch.log_softmax(found.double(), -1) - torch.log_softmax(wanted.double(), -1)
        largest = max(largest, difference.abs().max().item())
    return largest


print(f"as it is {largest_difference():.6f}")
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(parameter.half().float())
print(f"weights rounded to fp16 {largest_difference():.6f}")
