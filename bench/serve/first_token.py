#!/usr/bin/env python3
"""How long a client of `anemone serve` waits for the first token behind a system prompt of some 400 tokens.

    first_token.py [--program build/anemone] [--model DIR] [--rounds 5] [--questions 8] [--flags …]

Three states, in turns: `cold`, a new process for each question; `cached`, one that has seen the system prompt with other questions;
`restarted`, a new process with the cache that the one before it left on disk. The texts of all must be equal, byte by byte, or the
exit code is 1. Times are of the client: from before the request to the first event with text, on a stream.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "serve"))
from running_server import MODEL, RunningServer

RULES = ("Answer in one sentence, and say only what you know. ", "Keep the tone of a patient teacher who has time. ",
         "Where a word has two meanings, take the common one. ", "Use the metric system and dates with the year first. ",
         "Do not repeat the question, and ask nothing back. ")
QUESTIONS = ("What is a cat?", "Where is the moon?", "Who wrote the letter?", "Why is the sea salt?", "When does the ship leave?",
             "How old is the house?", "Which of the two is longer?", "What did the old man say?")
TOKENS = 16


def system_prompt(program, model, tokens):
    """Rules over and over, as many as have this many tokens."""
    text = ""
    for number in range(1000):
        text += f"{number + 1}. {RULES[number % len(RULES)]}"
        done = subprocess.run([program, "tokenize", model, "--json"], input=text, capture_output=True, text=True, check=True)
        count = len(json.loads(done.stdout)["ids"])
        if count >= tokens:
            return text, count
    raise AssertionError("no such prompt")


def ask(server, system, question):
    """(seconds to the first text, whole text, tokens of the prompt, of these known)."""
    body = {"messages": [{"role": "system", "content": system}, {"role": "user", "content": question}], "max_tokens": TOKENS,
            "temperature": 0, "stream": True, "stream_options": {"include_usage": True}}
    with closing(server.connection()) as connection:
        connection.connect()
        began = time.monotonic()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        first, text, usage = None, "", None
        while line := response.readline():
            if not line.startswith(b"data: {"):
                continue
            document = json.loads(line[6:])
            usage = document.get("usage") or usage
            for choice in document["choices"]:
                piece = choice["delta"].get("content") or ""
                if piece and first is None:
                    first = time.monotonic() - began
                text += piece
    return first, text, usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "anemone")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--questions", type=int, default=len(QUESTIONS))
    parser.add_argument("--flags", nargs=argparse.REMAINDER, default=[])
    given = parser.parse_args()
    system, count = system_prompt(given.program, given.model, given.tokens)
    questions = QUESTIONS[:given.questions]
    times = {"cold": [], "cached": [], "restarted": []}
    known = {"cold": set(), "cached": set(), "restarted": set()}
    texts, prompts = {}, set()
    different = 0

    def measure(state, server, asked):
        nonlocal different
        for question in asked:
            first, text, prompt, reused = ask(server, system, question)
            times[state].append(first)
            known[state].add(reused)
            prompts.add(prompt)
            if texts.setdefault(question, text) != text:
                different += 1
                print(f"{state}, {question}: {text!r}, expected {texts[question]!r}")

    load = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            cached = ("--prompt-cache", folder)
            for question in questions:
                with RunningServer(given.program, *given.flags, model=given.model) as server:
                    ask(server, "Be brief.", question)  # the memory of the first steps
                    measure("cold", server, [question])
            with RunningServer(given.program, *cached, *given.flags, model=given.model) as server:
                ask(server, "Be brief.", questions[0])
                ask(server, system, "Is it late?")
                measure("cached", server, questions)
            with RunningServer(given.program, *cached, *given.flags, model=given.model) as server:
                ask(server, "Be brief.", questions[0])
                measure("restarted", server, questions)
        load.append(os.getloadavg()[0])
    print(f"system prompt of {count} tokens, prompts of {min(prompts)} to {max(prompts)}; {given.rounds} rounds of {len(questions)} questions; "
          f"load {min(load):.1f} to {max(load):.1f}")
    cold = statistics.median(times["cold"])
    print("| state | tokens known | first token, ms: median | range | less than cold |\n|---|---|---|---|---|")
    for state, values in times.items():
        print(f"| {state} | {min(known[state])}–{max(known[state])} | {1e3 * statistics.median(values):.1f} | {1e3 * min(values):.1f}–{1e3 * max(values):.1f} | "
              f"{1 - statistics.median(values) / cold:.0%} |")
    print(f"texts that differ: {different} of {sum(map(len, times.values()))}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
