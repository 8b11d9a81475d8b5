"""The documents of the other endpoints, and what flags change of them."""

import json
import re

from running_server import ROOT, RunningServer
from server_case import greedy, main, PROGRAM, ServerCase


class Interface(ServerCase):
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
        buckets = [int(line.rpartition(" ")[2]) for line in text.splitlines()
                   if line.startswith('anemone_request_seconds_bucket{endpoint="/v1/completions",')]
        self.assertGreater(len(buckets), 10)
        self.assertEqual(buckets, sorted(buckets))

    def test_metrics_are_told_by_endpoint_and_have_no_other_labels(self):
        def counted(name, endpoint):
            _, _, text = self.server.request("GET", "/metrics")
            return sum(float(line.rpartition(" ")[2]) for line in text.splitlines()
                       if line.startswith(f'anemone_{name}{{endpoint="{endpoint}"'))

        before = {path: counted("generated_tokens_total", path) for path in ("/v1/completions", "/v1/responses")}
        self.server.post("/v1/responses", {"input": "Hi.", "max_output_tokens": 3, "temperature": 0})
        self.assertEqual(counted("generated_tokens_total", "/v1/completions"), before["/v1/completions"])
        self.assertEqual(counted("generated_tokens_total", "/v1/responses"), before["/v1/responses"] + 3)
        asked, healthy = counted("request_seconds_count", "/v1/completions"), counted("request_seconds_count", "/health")
        self.server.request("GET", "/health")
        self.assertEqual(counted("request_seconds_count", "/v1/completions"), asked)
        self.assertEqual(counted("request_seconds_count", "/health"), healthy + 1)
        # What clients make up is no label.
        for path in ("/a", "/b", "/v1/models/c", "/v1/models/d", "/v1/completions/"):
            self.server.request("GET", path)
        _, _, text = self.server.request("GET", "/metrics")
        labels = {line.split('endpoint="')[1].split('"')[0] for line in text.splitlines() if 'endpoint="' in line}
        self.assertLessEqual(labels, {"none", "/", "/chat.css", "/chat.js", "/health", "/metrics", "/v1/chat/completions", "/v1/completions",
                                      "/v1/models", "/v1/models/", "/v1/responses"})
        self.assertGreaterEqual(counted("requests_total", "none"), 3)
        table = (ROOT / "docs" / "serving.md").read_text().split("## What it answers")[1].split("\n\n")[1]
        self.assertLessEqual(labels - {"none"}, set(re.findall(r"`(?:GET |POST )?(/[^`]*)`", table)), "docs/serving.md names them")

    def test_a_name_may_be_given(self):
        with RunningServer(PROGRAM, "--name", "one", "--name", "two") as server:
            for name, status in (("one", 200), ("two", 200), ("anemone-tiny-anemll", 404)):
                found, document = server.post("/v1/completions", dict(greedy("A", 1), model=name))
                self.assertEqual(found, status)
                self.assertEqual(document.get("model"), name if status == 200 else None)

    def test_a_small_limit_of_tokens_is_taken_where_nothing_is_asked(self):
        with RunningServer(PROGRAM, "--max-tokens", "8") as server:
            status, document = server.post("/v1/completions", {"prompt": "Once upon a time", "temperature": 0})
            self.assertEqual((status, document["usage"]["completion_tokens"]), (200, 8), document)
            self.assertEqual(server.post("/v1/completions", greedy("Once", 9))[0], 400)


if __name__ == "__main__":
    main()
