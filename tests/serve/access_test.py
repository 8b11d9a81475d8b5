"""Who may use the server."""

import os
import socket
import subprocess
import unittest

from running_server import RunningServer
from server_case import greedy, main, PROGRAM


class Access(unittest.TestCase):
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


if __name__ == "__main__":
    main()
