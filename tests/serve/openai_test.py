#!/usr/bin/env python3
"""The `openai` client (from PyPI) against the server. Run by scripts/peers/serve; without the package: exit 77, a skip.

    openai_test.py ANEMONE
"""
import json
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from running_server import SKIPPED, VENV, RunningServer

MODEL = "anemone-tiny-anemll"
KEY = "test-key"
ASKED = [{"role": "user", "content": "Tell me of the sea."}]


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = RunningServer(PROGRAM, "--api-key", KEY)
        cls.server.__enter__()
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key=KEY, max_retries=0)
        cls.model = cls.client.models.list().data[0].id

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.__exit__()

    def test_models(self):
        self.assertEqual(self.client.models.retrieve(self.model).id, self.model)

    def test_chat(self):
        answer = self.client.chat.completions.create(model=self.model, messages=ASKED, temperature=0, max_tokens=16)
        self.assertEqual(answer.object, "chat.completion")
        self.assertEqual(answer.choices[0].message.role, "assistant")
        self.assertTrue(answer.choices[0].message.content)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)

    def test_stream(self):
        whole = self.client.chat.completions.create(model=self.model, messages=ASKED, temperature=0, max_tokens=16)
        chunks = list(self.client.chat.completions.create(model=self.model, messages=ASKED, temperature=0, max_tokens=16, stream=True,
                                                          stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)

    def test_stream_that_is_left(self):
        with self.client.chat.completions.create(model=self.model, messages=ASKED, stream=True) as stream:
            next(iter(stream))

    def test_completions(self):
        answer = self.client.completions.create(model=self.model, prompt=["Once upon", "The sea"], max_tokens=4, logprobs=2, echo=True)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1])
        self.assertTrue(answer.choices[1].text.startswith("The sea"))
        self.assertEqual(len(answer.choices[0].logprobs.tokens), len(answer.choices[0].logprobs.token_logprobs))

    def test_responses(self):
        answer = self.client.responses.create(model=self.model, input="Tell me of the sea.", temperature=0, max_output_tokens=12)
        self.assertEqual(answer.status, "incomplete")
        self.assertTrue(answer.output_text)
        with self.client.responses.stream(model=self.model, input="Tell me of the sea.", temperature=0, max_output_tokens=12) as stream:
            text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        self.assertEqual(text, answer.output_text)

    def test_json_schema(self):
        schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
                  "required": ["name", "age"], "additionalProperties": False}
        form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}
        for seed in range(8):
            answer = self.client.chat.completions.create(model=self.model, messages=ASKED, temperature=1, seed=seed, response_format=form)
            found = json.loads(answer.choices[0].message.content)
            self.assertEqual(answer.choices[0].finish_reason, "stop")
            self.assertEqual(list(found), ["name", "age"])
            self.assertIsInstance(found["age"], int)
            self.assertLessEqual(len(found["name"]), 12)
        answer = self.client.chat.completions.create(model=self.model, messages=ASKED, temperature=0, max_tokens=200, response_format=form, stream=True)
        json.loads("".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices))
        answer = self.client.responses.create(model=self.model, input="Who?", text={"format": {"type": "json_schema", "name": "person",
                                                                                               "schema": schema, "strict": True}})
        self.assertEqual(list(json.loads(answer.output_text)), ["name", "age"])
        with self.assertRaises(openai.BadRequestError) as wrong:
            self.client.chat.completions.create(model=self.model, messages=ASKED, response_format={
                "type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "strange"}, "strict": True}})
        self.assertEqual(wrong.exception.param, "response_format.json_schema.schema")

    def test_tools(self):
        tools = [{"type": "function", "function": {"name": "get_weather", "description": "The weather of a city.", "parameters": {
            "type": "object", "properties": {"city": {"type": "string", "enum": ["Bern", "Rome"]}}, "required": ["city"],
            "additionalProperties": False}}}]
        asked = [{"role": "user", "content": "What is the weather in Rome?"}]
        for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
            answer = self.client.chat.completions.create(model=self.model, messages=asked, tools=tools, tool_choice=choice, temperature=0,
                                                         parallel_tool_calls=False)
            self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
            call = answer.choices[0].message.tool_calls[0]
            self.assertEqual(call.function.name, "get_weather")
            self.assertIn(json.loads(call.function.arguments)["city"], ("Bern", "Rome"))
        # What came of it goes back in.
        more = [*asked, answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "Rain."}]
        self.assertTrue(self.client.chat.completions.create(model=self.model, messages=more, tools=tools, temperature=0, max_tokens=12).choices)
        # The same in pieces.
        name, arguments, reason = "", "", None
        for chunk in self.client.chat.completions.create(model=self.model, messages=asked, tools=tools, tool_choice="required", temperature=0,
                                                         parallel_tool_calls=False, stream=True):
            for piece in chunk.choices[0].delta.tool_calls or []:
                self.assertEqual(piece.index, 0)
                name += piece.function.name or ""
                arguments += piece.function.arguments or ""
            reason = chunk.choices[0].finish_reason or reason
        self.assertEqual((name, arguments, reason), ("get_weather", call.function.arguments, "tool_calls"))
        # Nothing is called where it may not be.
        answer = self.client.chat.completions.create(model=self.model, messages=asked, tools=tools, tool_choice="none", max_tokens=12)
        self.assertIsNone(answer.choices[0].message.tool_calls)
        answer = self.client.responses.create(model=self.model, input=asked[0]["content"], temperature=0, tool_choice="required",
                                              parallel_tool_calls=False, tools=[dict(tools[0]["function"], type="function")])
        self.assertEqual([(item.type, item.name) for item in answer.output], [("function_call", "get_weather")])
        self.assertEqual(json.loads(answer.output[0].arguments), json.loads(call.function.arguments))

    def test_errors_are_the_client_s_own(self):
        with self.assertRaises(openai.NotFoundError):
            self.client.chat.completions.create(model="gpt-9", messages=ASKED)
        with self.assertRaises(openai.BadRequestError) as wrong:
            self.client.chat.completions.create(model=self.model, messages=ASKED, temperature=7)
        self.assertEqual(wrong.exception.param, "temperature")
        with openai.OpenAI(base_url=self.server.url + "/v1", api_key="wrong", max_retries=0) as other:
            with self.assertRaises(openai.AuthenticationError):
                other.models.list()


if __name__ == "__main__":
    try:
        import openai
    except ImportError:
        if VENV.exists() and sys.prefix == sys.base_prefix:
            os.execv(VENV, [str(VENV), *sys.argv])
        print("skipped: no openai client; scripts/peers/serve installs it from PyPI and runs this")
        sys.exit(SKIPPED)
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
