"""Servers of OpenAI's interface that are measured beside each other: each a process that listens on a port of 127.0.0.1."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARALLEL = 32  # answers at once that every server is set to
CONTEXT = 1024

# llama.cpp's own server, which the package xllamacpp brings as a library.
LLAMA_CPP = """
import sys, time, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.port = sys.argv[1], int(sys.argv[2])
p.n_parallel, p.n_ctx = int(sys.argv[4]), int(sys.argv[4]) * int(sys.argv[5])
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = int(sys.argv[3])
server = xllamacpp.Server(p)
time.sleep(1e9)
"""


class Server:
    """`with Server(...) as server`: answers when the block begins, has ended after it."""

    def __init__(self, name, command, port, **fields):
        self.name, self.command, self.port = name, [str(part) for part in command], port
        self.fields = fields  # of each request

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        os.set_blocking(self.process.stderr.fileno(), False)
        end = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError, AssertionError):
                self.complete("Once", 1)
                return self
            if self.process.poll() is not None or time.monotonic() > end:
                words = self.process.stderr.read() or ""
                self.process.kill()
                raise RuntimeError(f"{self.name} does not answer: {words[-2000:]}")
            time.sleep(0.2)

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def complete(self, prompt, tokens):
        """The document of one greedy completion that no end token ends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        with contextlib.closing(connection):
            body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "logit_bias": {"0": -100, "2": -100}, **self.fields}
            connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            assert response.status == 200, text[:300]
            with contextlib.suppress(BlockingIOError, TypeError):
                self.process.stderr.read()  # a full pipe would stop it
            return json.loads(text)


def anemone(program, model, port, threads):
    return Server("anemone", [program, "serve", model, "--port", port, "--parallel", PARALLEL, "--threads", threads, "-q"], port)


def llama_cpp(python, gguf, port, threads):
    return Server("llama.cpp", [python, "-c", LLAMA_CPP, gguf, port, threads, PARALLEL, CONTEXT], port)


def llama_cpp_python(python, gguf, port, threads):
    return Server("llama-cpp-python", [python, "-m", "llama_cpp.server", "--model", gguf, "--port", port, "--n_ctx", CONTEXT,
                                       "--n_threads", threads, "--n_threads_batch", threads, "--verbose", "false"], port,
                  repeat_penalty=1)  # 1.1 where nothing is said


def has(python, module):
    return subprocess.run([str(python), "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def skip(reason):
    print(f"not measured: {reason}")
    sys.exit(77)
