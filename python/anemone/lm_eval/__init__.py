"""The model `anemone` of lm-evaluation-harness.

    lm_eval --model anemone --model_args path=MODEL --tasks arc_easy,boolq

The harness' release 0.4.13 does not look for models of other packages; the wheel's file
`anemone_lm_eval.pth` adds the name when the harness loads its models. Where Python reads no such files
(`python -S`), `python -m anemone.lm_eval` is the harness' command line with the model added.

Model arguments: path; numerics (fp16, fp32), threads, isa, adapter, context, tokenizer as of
`anemone.Model`; max_length (tokens that are fed at most; default the model's context), add_bos_token,
prefix_token_id and max_gen_toks as of the harness' own `hf` model. Requests run one at a time, each
from a clean state: a batch size above 1 is taken for 1, with a warning.
"""

from __future__ import annotations

import logging
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import (
    handle_stop_sequences,
    has_bos_prefix,
    normalize_gen_kwargs,
    postprocess_generated_text,
)
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from tqdm import tqdm

from .._native import Model
from ..errors import Error

_log = logging.getLogger(__name__)

# Without sampling these say nothing.
_SAMPLING_KEYS = ("top_p", "top_k", "min_p", "typical_p", "do_sample", "temperature", "until")


@register_model("anemone")
class AnemoneLM(TemplateLM):
    """A Core ML package, an ANEMLL directory or a checkpoint, run by anemone."""

    backend = "causal"

    def __init__(
        self,
        path: str | None = None,
        pretrained: str | None = None,
        numerics: str = "fp16",
        threads: int = 0,
        isa: str = "auto",
        adapter: str | None = None,
        context: int = 0,
        tokenizer: str | None = None,
        max_length: int | None = None,
        max_gen_toks: int = 256,
        add_bos_token: bool | None = None,
        prefix_token_id: int | None = None,
        batch_size: int | str | None = 1,
        max_batch_size: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__()
        given = path if path is not None else pretrained
        if given is None:
            raise ValueError("model_args: path is missing; give path=MODEL")
        if str(batch_size) not in ("1", "None"):
            _log.warning("batch size %s: requests run one at a time all the same", batch_size)
        if device not in (None, "cpu"):
            _log.warning("device %s: the model runs on the CPU all the same", device)
        self.model = Model(
            str(given),
            numerics=numerics,
            threads=int(threads),
            isa=isa,
            adapter=adapter,
            context=int(context),
            tokenizer=tokenizer,
            hash=True,
        )
        self._tokens = self.model.tokenizer
        context_length = self.model.info.context_length
        self.max_length = context_length if max_length is None else int(max_length)
        if not 1 <= self.max_length <= context_length:
            raise ValueError(
                f"max_length {self.max_length}, the model's context holds {context_length} tokens"
            )
        self.max_gen_toks = int(max_gen_toks)
        self.add_bos_token = add_bos_token
        self.batch_size = 1
        self._prefix_token_id = prefix_token_id
        if self.prefix_token_id is None:
            raise ValueError("the tokenizer has neither BOS nor EOS; give prefix_token_id=ID")

    @property
    def eot_token_id(self) -> int | None:
        return self._tokens.eos_id

    @property
    def prefix_token_id(self) -> int | None:
        if self._prefix_token_id is not None:
            return int(self._prefix_token_id)
        bos = self._tokens.bos_id
        return bos if bos is not None else self._tokens.eos_id

    @property
    def tokenizer_name(self) -> str:
        return str(self.model.info.path).rstrip("/").replace("/", "__")

    def get_model_info(self) -> dict[str, Any]:
        """What the harness writes into `config` of its results."""
        info = self.model.info
        return {
            "model_sha": info.hash,
            "model_dtype": info.numerics,
            "model_form": info.form,
            "model_context_length": info.context_length,
        }

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **kwargs: Any
    ) -> list[int]:
        if add_special_tokens is None:
            add_special_tokens = self.add_bos_token is not False and not has_bos_prefix(
                string, self._tokens.decode([self.prefix_token_id])
            )
        return self._tokens.encode(string, add_special_tokens).tolist()

    def tok_decode(self, tokens: list[int], skip_special_tokens: bool = True) -> str:
        return self._tokens.decode(tokens, skip_special_tokens)

    def _fed(self, context: list[int], continuation: list[int]) -> tuple[list[int], list[int]]:
        """What is left of a pair when max_length tokens are fed: the beginning is lost."""
        if not continuation or len(continuation) > self.max_length:
            raise ValueError(
                f"a continuation of {len(continuation)} tokens, expected 1 to {self.max_length}"
            )
        lost = len(context) + len(continuation) - (self.max_length + 1)
        return (context[lost:] if lost > 0 else context), continuation

    def _score(
        self, pairs: list[tuple[list[int], list[int]]], disable_tqdm: bool
    ) -> list[tuple[float, bool]]:
        """Log-likelihoods of pairs of token ids, which the library runs in one go."""
        fed = [self._fed(*pair) for pair in pairs]
        with tqdm(desc="Running loglikelihood requests", unit="token", disable=disable_tqdm) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            values, greedy = self.model.loglikelihoods(fed, progress=show)
            bar.update((bar.total or 0) - bar.n)
        return list(zip(values.tolist(), greedy.tolist(), strict=True))

    def _loglikelihood_tokens(
        self,
        requests: list[tuple[tuple[str, str], list[int], list[int]]],
        disable_tqdm: bool = False,
        **kwargs: Any,
    ) -> list[tuple[float, bool]]:
        answers = self._score([(context, scored) for _, context, scored in requests], disable_tqdm)
        for (texts, _, _), answer in zip(requests, answers, strict=True):
            self.cache_hook.add_partial("loglikelihood", texts, answer)
        return answers

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        windows: list[tuple[list[int], list[int]]] = []
        counts = []
        for request in requests:
            pairs = [
                make_disjoint_window(window)
                for window in get_rolling_token_windows(
                    token_list=self.tok_encode(request.args[0]),
                    prefix_token=self.prefix_token_id,
                    max_seq_len=self.max_length,
                    context_len=1,
                )
            ]
            windows.extend(pairs)
            counts.append(len(pairs))
        answers = iter(self._score(windows, disable_tqdm))
        sums = []
        for request, count in zip(requests, counts, strict=True):
            sums.append(sum(next(answers)[0] for _ in range(count)))
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, sums[-1])
        return sums

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        texts = []
        for request in tqdm(requests, desc="Running generate_until requests", disable=disable_tqdm):
            prompt, given = request.args
            texts.append(self._generate(prompt, given))
            self.cache_hook.add_partial("generate_until", (prompt, given), texts[-1])
        return texts

    def _generate(self, prompt: str, given: dict[str, Any]) -> str:
        options = normalize_gen_kwargs(given, self.max_gen_toks)
        unknown = set(options) - {*_SAMPLING_KEYS, "max_gen_toks"}
        if options["do_sample"] or options.get("temperature", 0.0) > 0:
            unknown |= {"do_sample", "temperature"} & set(given)
        if unknown:
            raise ValueError(f"generation_kwargs: {', '.join(sorted(unknown))}: not supported")
        end = None if self.eot_token_id is None else self.tok_decode([self.eot_token_id], False)
        until = [stop for stop in handle_stop_sequences(options["until"], eos=end) if stop]
        most_tokens = options["max_gen_toks"]
        most_context = self.max_length - most_tokens
        if most_context < 1:
            raise ValueError(
                f"{most_tokens} generated tokens do not fit in a context of {self.max_length}"
            )
        ids = self.tok_encode(prompt)[-most_context:]
        text = self.model.generate(ids, max_tokens=most_tokens, stop=until).text
        return postprocess_generated_text(text, until, None)

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """The source of the template that is used; named ones by `chat_template`."""
        if chat_template is False or chat_template is None:
            return None
        templates = self._tokens.chat_templates
        name = chat_template if isinstance(chat_template, str) else "default"
        if name not in templates:
            raise ValueError(f"chat template '{name}': the model has {sorted(templates) or 'none'}")
        self._chat_template_name = name
        return templates[name]

    _chat_template_name = "default"

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        def render(messages: list[dict[str, str]]) -> str:
            return self._tokens.apply_chat_template(
                messages,
                add_generation_prompt=add_generation_prompt,
                continue_final_message=not add_generation_prompt,
                name=self._chat_template_name,
            )

        try:
            return render(chat_history)
        except Error as error:
            without_system = [m for m in chat_history if m["role"] != "system"]
            if len(without_system) == len(chat_history):
                raise
            _log.warning("the chat template refuses a system message, so it is left out: %s", error)
            return render(without_system)
