"""Writes the golden files of src/text and bridge: python3 tests/golden/make_text_golden.py

Needs transformers 4.57.1, tokenizers and jinja2 from PyPI (no torch). The small tokenizers beside
the golden files are trained here once and kept; delete one to train it anew.
"""

import datetime
import json
import pathlib
import random
import re

import jinja2
import tokenizers
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers.decoders import DecodeStream
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

import text_cases as cases

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parent.parent / "models" / "anemone-tiny"
CLOCK = (2024, 2, 29, 7, 5, 9, 1234)
VERSIONS = {m.__name__: m.__version__ for m in (transformers, tokenizers, jinja2)}
PROSE = [
    "The tide came in slowly and the small crabs hid under the stones.",
    "A letter from the harbour said that the boat would not sail before noon.",
    "Nobody knew who had painted the door blue, but everybody liked it.",
    "Wind, rain and salt: three things the old lighthouse keeper never complained about!",
    "Das M\u00e4dchen z\u00e4hlt bis zw\u00f6lf; \u00e7a va, se\u00f1or? \u65e5\u672c\u8a9e",
]


class FixedDatetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(*CLOCK)


chat_template_utils.datetime = FixedDatetime


def write(folder, name, content):
    """One line a key, one line an item of a list: small and still readable in a diff."""
    path = HERE / folder / f"{name}.json"
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            items = ",\n".join("  " + json.dumps(item, separators=(",", ":")) for item in value)
            lines.append(f"{json.dumps(key)}: [\n{items}\n ]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    path.write_text("{" + ",\n ".join(lines) + "}\n")
    print(path.relative_to(HERE), len(content.get("cases", [])), "cases")


def train(name, tokenizer, trainer, post=None):
    path = HERE / "tokenizer" / name / "tokenizer.json"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        tokenizer.train_from_iterator(PROSE * 3, trainer)
        if post:
            tokenizer.post_processor = post(tokenizer)
        content = json.loads(tokenizer.to_str())
        # Byte tokens are trained as special ones, but are plain tokens in real models.
        content["added_tokens"] = [t for t in content["added_tokens"] if t["content"][:3] != "<0x"]
        path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def small_tokenizers():
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    blank_bpe = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    blank_bpe.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    blank_bpe.decoder = decoders.Sequence([
        decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 0)])
    yield train(
        "byte-fallback-bpe", blank_bpe,
        trainers.BpeTrainer(vocab_size=420, special_tokens=["<unk>", "<s>", "</s>"] + byte_tokens),
        lambda t: processors.TemplateProcessing(
            "<s> $A", "<s> $A <s> $B", [("<s>", t.token_to_id("<s>"))]))

    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.decoder = decoders.Metaspace()
    yield train("unigram", unigram, trainers.UnigramTrainer(
        vocab_size=160, unk_token="<unk>", special_tokens=["<unk>", "</s>"]))

    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.BertNormalizer(lowercase=True)
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.decoder = decoders.WordPiece()
    yield train(
        "wordpiece", wordpiece,
        trainers.WordPieceTrainer(vocab_size=160, special_tokens=["[UNK]", "[CLS]", "[SEP]"]),
        lambda t: processors.TemplateProcessing(
            "[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]",
            [(x, t.token_to_id(x)) for x in ("[CLS]", "[SEP]")]))


def stream(tokenizer, ids, skip):
    """Pieces of the reference's own incremental decoder; None where it gives up."""
    decoder = DecodeStream(skip_special_tokens=skip)
    pieces = []
    for i in ids:
        try:
            pieces.append(decoder.step(tokenizer, i) or "")
        except Exception:
            return None
    return pieces


def decoded(tokenizer, ids):
    return {
        "ids": ids,
        "decoded": tokenizer.decode(ids, skip_special_tokens=False),
        "decoded_without_special": tokenizer.decode(ids, skip_special_tokens=True),
        "pieces": stream(tokenizer, ids, False),
    }


