#!/usr/bin/env python3
"""What the server does, through plain HTTP.

    server_test.py ANEMONE [TEST ...]
"""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from running_server import MODEL, RunningServer

PROMPTS = [
    "Once upon a time", "The sea was", "Fix the typos: Thiss is a sentnce.", "In the morning the old man", "\"Where are you going?\"",
    "There is no", "It was a dark night and", "She said that", "A horse and a cart", "The first of the three brothers",
    "He had never seen", "What is a day?",
]


def greedy(prompt, tokens=24):
    return {"prompt": prompt, "max_tokens": tokens, "temperature": 0}


def run_alone(prompt, tokens=24):
    """What `anemone run` says."""
    done = subprocess.run([PROGRAM, "run", MODEL, prompt, "-n", str(tokens), "--json", "-q"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = RunningServer(PROGRAM)
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

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

    def test_responses(self):
        body = {"input": "Tell me of the sea.", "instructions": "Be brief.", "max_output_tokens": 12, "temperature": 0}
        _, document = self.server.post("/v1/responses", body)
        self.assertEqual(document["object"], "response")
        self.assertEqual(document["status"], "incomplete")
        self.assertEqual(document["incomplete_details"], {"reason": "max_output_tokens"})
        text = document["output"][0]["content"][0]["text"]
        chat = self.server.post("/v1/chat/completions", {"messages": [{"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Tell me of the sea."}], "max_tokens": 12, "temperature": 0})[1]
        self.assertEqual(text, chat["choices"][0]["message"]["content"])
        events = self.server.events("/v1/responses", body)
        self.assertEqual([e["sequence_number"] for e in events], list(range(len(events))))
        self.assertEqual("".join(e["delta"] for e in events if e["type"] == "response.output_text.delta"), text)
        self.assertEqual(events[-1]["type"], "response.incomplete")
        self.assertEqual(events[-1]["response"]["output"][0]["content"], document["output"][0]["content"])

    def test_a_response_repeats_what_was_asked(self):
        plain = self.server.post("/v1/responses", {"input": "Hi.", "max_output_tokens": 2})[1]
        self.assertEqual((plain["instructions"], plain["tool_choice"], plain["tools"], plain["text"]), (None, "auto", [], {"format": {"type": "text"}}))
        asked = {"instructions": "x", "tool_choice": "required", "tools": [{"type": "function", "name": "f", "strict": True, "parameters": {
            "type": "object", "properties": {"x": {"enum": [1, 2]}}, "required": ["x"], "additionalProperties": False}}]}
        _, document = self.server.post("/v1/responses", dict(asked, input="Hi."))
        self.assertEqual({name: document[name] for name in asked}, asked)
        form = {"format": {"type": "json_schema", "name": "yes", "strict": True, "schema": {"type": "boolean"}}}
        _, document = self.server.post("/v1/responses", {"input": "Hi.", "text": form})
        self.assertEqual(document["text"], form)

    def test_a_call_that_is_cut_off_is_a_call(self):
        tool = {"name": "speak", "parameters": {"type": "object", "properties": {"words": {"const": "word " * 40}}, "required": ["words"]}}
        body = {"messages": [{"role": "user", "content": "Do it."}], "tools": [{"type": "function", "function": tool}],
                "tool_choice": "required", "max_tokens": 40, "temperature": 0}
        choice, = self.server.post("/v1/chat/completions", body)[1]["choices"]
        self.assertEqual(choice["finish_reason"], "length")
        call, = choice["message"]["tool_calls"]
        self.assertEqual(call["function"]["name"], "speak")
        self.assertTrue(call["function"]["arguments"].startswith('{"words": "word word'), call)
        pieces = [piece["function"]["arguments"] for e in self.server.events("/v1/chat/completions", body)
                  for piece in e["choices"][0]["delta"].get("tool_calls", [])]
        self.assertEqual("".join(pieces), call["function"]["arguments"])

    def test_an_answer_has_the_form_that_is_asked_for(self):
        schema = {"type": "object", "properties": {"ok": {"type": "boolean"}, "n": {"type": "integer"}}, "required": ["ok", "n"],
                  "additionalProperties": False}
        body = {"messages": [{"role": "user", "content": "Answer."}], "temperature": 1, "max_tokens": 60, "n": 4,
                "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}}
        for seed in range(6):
            status, document = self.server.post("/v1/chat/completions", dict(body, seed=seed))
            self.assertEqual(status, 200, document)
            for choice in document["choices"]:
                if choice["finish_reason"] == "stop":
                    self.assertEqual(list(json.loads(choice["message"]["content"])), ["ok", "n"])
        _, document = self.server.post("/v1/chat/completions", dict(body, n=1, temperature=0, max_tokens=300,
                                                                    response_format={"type": "json_object"}))
        if document["choices"][0]["finish_reason"] == "stop":
            self.assertIsInstance(json.loads(document["choices"][0]["message"]["content"]), dict)
        for wrong, field in (({"type": "yaml"}, "response_format"), ({"type": "json_schema"}, "response_format"),
                             ({"type": "json_schema", "json_schema": {"schema": {"type": 7}, "strict": True}}, "response_format.json_schema.schema")):
            status, document = self.server.post("/v1/chat/completions", dict(body, response_format=wrong))
            self.assertEqual((status, document["error"]["param"]), (400, field))

    def test_tools_are_called(self):
        tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {
            "x": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["x"], "additionalProperties": False}}} for name in ("one", "two")]
        body = {"messages": [{"role": "user", "content": "Do it."}], "tools": tools, "tool_choice": "required", "temperature": 1,
                "max_tokens": 400, "parallel_tool_calls": False}
        for seed in range(6):
            status, document = self.server.post("/v1/chat/completions", dict(body, seed=seed))
            self.assertEqual(status, 200, document)
            choice = document["choices"][0]
            self.assertEqual(choice["finish_reason"], "tool_calls", choice)
            self.assertIsNone(choice["message"]["content"])
            call, = choice["message"]["tool_calls"]
            self.assertIn(call["function"]["name"], ("one", "two"))
            self.assertIn(json.loads(call["function"]["arguments"])["x"], range(10))
            events = self.server.events("/v1/chat/completions", dict(body, seed=seed))
            pieces = [piece["function"] for e in events for piece in e["choices"][0]["delta"].get("tool_calls", [])]
            self.assertEqual(pieces[0]["name"], call["function"]["name"])
            self.assertEqual("".join(piece["arguments"] for piece in pieces), call["function"]["arguments"])
            self.assertEqual(events[-1]["choices"][0]["finish_reason"], "tool_calls")
        status, document = self.server.post("/v1/chat/completions", dict(body, tool_choice={"type": "function", "function": {"name": "two"}}))
        self.assertEqual(document["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "two")
        for change in ({"tools": []}, {"tool_choice": {"type": "function", "function": {"name": "three"}}}, {"tool_choice": "always"},
                       {"tools": [{"type": "function"}]}, {"response_format": {"type": "json_object"}}):
            self.assertEqual(self.server.post("/v1/chat/completions", dict(body, **change))[0], 400, change)

    def test_models_health_and_metrics(self):
        _, _, text = self.server.request("GET", "/v1/models")
        model = json.loads(text)["data"][0]
        self.assertEqual(model["object"], "model")
        _, _, text = self.server.request("GET", "/v1/models/" + model["id"])
        self.assertEqual(json.loads(text), model)
        self.assertEqual(json.loads(self.server.request("GET", "/v1/models/" + model["id"].replace("-", "%2D"))[2]), model)
        for other in ("other", "%2", "%", "%zz", model["id"] + "%00"):
            self.assertEqual(self.server.request("GET", "/v1/models/" + other)[0], 404, other)
        before = self.server.metric("generated_tokens_total")
        self.server.post("/v1/completions", greedy("The sea", 5))
        self.assertEqual(self.server.metric("generated_tokens_total"), before + 5)
        self.assertEqual(self.server.metric("running_answers"), 0)
        _, headers, text = self.server.request("GET", "/metrics")
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        self.assertRegex(text, r'anemone_requests_total\{endpoint="/v1/completions",status="200"\} \d')
        buckets = [int(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("anemone_request_seconds_bucket")]
        self.assertEqual(buckets, sorted(buckets))


class Limits(unittest.TestCase):
    def test_a_key_is_asked_for_and_never_printed(self):
        key = "a-key-that-nobody-guesses"
        for flags, environment in ((("--api-key", key), {}), ((), {"ANEMONE_API_KEY": key})):
            with RunningServer(PROGRAM, "-v", *flags, environment=environment) as server:
                right = {"Authorization": f"Bearer {key}"}
                for headers, status in (({}, 401), ({"Authorization": "Bearer no"}, 401), ({"Authorization": key}, 401),
                                        ({"Authorization": f"Bearer {key}x"}, 401), ({"Authorization": "Bearer "}, 401), (right, 200)):
                    found, _, text = server.request("GET", "/v1/models", headers=headers)
                    self.assertEqual(found, status, headers)
                    self.assertNotIn(key, text)
                self.assertEqual(server.post("/v1/completions", greedy("A", 1))[0], 401)
                self.assertEqual(server.request("GET", "/metrics")[0], 401)
                self.assertEqual(server.request("GET", "/health")[0], 200)
                self.assertEqual(server.request("GET", "/")[0], 200)
                server.stop()
                words = "".join(server.words)
                self.assertIn("GET /v1/models 401", words)
                self.assertNotIn(key, words)
        done = subprocess.run([PROGRAM, "serve", "--help"], capture_output=True, text=True, check=True, env=dict(os.environ, ANEMONE_API_KEY=key))
        self.assertNotIn(key, done.stdout + done.stderr)

    def test_origins_are_allowed_by_name(self):
        with RunningServer(PROGRAM, "--cors-origin", "http://page.test") as server:
            for origin, allowed in (("http://page.test", True), ("http://other.test", False)):
                _, headers, _ = server.request("GET", "/v1/models", headers={"Origin": origin})
                self.assertEqual(headers["Access-Control-Allow-Origin"], origin if allowed else None)
                status, headers, _ = server.request("OPTIONS", "/v1/chat/completions", headers={
                    "Origin": origin, "Access-Control-Request-Method": "POST"})
                self.assertEqual(status, 204 if allowed else 405)
                self.assertEqual(headers["Access-Control-Allow-Headers"], "Authorization, Content-Type" if allowed else None)
                self.assertIn("Origin", headers["Vary"])
            # As OpenAI's client asks in a browser.
            wanted = "authorization,content-type,x-stainless-arch,x-stainless-retry-count"
            for asked, answered in ((wanted, wanted), ("x-\xe9, y", "Authorization, Content-Type")):
                _, headers, _ = server.request("OPTIONS", "/v1/chat/completions", headers={
                    "Origin": "http://page.test", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked})
                self.assertEqual(headers["Access-Control-Allow-Headers"], answered)

    def test_a_server_of_this_machine_answers_to_its_names_alone(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("this machine has no ::1")
        with RunningServer(PROGRAM, "--host", "::1") as server:
            self.assertEqual(server.host, "::1")
            for host, status in ((f"[::1]:{server.port}", 200), ("localhost", 200), ("evil.example", 403), ("::1.evil.example", 403)):
                self.assertEqual(server.request("GET", "/v1/models", headers={"Host": host})[0], status, host)

    def test_a_server_of_other_addresses_without_a_key_says_so(self):
        for flags, told in (((), True), (("--api-key", "secret"), False)):
            with RunningServer(PROGRAM, "-v", "--host", "0.0.0.0", *flags) as server:
                self.assertEqual(server.request("GET", "/health", headers={"Host": "a.example"})[0], 200)
                server.stop()
                self.assertEqual("there is no API key" in "".join(server.words), told)

    def test_a_small_limit_of_tokens_is_taken_where_nothing_is_asked(self):
        with RunningServer(PROGRAM, "--max-tokens", "8") as server:
            status, document = server.post("/v1/completions", {"prompt": "Once upon a time", "temperature": 0})
            self.assertEqual((status, document["usage"]["completion_tokens"]), (200, 8), document)
            self.assertEqual(server.post("/v1/completions", greedy("Once", 9))[0], 400)

    def test_guesses_change_no_answer_with_a_form(self):
        tool = {"type": "function", "function": {"name": "note", "parameters": {"type": "object", "properties": {
            "words": {"type": "array", "items": {"enum": ["sea", "ship", "ship ahoy"]}, "minItems": 3, "maxItems": 6}}, "required": ["words"],
            "additionalProperties": False}}}
        asked = [{"messages": [{"role": "user", "content": f"Say it {seed} times: [\"sea\", \"ship\", \"sea\"]"}], "temperature": seed % 3 / 2,
                  "seed": seed, "max_tokens": 200, **form} for seed in range(4) for form in (
                      {"tools": [tool], "tool_choice": "required"}, {"response_format": {"type": "json_schema", "json_schema": {
                          "name": "a", "schema": tool["function"]["parameters"]}}})]
        answers = []
        for flags in ((), ("--speculate", "ngram")):
            with RunningServer(PROGRAM, *flags) as server, ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda body: server.post("/v1/chat/completions", body), asked))
                self.assertEqual({status for status, _ in found}, {200})
                answers.append([(c["message"]["content"], [call["function"] for call in c["message"].get("tool_calls", [])], c["finish_reason"])
                                for c in (document["choices"][0] for _, document in found)])
        self.assertEqual(*answers)

    def test_a_name_may_be_given(self):
        with RunningServer(PROGRAM, "--name", "one", "--name", "two") as server:
            for name, status in (("one", 200), ("two", 200), ("anemone-tiny-anemll", 404)):
                found, document = server.post("/v1/completions", dict(greedy("A", 1), model=name))
                self.assertEqual(found, status)
                self.assertEqual(document.get("model"), name if status == 200 else None)

    def test_a_full_queue_refuses(self):
        with RunningServer(PROGRAM, "--parallel", "1", "--queue", "1") as server:
            with ThreadPoolExecutor(12) as pool:
                found = list(pool.map(lambda _: server.post("/v1/completions", greedy("Once", 400)), range(12)))
            statuses = sorted(status for status, _ in found)
            self.assertIn(429, statuses)
            self.assertIn(200, statuses)
            self.assertLessEqual(set(statuses), {200, 429})
            self.assertEqual(server.post("/v1/completions", greedy("Once", 2))[0], 200)

    def test_too_many_connections_are_told_so(self):
        with RunningServer(PROGRAM, "--connections", "4") as server:
            held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
            time.sleep(0.3)
            self.assertEqual(server.request("GET", "/health")[0], 503)
            for each in held:
                each.close()
            end = time.monotonic() + 10
            while server.request("GET", "/health")[0] != 200:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)

    def test_a_client_that_leaves_frees_the_model(self):
        with RunningServer(PROGRAM) as server:
            for streams in (True, False):
                before = server.metric("disconnected_total")
                client = server.connection()
                client.request("POST", "/v1/completions", json.dumps(dict(greedy("Once", 1000), n=16, temperature=1, stream=streams)),
                               {"Content-Type": "application/json"})
                server_side = time.monotonic() + 20
                while server.metric("running_answers") == 0:
                    self.assertLess(time.monotonic(), server_side)
                client.close()
                server.wait_for("running_answers", 0)
                server.wait_for("waiting_answers", 0)
                self.assertGreater(server.metric("disconnected_total"), before)

    def test_a_client_that_leaves_is_noticed_behind_what_it_sent_more(self):
        with RunningServer(PROGRAM) as server:
            for more in (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\r\n", b"x" * 2_000_000):
                before = server.metric("disconnected_total")
                body = json.dumps(dict(greedy("Once", 900), n=16, temperature=1)).encode()
                with socket.create_connection(("127.0.0.1", server.port)) as client:
                    client.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                   b"Content-Length: %d\r\n\r\n" % len(body) + body)
                    client.sendall(more)
                    end = time.monotonic() + 20
                    while server.metric("running_answers") == 0:
                        self.assertLess(time.monotonic(), end)
                self.assertEqual(server.metric("disconnected_total"), before, "it had not left yet")
                server.wait_for("running_answers", 0, seconds=2)
                server.wait_for("waiting_answers", 0)
                self.assertEqual(server.metric("disconnected_total"), before + 16)

    def test_bodies_of_all_together_are_bounded(self):
        with RunningServer(PROGRAM, "--max-bodies-bytes", "100000") as server:
            begun = (b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 90000\r\n\r\n" + b" " * 70_000)
            with socket.create_connection(("127.0.0.1", server.port)) as first:
                first.sendall(begun)
                time.sleep(0.3)
                self.assertEqual(server.post("/v1/completions", greedy("A", 1))[0], 200)  # a small one fits
                with socket.create_connection(("127.0.0.1", server.port)) as second:
                    second.sendall(begun)
                    self.assertTrue(second.recv(65536).startswith(b"HTTP/1.1 503"))
                first.sendall(b'{"prompt":"A","max_tokens":1,"n":1,"stream":false}'.ljust(20_000))
                self.assertTrue(first.recv(65536).startswith(b"HTTP/1.1 200"))
            with socket.create_connection(("127.0.0.1", server.port)) as third:  # their share is given back
                third.sendall(begun + b'{"prompt":"A","max_tokens":1}'.ljust(20_000))
                self.assertTrue(third.recv(65536).startswith(b"HTTP/1.1 200"))

    def test_requests_in_a_row_are_answered_in_a_row(self):
        with RunningServer(PROGRAM) as server:
            bodies = [json.dumps(dict(greedy("Once", tokens), stream=stream)).encode() for tokens, stream in ((30, False), (3, True), (1, False))]
            sent = b"".join(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s"
                            b"Content-Length: %d\r\n\r\n%s" % (b"Connection: close\r\n" if body == bodies[-1] else b"", len(body), body)
                            for body in bodies)
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                for at in range(0, len(sent), 100):  # while the first one is answered
                    client.sendall(sent[at:at + 100])
                    time.sleep(0.005)
                received = b""
                while piece := client.recv(65536):
                    received += piece
            self.assertEqual(received.count(b"HTTP/1.1 200 OK"), 3, received)

    def test_no_form_stops_the_others(self):
        def form(schema):
            return {"messages": [{"role": "user", "content": "x"}], "max_tokens": 60,
                    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}}
        hostile = [
            ({"type": "string", "pattern": "^" + "a?" * 40_000 + "$"}, {400}),  # too long
            ({"type": "string", "pattern": "^" + "a?" * 1000 + "$"}, {400}),  # too much work at once
            ({"type": "string", "pattern": "^[xyz]{3}" + "a?" * 1000 + "$"}, {400}),  # too much work later
            ({"anyOf": [{"type": "string", "pattern": "^[xyz]{3}%d%s$" % (i, "a?" * 500)} for i in range(7)]}, {200, 400}),
            ({"const": "word and other " * 4000}, {200}),
            ({"$ref": "#"}, {400}),  # nothing can be written
        ]
        with RunningServer(PROGRAM) as server:
            arrivals = [0.0]
            ended = threading.Event()

            def read_streams():
                while not ended.is_set():
                    connection = server.connection()
                    connection.request("POST", "/v1/completions", json.dumps(dict(greedy("Once", 900), stream=True, temperature=1, logit_bias={"0": -100})),
                                       {"Content-Type": "application/json"})
                    response = connection.getresponse()
                    last = time.monotonic()
                    while response.read1(65536):
                        arrivals.append(time.monotonic() - last)
                        last = time.monotonic()
                    connection.close()
            with ThreadPoolExecutor(1) as pool:
                reading = pool.submit(read_streams)
                while len(arrivals) < 20:
                    time.sleep(0.01)
                for schema, statuses in hostile:
                    began = time.monotonic()
                    status, document = server.post("/v1/chat/completions", form(schema))
                    print(f"{json.dumps(schema)[:60]}: {status} after {time.monotonic() - began:.2f} s, longest gap {max(arrivals):.3f} s")
                    self.assertIn(status, statuses, document)
                    if status == 400:
                        self.assertTrue(document["error"]["param"].startswith("response_format"), document)
                ended.set()
                reading.result()
            self.assertLess(max(arrivals), 1.5)

    def test_a_slow_reader_loses_its_answer(self):
        with RunningServer(PROGRAM, "--max-unread-bytes", "2000") as server:
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                client.connect(("127.0.0.1", server.port))
                # Much to write for each token, so that the buffers of the system are soon full.
                body = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "stream": True, "logprobs": True, "n": 16,
                                   "top_logprobs": 20, "temperature": 1, "logit_bias": {"0": -100}}).encode()
                client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(body) + body)
                end = time.monotonic() + 60
                while server.metric("slow_readers_total") == 0:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.1)
                server.wait_for("running_answers", 0)
            self.assertEqual(server.post("/v1/completions", greedy("Once", 2))[0], 200)

    def test_an_answer_that_takes_too_long_ends(self):
        with RunningServer(PROGRAM, "--request-seconds", "1", "--parallel", "1") as server:
            def ask(_):
                return server.post("/v1/completions", dict(greedy("Once", 1000), n=8, temperature=1))
            with ThreadPoolExecutor(6) as pool:
                found = list(pool.map(ask, range(6)))
            late = [document for status, document in found if status == 503]
            self.assertTrue(late, found)
            self.assertEqual(late[0]["error"]["code"], "time_limit")
            self.assertGreater(server.metric("timed_out_total"), 0)

    def test_silent_streams_get_pings(self):
        with RunningServer(PROGRAM, "--ping-seconds", "1", "--parallel", "1") as server:
            def ask(_):
                return server.request("POST", "/v1/completions", dict(greedy("Once", 1000), n=10, temperature=1, stream=True))
            with ThreadPoolExecutor(3) as pool:
                found = list(pool.map(ask, range(3)))
            self.assertEqual([status for status, _, _ in found], [200] * 3)
            self.assertTrue(any(": ping\n\n" in text for _, _, text in found))
            self.assertTrue(all(text.endswith("data: [DONE]\n\n") for _, _, text in found))


