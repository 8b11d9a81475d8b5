#!/usr/bin/env python3
"""A small service over the wheel: POST {"prompt": "…", "max_tokens": 16} gives {"text": "…"}.

    examples/python/service.py MODEL [PORT]

It listens on 127.0.0.1 alone and says so when it is ready; port 0 takes a free one.
"""
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

MOST_BYTES = 1 << 20


def make_handler(model):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            try:
                size = int(self.headers.get("Content-Length", ""))
                if not 0 < size <= MOST_BYTES:
                    raise ValueError(f"a body of 1 to {MOST_BYTES} bytes is wanted")
                request = json.loads(self.rfile.read(size))
                prompt, most = request["prompt"], request.get("max_tokens", 16)
                if not isinstance(prompt, str) or type(most) is not int or most < 1:
                    raise ValueError("prompt is a text, max_tokens a number from 1")
            except (ValueError, KeyError, TypeError) as error:
                self.answer(400, {"error": str(error)})
                return
            try:
                text = model.generate(prompt, max_tokens=most).text
            except Exception as error:  # the answer says why, and the service goes on
                asked_wrongly = getattr(error, "code", "") in ("out_of_range", "invalid_argument")
                self.answer(400 if asked_wrongly else 500, {"error": str(error)})
                return
            self.answer(200, {"text": text})

        def answer(self, status, document):
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    try:
        import anemone
    except ModuleNotFoundError:
        sys.exit("the package anemone is not installed: make wheel, then pip install build/python/dist/anemone-*.whl "
                 "in a virtual environment")
    port = int(arguments[1]) if len(arguments) == 2 else 8080
    server = HTTPServer(("127.0.0.1", port), make_handler(anemone.Model(arguments[0])))
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
