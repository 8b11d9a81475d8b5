"""What the server answers: what `anemone run` says, whoever else asks."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

from running_server import MODEL, RunningServer
from server_case import greedy, main, PROGRAM, ServerCase

PROMPTS = [
    "Once upon a time", "The sea was", "Fix the typos: Thiss is a sentnce.", "In the morning the old man", "\"Where are you going?\"",
    "There is no", "It was a dark night and", "She said that", "A horse and a cart", "The first of the three brothers",
    "He had never seen", "What is a day?",
]


def run_alone(prompt, tokens=24):
    """What `anemone run` says."""
    done = subprocess.run([PROGRAM, "run", MODEL, prompt, "-n", str(tokens), "--json", "-q"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class Answers(ServerCase):
    def test_an_answer_is_what_run_says(self):
        for prompt in PROMPTS[:3]:
            alone = run_alone(prompt)
            status, document = self.server.post("/v1/completions", greedy(prompt))
            self.assertEqual(status, 200, document)
            self.assertEqual(document["choices"][0]["text"], alone["text"])
            self.assertEqual(document["usage"]["completion_tokens"], len(alone["tokens"]))
            self.assertEqual(document["usage"]["prompt_tokens"], alone["prompt_tokens"])

    def test_concurrent_answers_are_those_of_single_ones_token_by_token(self):
        def ask(number):
            prompt = PROMPTS[number % len(PROMPTS)]
            body = dict(greedy(prompt, 8 + number % 24), logprobs=0)
            status, document = self.server.post("/v1/completions", body)
            assert status == 200, document
            told = document["choices"][0]["logprobs"]
            return number, told["tokens"], told["token_logprobs"], document["choices"][0]["text"]

        alone = [ask(number) for number in range(48)]
        steps, advanced = self.server.metric("steps_total"), self.server.metric("step_answers_total")
        with ThreadPoolExecutor(48) as pool:
            together = list(pool.map(ask, range(48)))
        self.assertEqual(together, alone)
        batch = (self.server.metric("step_answers_total") - advanced) / (self.server.metric("steps_total") - steps)
        self.assertGreater(batch, 3, "they were not advanced together")

    def test_a_stream_says_what_a_document_says(self):
        body = {"messages": [{"role": "user", "content": "Tell me of the sea."}], "max_tokens": 20, "temperature": 0}
        _, document = self.server.post("/v1/chat/completions", body)
        events = self.server.events("/v1/chat/completions", dict(body, stream_options={"include_usage": True}))
        usage = events.pop()
        self.assertEqual(usage["choices"], [])
        self.assertEqual({k: v for k, v in usage["usage"].items() if k != "prompt_tokens_details"},
                         {k: v for k, v in document["usage"].items() if k != "prompt_tokens_details"})
        self.assertEqual(events[0]["choices"][0]["delta"], {"role": "assistant", "content": ""})
        text = "".join(e["choices"][0]["delta"].get("content", "") for e in events)
        self.assertEqual(text, document["choices"][0]["message"]["content"])
        self.assertEqual([e["choices"][0]["finish_reason"] for e in events if e["choices"][0]["finish_reason"]],
                         [document["choices"][0]["finish_reason"]])
        self.assertTrue(all(e["usage"] is None for e in events))
        self.assertGreater(len(events), 5)

    def test_chat_is_the_template(self):
        rendered = subprocess.run([PROGRAM, "run", MODEL, "Tell me of the sea.", "--chat", "-n", "20", "--json", "-q"],
                                  capture_output=True, text=True, check=True)
        body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Tell me "}, {"type": "text", "text": "of the sea."}]}],
                "max_completion_tokens": 20, "temperature": 0}
        _, document = self.server.post("/v1/chat/completions", body)
        self.assertEqual(document["choices"][0]["message"]["content"], json.loads(rendered.stdout)["text"])
        self.assertEqual(document["usage"]["prompt_tokens"], json.loads(rendered.stdout)["prompt_tokens"])

    def test_echo_scores_every_token_of_the_prompt(self):
        prompt = "The old man and the sea"
        status, document = self.server.post("/v1/completions", dict(greedy(prompt, 1), echo=True, logprobs=3))
        self.assertEqual(status, 200, document)
        choice = document["choices"][0]
        told = choice["logprobs"]
        self.assertTrue(choice["text"].startswith(prompt))
        self.assertEqual("".join(told["tokens"][:-1]), prompt)
        self.assertEqual(len(told["tokens"]), document["usage"]["prompt_tokens"] + 1)
        self.assertIsNone(told["token_logprobs"][0])
        self.assertIsNone(told["top_logprobs"][0])
        for token, value, top in list(zip(told["tokens"], told["token_logprobs"], told["top_logprobs"]))[1:]:
            self.assertEqual(top[token], value)
            self.assertLessEqual(value, max(top.values()))
            self.assertIn(len(top), (3, 4))
        self.assertEqual(told["text_offset"], [len("".join(told["tokens"][:i])) for i in range(len(told["tokens"]))])
        # Greedy: the token after the prompt is the likeliest.
        self.assertEqual(told["token_logprobs"][-1], max(told["top_logprobs"][-1].values()))
        # The same without an answer, with ids, and as of several prompts in a request.
        ids = json.loads(subprocess.run([PROGRAM, "tokenize", MODEL, "--json"], input=prompt, capture_output=True, text=True,
                                        check=True).stdout)["ids"]
        _, several = self.server.post("/v1/completions", {"prompt": [ids, ids[:3]], "max_tokens": 0, "echo": True, "logprobs": 3})
        self.assertEqual(several["choices"][0]["logprobs"]["token_logprobs"], told["token_logprobs"][:-1])
        self.assertEqual(several["choices"][1]["logprobs"]["token_logprobs"], told["token_logprobs"][:3])
        self.assertEqual([c["index"] for c in several["choices"]], [0, 1])
        self.assertEqual(several["choices"][0]["text"], prompt)
        # Without the prompt, offsets are those of the text with it.
        alone = self.server.post("/v1/completions", dict(greedy(prompt, 1), logprobs=0))[1]["choices"][0]
        self.assertEqual(alone["logprobs"]["text_offset"], [len(prompt)])
        # Scoring asks no cache, so that nothing was known, the first time and now.
        for usage in (document["usage"], self.server.post("/v1/completions", dict(greedy(prompt, 1), echo=True, logprobs=3))[1]["usage"]):
            self.assertEqual(usage["prompt_tokens_details"], {"cached_tokens": 0})

    def test_logprobs_of_chat(self):
        body = {"messages": [{"role": "user", "content": "Say a word."}], "max_tokens": 6, "temperature": 0, "logprobs": True,
                "top_logprobs": 2}
        _, document = self.server.post("/v1/chat/completions", body)
        content = document["choices"][0]["logprobs"]["content"]
        self.assertEqual(len(content), document["usage"]["completion_tokens"])
        for entry in content:
            self.assertEqual(entry["token"], entry["top_logprobs"][0]["token"])
            self.assertGreaterEqual(entry["logprob"], entry["top_logprobs"][1]["logprob"])
            self.assertEqual(bytes(entry["bytes"]).decode(), entry["token"])
        streamed = [e["choices"][0]["logprobs"]["content"] for e in self.server.events("/v1/chat/completions", body)
                    if e["choices"][0]["logprobs"]]
        self.assertEqual(sum(streamed, []), content)

    def test_seeds_repeat_and_choices_differ(self):
        body = {"prompt": "The", "max_tokens": 16, "temperature": 1, "seed": 7, "n": 3}
        first = self.server.post("/v1/completions", body)[1]
        second = self.server.post("/v1/completions", body)[1]
        texts = [c["text"] for c in first["choices"]]
        self.assertEqual(texts, [c["text"] for c in second["choices"]])
        self.assertEqual(len(set(texts)), 3)
        self.assertEqual(first["usage"]["prompt_tokens"], self.server.post("/v1/completions", greedy("The", 1))[1]["usage"]["prompt_tokens"])
        other = self.server.post("/v1/completions", dict(body, seed=8))[1]
        self.assertNotEqual(texts, [c["text"] for c in other["choices"]])

    def test_the_servers_seed_is_that_of_requests_that_name_none(self):
        chat = {"messages": [{"role": "user", "content": "Say a word."}], "max_tokens": 16}
        requests = (("/v1/completions", {"prompt": "The", "max_tokens": 16}, lambda d: d["choices"][0]["text"]),
                    ("/v1/chat/completions", chat, lambda d: d["choices"][0]["message"]["content"]),
                    ("/v1/responses", {"input": "Say a word.", "max_output_tokens": 16}, lambda d: d["output"][0]["content"][0]["text"]))
        with RunningServer(PROGRAM, "--seed", "7") as seeded, RunningServer(PROGRAM, "--seed", "7") as other:
            for path, body, text in requests:
                with self.subTest(path):
                    first, again, there = (text(server.post(path, body)[1]) for server in (seeded, seeded, other))
                    self.assertEqual([again, there], [first, first])
                    self.assertEqual(text(self.server.post(path, dict(body, seed=7))[1]), first)
                    self.assertNotEqual(text(seeded.post(path, dict(body, seed=8))[1]), first)
                    self.assertGreater(len({text(self.server.post(path, body)[1]) for _ in range(4)}), 1)

    def test_stop_texts_end_an_answer(self):
        whole = self.server.post("/v1/completions", greedy("Once upon a time", 30))[1]["choices"][0]
        stop = whole["text"][20:24]
        cut = self.server.post("/v1/completions", dict(greedy("Once upon a time", 30), stop=[stop]))[1]["choices"][0]
        self.assertEqual(cut["text"], whole["text"][:whole["text"].index(stop)])
        self.assertEqual(cut["finish_reason"], "stop")
        self.assertEqual(self.server.post("/v1/completions", greedy("Once", 3))[1]["choices"][0]["finish_reason"], "length")

    def test_a_prefix_is_computed_once(self):
        system = "You are a careful helper. " * 12
        def ask(question):
            return self.server.post("/v1/chat/completions", {"messages": [{"role": "system", "content": system},
                {"role": "user", "content": question}], "max_tokens": 8, "temperature": 0})[1]
        first, second, again = ask("What is a cat?"), ask("Where is the moon?"), ask("What is a cat?")
        known = second["usage"]["prompt_tokens_details"]["cached_tokens"]
        self.assertGreater(known, 60)
        self.assertEqual(again["choices"][0]["message"], first["choices"][0]["message"])
        self.assertEqual(again["usage"]["prompt_tokens_details"]["cached_tokens"], again["usage"]["prompt_tokens"] - 1)


if __name__ == "__main__":
    main()
