"""Answers that must have a form: schemas and calls of tools."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from running_server import RunningServer
from server_case import greedy, main, PROGRAM, ServerCase


class Forms(ServerCase):
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


if __name__ == "__main__":
    main()
