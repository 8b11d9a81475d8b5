#!/usr/bin/env python3
"""The weights of a Hugging Face checkpoint of Qwen3 with a byte-level BPE tokenizer, as a GGUF file for a peer.

    write_gguf.py CHECKPOINT OUT.gguf [--type f16|q8_0]

Needs the package `gguf` from PyPI. Matrices take the type, norms stay float32, nothing else is changed.
"""

import argparse
import json
import struct
from pathlib import Path

import gguf
import numpy

TYPES = {"f16": gguf.GGMLQuantizationType.F16, "q8_0": gguf.GGMLQuantizationType.Q8_0}
FILE_TYPES = {"f16": gguf.LlamaFileType.MOSTLY_F16, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}


def read_tensors(path):
    """float16 and float32 alone: (name, array)."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        kind = {"F16": numpy.float16, "F32": numpy.float32}[entry["dtype"]]
        yield name, numpy.frombuffer(data[begin:end], kind).reshape(entry["shape"])


def add_shapes(writer, config):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def add_tokenizer(writer, folder, size):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    special = {each["id"]: each["content"] for each in tokenizer["added_tokens"]}
    spelled = {id: text for text, id in tokenizer["model"]["vocab"].items()} | special
    tokens = [spelled.get(id, f"[unused {id}]") for id in range(size)]
    kinds = [gguf.TokenType.CONTROL if id in special else gguf.TokenType.NORMAL if id in spelled else gguf.TokenType.UNUSED
             for id in range(size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")  # the same pattern
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) if isinstance(pair, list) else pair for pair in tokenizer["model"]["merges"]])
    writer.add_add_bos_token(False)
    ids = {text: id for id, text in special.items()}
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    writer.add_eos_token_id(ids[settings["eos_token"]])
    writer.add_pad_token_id(ids[settings["pad_token"]])
    if (folder / "chat_template.jinja").exists():
        writer.add_chat_template((folder / "chat_template.jinja").read_text())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--type", choices=TYPES, default="f16")
    given = parser.parse_args()
    config = json.loads((given.checkpoint / "config.json").read_text())
    assert config["model_type"] == "qwen3", f"{config['model_type']}, expected qwen3"
    writer = gguf.GGUFWriter(given.out, "qwen3")
    writer.add_file_type(FILE_TYPES[given.type])
    add_shapes(writer, config)
    add_tokenizer(writer, given.checkpoint, config["vocab_size"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, config["num_hidden_layers"])
    for name, values in read_tensors(given.checkpoint / "model.safetensors"):
        to = names.get_name(name, try_suffixes=(".weight",))
        assert to is not None, f"{name} has no place in a GGUF file of Qwen3"
        if values.ndim == 1:
            writer.add_tensor(to, values.astype(numpy.float32))
        else:
            kind = TYPES[given.type]
            writer.add_tensor(to, gguf.quants.quantize(values.astype(numpy.float32), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
