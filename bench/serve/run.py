#!/usr/bin/env python3
"""Tokens a second of `anemone serve` and of llama.cpp's servers, for 1, 8 and 32 clients at once.

    run.py [--python ENV/bin/python] [--program build/anemone] [--threads N] [--rounds 5] [--tokens 48] [--json FILE]

All servers run the embedded model's weights in fp16: ours `models/anemone-tiny-anemll`, the others a GGUF file that write_gguf.py
makes of `models/anemone-tiny`. They listen all the while and are asked in turns, so that noise of the machine meets each;
an idle one computes nothing. Each request has a prompt of its own, so that no cache knows it. Greedy texts are compared before:
a server that says something else is no peer. ENV needs `gguf`, and `xllamacpp` or `llama-cpp-python[server]`; exit code 77 without.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import peers

CLIENTS = (1, 8, 32)
REQUESTS = {1: 6, 8: 32, 32: 96}
BEGINNINGS = ("Once upon a time", "The history of the city", "In the morning the old man", "There is no", "She said that", "A horse and a cart",
              "The first of the three brothers", "He had never seen")
FIRST_TOKENS = 12
LEAST_EQUAL = 6  # of the beginnings: fp16 rounds otherwise in each, so a near tie may fall either way
numbers = itertools.count(1)


def prompt():
    number = next(numbers)
    return f"{number} {BEGINNINGS[number % len(BEGINNINGS)]}, said number {number}, "


def check_same(servers):
    expected = [servers[0].complete(text, FIRST_TOKENS)["choices"][0]["text"] for text in BEGINNINGS]
    for server in servers[1:]:
        found = [server.complete(text, FIRST_TOKENS)["choices"][0]["text"] for text in BEGINNINGS]
        equal = sum(a == b for a, b in zip(expected, found))
        print(f"{server.name}: {equal} of {len(BEGINNINGS)} texts of {FIRST_TOKENS} greedy tokens are those of {servers[0].name}")
        if equal < LEAST_EQUAL:
            sys.exit(f"this is another model: {list(zip(expected, found))}")


def tokens_per_second(server, clients, tokens, requests):
    texts = [prompt() for _ in range(requests)]
    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        documents = list(pool.map(lambda text: server.complete(text, tokens), texts))
    took = time.monotonic() - began
    made = sum(document["usage"]["completion_tokens"] for document in documents)
    assert made >= 0.98 * tokens * requests, f"{server.name} made {made} tokens of {tokens * requests}"
    return made / took


def text_of(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f}–{max(values):.0f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, default=peers.ROOT / "build" / "anemone")
    parser.add_argument("--python", type=Path, default=peers.ROOT / "build" / "bench" / "serve" / "bin" / "python")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--clients", type=int, nargs="*", default=CLIENTS)
    parser.add_argument("--port", type=int, default=18200, help="and the next two")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if not given.python.exists() or not peers.has(given.python, "gguf"):
        peers.skip(f"{given.python} has no gguf; `make bench-serve` makes it")
    gguf = peers.ROOT / "build" / "bench" / "anemone-tiny-f16.gguf"
    gguf.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([given.python, peers.ROOT / "bench/serve/write_gguf.py", peers.ROOT / "models/anemone-tiny", gguf], check=True)
    servers = [peers.anemone(given.program, peers.ROOT / "models/anemone-tiny-anemll", given.port, given.threads)]
    if peers.has(given.python, "xllamacpp"):
        servers.append(peers.llama_cpp(given.python, gguf, given.port + 1, given.threads))
    if peers.has(given.python, "llama_cpp.server"):
        servers.append(peers.llama_cpp_python(given.python, gguf, given.port + 2, given.threads))
    if len(servers) == 1:
        peers.skip(f"{given.python} has neither xllamacpp nor llama_cpp.server")
    found = {(server.name, clients): [] for server in servers for clients in given.clients}
    load = []
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
        check_same(servers)
        for _ in range(given.rounds):
            for clients in given.clients:
                for server in servers:
                    requests = REQUESTS.get(clients, 3 * clients)
                    found[server.name, clients].append(tokens_per_second(server, clients, given.tokens, requests))
            load.append(os.getloadavg()[0])
    print(f"{given.threads} threads, {given.tokens} tokens an answer, {given.rounds} rounds; load {min(load):.1f} to {max(load):.1f}")
    print("| clients | " + " | ".join(f"{server.name}, tokens/s" for server in servers) + " | "
          + " | ".join(f"ratio to {server.name}" for server in servers[1:]) + " |")
    print("|---" * (2 * len(servers)) + "|")
    for clients in given.clients:
        ours = found["anemone", clients]
        cells = [text_of(found[server.name, clients]) for server in servers]
        for server in servers[1:]:
            ratios = [a / b for a, b in zip(ours, found[server.name, clients])]  # of one round
            cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})")
        print(f"| {clients} | " + " | ".join(cells) + " |")
    if given.json:
        given.json.write_text(json.dumps({"threads": given.threads, "load": load, "tokens_per_second": {
            f"{name}, {clients}": values for (name, clients), values in found.items()}}))


if __name__ == "__main__":
    main()
