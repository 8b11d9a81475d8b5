#!/usr/bin/env python3
"""Many clients at once, and many that misbehave: each request is answered or refused with the right status, the server stays
alive and its memory flat.

    load_test.py ANEMONE [--requests 1500] [--streams 64] [--clients 64] [--seed 1]

The figures of the issue: --requests 10000 --streams 200 --clients 200
"""
import argparse
import asyncio
import collections
import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from running_server import RunningServer

BODY_LIMIT = 50_000
UNREAD_LIMIT = 20_000
PROMPTS = ("Once upon a time", "The sea was", "In the morning", "There is no", "It was dark and", "She said that")
PARTS = 6  # of the requests; memory is measured after each, when nothing runs
MOST_GROWTH_KIB = 8 * 1024  # over the second half of them: spare parts of the allocator


def post(path, body, extra=""):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
            f"{extra}\r\n").encode() + data


def completion(dice, tokens, **more):
    # Few different answers, so that the prompt cache is soon as large as it will be.
    return dict({"prompt": dice.choice(PROMPTS), "max_tokens": tokens, "temperature": 1, "seed": dice.randrange(4)}, **more)


async def connect(port):
    return await asyncio.open_connection("127.0.0.1", port)


async def close(writer):
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        pass


async def converse(port, sent):
    """All that comes back until the server closes or has answered one request."""
    reader, writer = await connect(port)
    received = b""
    try:
        writer.write(sent)
        await writer.drain()
        while piece := await reader.read(65536):
            received += piece
    except OSError:
        pass
    finally:
        await close(writer)
    return received


def status_of(received):
    return int(received[9:12]) if received.startswith(b"HTTP/1.1 ") else 0


CLOSE = "Connection: close\r\n"


async def whole(port, dice):
    received = await converse(port, post("/v1/completions", completion(dice, dice.randrange(1, 12)), CLOSE))
    status = status_of(received)
    if status == 200:
        document = json.loads(received[received.index(b"\r\n\r\n"):])
        assert document["choices"][0]["finish_reason"] in ("length", "stop"), document
    return status, (200, 429)


async def stream(port, dice):
    received = await converse(port, post("/v1/completions", completion(dice, dice.randrange(1, 24), stream=True), CLOSE))
    status = status_of(received)
    assert status != 200 or received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"), received[-200:]
    return status, (200, 429)


async def leave_stream(port, dice):
    reader, writer = await connect(port)
    writer.write(post("/v1/completions", completion(dice, 400, stream=True)))
    try:
        await reader.read(dice.randrange(1, 3000))
    except OSError:
        pass
    if dice.random() < 0.5:
        writer.transport.abort()  # a reset
    await close(writer)
    return 0, (0,)


async def leave_at_once(port, dice):
    _, writer = await connect(port)
    sent = post("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 100})
    writer.write(sent[:dice.randrange(len(sent) + 1)])
    await close(writer)
    return 0, (0,)


async def read_slowly(port, dice):
    reader, writer = await connect(port)
    writer.write(post("/v1/completions", completion(dice, 48, stream=True, logprobs=20), CLOSE))
    try:
        for _ in range(12):
            if not await reader.read(64):
                break
            await asyncio.sleep(0.05)
    except OSError:
        pass
    await close(writer)
    return 0, (0,)


async def oversized(port, dice):
    body = b'{"prompt":"' + b"x" * dice.randrange(BODY_LIMIT, 8 * BODY_LIMIT) + b'"}'
    return status_of(await converse(port, post("/v1/completions", body))), (413,)


async def malformed(port, dice):
    body = json.dumps(completion(dice, 4)).encode()
    body = dice.choice((body[:dice.randrange(len(body))], b"[" * 5000, b"\xff" * 20, b"null", b'{"prompt": 7}', b'{"prompt": "x", "n": -1}'))
    return status_of(await converse(port, post("/v1/completions", body, CLOSE))), (400,)


async def misdirected(port, dice):
    sent, status = dice.choice((
        (b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"PUT /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 405),
        (b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 415),
        (b"GET /health HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n", 403),
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200)))
    return status_of(await converse(port, sent)), (status,)


async def endless(port, dice):
    """What no limit of a body counts: an extension of a chunk, a trailer."""
    begun = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return status_of(await converse(port, begun + dice.choice((b"1;", b"2\r\n{}\r\n0\r\nX: ")) + b"a" * 1_000_000)), (400,)


def formed_body(dice, schema, tokens):
    return {"messages": [{"role": "user", "content": dice.choice(PROMPTS)}], "max_tokens": tokens, "temperature": 1, "seed": dice.randrange(4),
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}}


async def formed(port, dice):
    schema = {"type": "object", "properties": {"n": {"enum": list(range(dice.randrange(1, 6)))}}, "required": ["n"], "additionalProperties": False}
    received = await converse(port, post("/v1/chat/completions", formed_body(dice, schema, 30), CLOSE))
    status = status_of(received)
    if status == 200:
        choice = json.loads(received[received.index(b"\r\n\r\n"):])["choices"][0]
        assert json.loads(choice["message"]["content"])["n"] in schema["properties"]["n"]["enum"], choice
    return status, (200, 429)


