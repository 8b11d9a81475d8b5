"""Clients that are many, leave, read slowly or send too much; and the end of the server."""

import json
import signal
import socket
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from running_server import RunningServer
from server_case import greedy, main, PROGRAM


class Clients(unittest.TestCase):
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

    def test_a_slow_reader_loses_its_answer(self):
        with RunningServer(PROGRAM, "--max-unread-bytes", "2000") as server:
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                client.connect(("127.0.0.1", server.port))
                # Much to write for each token, and no token that ends, so that the buffers of the system are soon full.
                body = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "stream": True, "logprobs": True, "n": 16,
                                   "top_logprobs": 20, "temperature": 1, "logit_bias": {"0": -100, "2": -100}}).encode()
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
            holder, waiter = server.connection(), server.connection()
            for connection, body in ((holder, dict(greedy("Once", 1000), n=16, temperature=1)), (waiter, greedy("Once", 3))):
                connection.request("POST", "/v1/completions", json.dumps(dict(body, stream=True)), {"Content-Type": "application/json"})
                while server.metric("running_answers") == 0:
                    time.sleep(0.01)
            response = waiter.getresponse()
            self.assertEqual(response.status, 200)
            self.assertEqual(response.read(8), b": ping\n\n")
            holder.close()
            rest = response.read().decode()
            self.assertTrue(rest.endswith("data: [DONE]\n\n"), rest)
            self.assertEqual(rest.count('"finish_reason":"length"'), 1, rest)
            waiter.close()


class Ends(unittest.TestCase):
    def test_answers_in_progress_are_finished(self):
        for sent in (signal.SIGTERM, signal.SIGINT):
            with RunningServer(PROGRAM, "--shutdown-seconds", "300") as server:  # a sanitizer makes answers slow
                idle = server.connection()
                idle.request("GET", "/health")
                idle.getresponse().read()
                with ThreadPoolExecutor(1) as pool:
                    answer = pool.submit(server.post, "/v1/completions", dict(greedy("Once", 300), n=8, temperature=1))
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
    main()
