"""Random checkpoints in the shape of real models, written as safetensors without any library."""
import json
import random

CHUNK_BYTES = 16 << 20
# Every second byte of a bf16 is sign and exponent: magnitudes from 2^-8 to 2^-4, as weights have.
HIGH_BYTES = bytes((b & 0x80) | 0x3B | (b & 4) for b in range(256))

SHAPES = {
    "qwen3-0.6b": {"hidden": 1024, "ffn": 3072, "layers": 28, "heads": 16, "kv_heads": 8, "tied": True},
    "qwen3-8b": {"hidden": 4096, "ffn": 12288, "layers": 36, "heads": 32, "kv_heads": 8, "tied": False},
}
HEAD_DIM = 128
VOCAB = 151936


def config(shape):
    return {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": False,
        "attention_dropout": 0.0, "head_dim": HEAD_DIM, "hidden_act": "silu", "hidden_size": shape["hidden"],
        "initializer_range": 0.02, "intermediate_size": shape["ffn"], "max_position_embeddings": 40960,
        "max_window_layers": shape["layers"], "num_attention_heads": shape["heads"],
        "num_hidden_layers": shape["layers"], "num_key_value_heads": shape["kv_heads"], "rms_norm_eps": 1e-06,
        "rope_scaling": None, "rope_theta": 1000000, "sliding_window": None,
        "tie_word_embeddings": shape["tied"], "torch_dtype": "bfloat16", "use_cache": True,
        "use_sliding_window": False, "vocab_size": VOCAB,
    }


def tensors(shape):
    hidden, ffn = shape["hidden"], shape["ffn"]
    yield "model.embed_tokens.weight", [VOCAB, hidden]
    for layer in range(shape["layers"]):
        at = f"model.layers.{layer}."
        yield at + "input_layernorm.weight", [hidden]
        yield at + "post_attention_layernorm.weight", [hidden]
        yield at + "mlp.down_proj.weight", [hidden, ffn]
        yield at + "mlp.gate_proj.weight", [ffn, hidden]
        yield at + "mlp.up_proj.weight", [ffn, hidden]
        yield at + "self_attn.q_norm.weight", [HEAD_DIM]
        yield at + "self_attn.k_norm.weight", [HEAD_DIM]
        yield at + "self_attn.q_proj.weight", [shape["heads"] * HEAD_DIM, hidden]
        yield at + "self_attn.k_proj.weight", [shape["kv_heads"] * HEAD_DIM, hidden]
        yield at + "self_attn.v_proj.weight", [shape["kv_heads"] * HEAD_DIM, hidden]
        yield at + "self_attn.o_proj.weight", [hidden, shape["heads"] * HEAD_DIM]
    yield "model.norm.weight", [hidden]
    if not shape["tied"]:
        yield "lm_head.weight", [VOCAB, hidden]


def header(shape):
    """The header's bytes and the number of bytes of data that follow it."""
    entries, end = {}, 0
    for name, dims in tensors(shape):
        begin = end
        count = 1
        for dim in dims:
            count *= dim
        end += 2 * count
        entries[name] = {"dtype": "BF16", "shape": dims, "data_offsets": [begin, end]}
    text = json.dumps({"__metadata__": {"format": "pt"}, **entries}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, end


def write(folder, shape, sparse):
    """Writes config.json and model.safetensors; returns the bytes of the weights. A sparse file holds zeros and
    takes no space on the disk; else the weights are random, the same ones every time."""
    (folder / "config.json").write_text(json.dumps(config(shape), indent=2) + "\n")
    head, data_bytes = header(shape)
    source = random.Random(20250101)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(head)
        if sparse:
            file.truncate(len(head) + data_bytes)
            return len(head) + data_bytes
        left = data_bytes
        while left:
            chunk = bytearray(source.randbytes(min(left, CHUNK_BYTES)))
            chunk[1::2] = chunk[1::2].translate(HIGH_BYTES)
            file.write(chunk)
            left -= len(chunk)
    return len(head) + data_bytes