async def too_much_form(port, dice):
    schema = {"type": "string", "pattern": "^[xyz]{%d}%s$" % (dice.randrange(4), "a?" * dice.choice((1000, 2000)))}
    return status_of(await converse(port, post("/v1/chat/completions", formed_body(dice, schema, 30), CLOSE))), (400, 429)


async def scored(port, dice):
    body = completion(dice, dice.randrange(3), echo=True, logprobs=20)
    return status_of(await converse(port, post("/v1/completions", body, CLOSE))), (200, 429)


async def leave_behind_more(port, dice):
    _, writer = await connect(port)
    writer.write(post("/v1/completions", completion(dice, 400)) + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * dice.choice((1, 20_000)))
    await asyncio.sleep(dice.random() / 20)
    await close(writer)
    return 0, (0,)


KINDS = {whole: 5, stream: 5, leave_stream: 3, leave_at_once: 3, leave_behind_more: 1, read_slowly: 1, oversized: 1, endless: 1, malformed: 3,
         misdirected: 2, formed: 2, too_much_form: 1, scored: 1}


async def run_requests(port, count, clients, dice, tally):
    numbers = iter(range(count))

    async def client():
        for number in numbers:
            own = random.Random(dice.random())
            kind = own.choices(list(KINDS), list(KINDS.values()))[0]
            status, expected = await asyncio.wait_for(kind(port, own), 120)
            assert status in expected, f"request {number}, {kind.__name__}: status {status}, expected {expected}"
            tally[kind.__name__, status] += 1

    await asyncio.gather(*(client() for _ in range(clients)))


async def run_streams(port, count):
    """So many at once; returns their texts."""

    async def one(number):
        reader, writer = await connect(port)
        body = {"prompt": PROMPTS[number % len(PROMPTS)], "max_tokens": 64, "temperature": 0, "stream": True}
        writer.write(post("/v1/completions", body, CLOSE))
        received = b""
        while piece := await reader.read(65536):
            received += piece
        await close(writer)
        assert status_of(received) == 200 and b"data: [DONE]" in received, received[:300]
        return "".join(json.loads(line[6:])["choices"][0]["text"] for line in received.decode().splitlines()
                       if line.startswith("data: {"))

    texts = await asyncio.gather(*(one(number) for number in range(count)))
    for number, text in enumerate(texts):
        assert text == texts[number % len(PROMPTS)], f"stream {number} differs from one with the same prompt"
    return texts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-memory", action="store_true", help="for sanitizers, which keep what is freed")
    given = parser.parse_args()
    flags = ("--parallel", str(given.streams), "--max-body-bytes", str(BODY_LIMIT), "--max-unread-bytes", str(UNREAD_LIMIT),
             "--transfer-seconds", "5", "--queue", str(max(64, given.streams)))
    dice = random.Random(given.seed)
    tally = collections.Counter()
    with RunningServer(given.program, *flags) as server:
        began = time.monotonic()
        texts = asyncio.run(run_streams(server.port, given.streams))
        took = time.monotonic() - began
        batch = server.metric("step_answers_total") / max(1, server.metric("steps_total"))
        print(f"{given.streams} streams at once: {took:.1f} s, {batch:.1f} answers a step, {64 * given.streams / took:.0f} tokens/s")
        for number in range(min(6, given.streams)):
            status, document = server.post("/v1/completions", {"prompt": PROMPTS[number], "max_tokens": 64, "temperature": 0})
            assert document["choices"][0]["text"] == texts[number], "a stream among many differs from one alone"

        measured = []
        began = time.monotonic()
        for part in range(PARTS):
            count = given.requests * (part + 1) // PARTS - given.requests * part // PARTS
            asyncio.run(run_requests(server.port, count, given.clients, dice, tally))
            server.wait_for("running_answers", 0)
            server.wait_for("waiting_answers", 0)
            server.wait_for("connections", 1)  # the one that asks
            measured.append(server.resident_kib())
        took = time.monotonic() - began
        for (kind, status), count in sorted(tally.items()):
            print(f"{kind:14} {status or 'left':>4} {count:6}")
        print(f"{given.requests} requests in {took:.1f} s; memory after each of {PARTS} parts, in MiB: "
              f"{' '.join(f'{kib / 1024:.1f}' for kib in measured)}; prompt cache {server.metric('prompt_cache_bytes') / 2**20:.1f} MiB; "
              f"seed {given.seed}")
        growth = measured[-1] - max(measured[:PARTS // 2])
        assert given.no_memory or growth < MOST_GROWTH_KIB, f"memory grows by {growth} KiB"
        assert sum(tally.values()) == given.requests
        assert server.request("GET", "/health")[0] == 200
    assert not [word for word in server.words if "ERROR" in word or "runtime error" in word], server.words
    return 0


if __name__ == "__main__":
    sys.exit(main())