class Ends(unittest.TestCase):
    def test_answers_in_progress_are_finished(self):
        for sent in (signal.SIGTERM, signal.SIGINT):
            with RunningServer(PROGRAM) as server:
                idle = server.connection()
                idle.request("GET", "/health")
                idle.getresponse().read()
                with ThreadPoolExecutor(1) as pool:
                    answer = pool.submit(server.post, "/v1/completions", dict(greedy("Once", 1000), n=8, temperature=1))
                    while server.metric("running_answers") == 0:
                        time.sleep(0.01)
                    code = server.stop(sent)
                    status, document = answer.result()
                self.assertEqual(code, 0)
                self.assertEqual(status, 200)
                self.assertEqual(len(document["choices"]), 8)
                self.assertRaises(OSError, server.request, "GET", "/health")

    def test_answers_that_take_too_long_are_given_up(self):
        with RunningServer(PROGRAM, "--shutdown-seconds", "0", "--parallel", "1") as server:
            with ThreadPoolExecutor(1) as pool:
                answer = pool.submit(server.post, "/v1/completions", dict(greedy("Once", 1000), n=16, temperature=1))
                while server.metric("running_answers") == 0:
                    time.sleep(0.01)
                began = time.monotonic()
                code = server.stop()
                status, document = answer.result()
            self.assertEqual(code, 0)
            self.assertLess(time.monotonic() - began, 10)
            self.assertEqual((status, document["error"]["code"]), (503, "shutting_down"))


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