def tokenizer_golden(name, path):
    fast = PreTrainedTokenizerFast(tokenizer_file=str(path), clean_up_tokenization_spaces=False)
    raw = fast.backend_tokenizer
    golden = []
    for label, text in cases.TOKENIZER_TEXTS.items():
        encoded = fast(text, return_offsets_mapping=True)
        byte_at = [0]
        for c in text:
            byte_at.append(byte_at[-1] + len(c.encode()))
        golden.append({
            "name": label, "text": text,
            "tokens": fast.convert_ids_to_tokens(encoded["input_ids"]),
            "char_offsets": [list(o) for o in encoded["offset_mapping"]],
            "byte_offsets": [[byte_at[a], byte_at[b]] for a, b in encoded["offset_mapping"]],
            "ids_without_special": fast(text, add_special_tokens=False)["input_ids"],
            **decoded(raw, encoded["input_ids"])})
    rng = random.Random(20241121)
    size = raw.get_vocab_size()
    sequences = [[i] for i in range(min(size, 300))]
    sequences += [[rng.randrange(size) for _ in range(rng.randrange(1, 40))] for _ in range(60)]
    byte_ids = [i for i in range(size) if raw.decode([i]) == "\ufffd" or len(raw.id_to_token(i)) == 1]
    if byte_ids:
        sequences += [[rng.choice(byte_ids) for _ in range(rng.randrange(1, 24))] for _ in range(40)]
    write("tokenizer", name, {
        "versions": VERSIONS,
        "vocab_size": size,
        "vocab_size_without_added": raw.get_vocab_size(with_added_tokens=False),
        "cases": golden,
        "decode": [decoded(raw, ids) for ids in sequences]})


def attempt(render):
    try:
        return {"rendered": render()}
    except jinja2.exceptions.TemplateSyntaxError as e:
        return {"error": "syntax", "message": str(e)}
    except jinja2.exceptions.TemplateError as e:
        raised = type(e) is jinja2.exceptions.TemplateError
        return {"error": "raised" if raised else "render", "message": str(e)}
    except (ValueError, TypeError, ZeroDivisionError, KeyError, AttributeError) as e:
        return {"error": "render", "message": str(e)}


def chat_golden():
    fast = PreTrainedTokenizerFast.from_pretrained(MODEL)
    own = (MODEL / "chat_template.jinja").read_text()
    for name, template in {"anemone-tiny": own, **cases.CHAT_TEMPLATES}.items():
        golden = []
        for label, messages in cases.MESSAGES.items():
            for tools in (None, cases.TOOLS):
                for prompt in (False, True):
                    golden.append((label, messages, tools, prompt, False))
            if label in ("final", "blocks", "system"):
                golden.append((label, messages, None, False, True))
        results = []
        for label, messages, tools, prompt, resume in golden:
            result = attempt(lambda: fast.apply_chat_template(
                messages, tools=tools, tokenize=False, chat_template=template,
                add_generation_prompt=prompt, continue_final_message=resume))
            results.append({
                "name": label, "messages": json.dumps(messages),
                "tools": json.dumps(tools), "add_generation_prompt": prompt,
                "continue_final_message": resume, **result})
        write("chat_template", name.replace(" ", "_"), {
            "versions": VERSIONS, "clock": CLOCK, "template": template,
            "special_tokens": fast.special_tokens_map, "cases": results})


def regex_replace(string, pattern, repl, count=0):
    return re.sub(pattern, repl, string, count=count)


def expressions(compile_template, extra=()):
    context = json.dumps(cases.EXPRESSION_CONTEXT)
    results = []
    for expression in [*cases.EXPRESSIONS, *extra]:
        template = "{{ " + expression.replace("\\\\", "\\") + " }}"
        result = attempt(lambda: compile_template(template).render(json.loads(context)))
        results.append({"name": expression, "template": template, **result})
    return {"versions": VERSIONS, "context": context, "cases": results}


def template_golden():
    write("chat_template", "expressions",
          expressions(chat_template_utils._compile_jinja_template.__wrapped__,
                      cases.CHAT_EXPRESSIONS))
    task = jinja2.Environment(
        loader=jinja2.BaseLoader(), undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    task.filters["regex_replace"] = regex_replace
    write("task_template", "expressions", expressions(task.from_string))
    results = []
    for name, (template, context) in cases.TASK_TEMPLATES.items():
        result = attempt(lambda: task.from_string(template).render(**context))
        results.append({"name": name, "template": template, "context": json.dumps(context), **result})
    write("task_template", "templates", {"versions": VERSIONS, "cases": results})


tokenizer_golden("anemone-tiny", MODEL / "tokenizer.json")
for tokenizer_path in small_tokenizers():
    tokenizer_golden(tokenizer_path.parent.name, tokenizer_path)
chat_golden()
template_golden()
