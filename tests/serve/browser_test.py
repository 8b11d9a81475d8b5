#!/usr/bin/env python3
"""The chat page in headless Chromium: a conversation, an answer that is stopped, another one, a wrong key; nothing is asked of
another host, nothing is said on the console, texts differ enough from their ground, in light and dark, wide and narrow.

    browser_test.py ANEMONE [--keep FOLDER]

--keep writes screenshots there. Without Chromium: exit 77, a skip.
"""
import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from running_server import SKIPPED, RunningServer

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-default-apps", "--disable-sync", "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
KEY = "page-key"

MEASURE = """(() => {
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) faults.push(`the page is ${root.scrollWidth} wide`);
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const parts = c => c.match(/[\\d.]+/g).map(Number);
  const ground = e => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  let texts = 0;
  for (const e of document.querySelectorAll('h1, button, summary, label, textarea, input, .message, footer')) {
    const box = e.getBoundingClientRect();
    if (!box.width || e.classList.contains('unseen')) continue;
    ++texts;
    const ratio = contrast(parts(getComputedStyle(e).color).slice(0, 3), ground(e));
    if (ratio < 4.5 && !e.disabled) faults.push(`${e.tagName} ${e.id} has contrast ${ratio.toFixed(2)}`);
    if (box.right > innerWidth + 1 || box.left < -1) faults.push(`${e.tagName} ${e.id} is cut`);
  }
  return {faults, texts, ground: ground(document.body)};
})()"""


class Browser:
    """Chromium by its debugging pipe: documents ended by a zero byte."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory()
        in_read, self.out = os.pipe()
        self.inp, out_write = os.pipe()

        def place():
            # Chromium reads descriptor 3 and writes 4.
            first, second = os.dup(in_read), os.dup(out_write)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen([CHROMIUM, *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"], preexec_fn=place,
                                        close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(in_read)
        os.close(out_write)
        self.numbers, self.buffer, self.seen, self.session = itertools.count(1), b"", [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        os.close(self.out)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.inp)
        self.profile.cleanup()

    def read(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.inp, 65536)
            if not piece:
                raise AssertionError("Chromium has ended")
            self.buffer += piece
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while (answer := self.read()).get("id") != number:
            self.seen.append(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def value(self, script):
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise AssertionError(result["exceptionDetails"])
        return result["result"].get("value")

    def wait(self, script, seconds=60):
        end = time.monotonic() + seconds
        while not self.value(f"Boolean({script})"):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {script}; the page says {self.value('document.body.innerText')!r}")
            time.sleep(0.05)

    def faults(self):
        """What was said on the console or asked of others."""
        said = [m["params"] for m in self.seen if m.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")]
        return said

    def addresses(self):
        return [m["params"]["request"]["url"] for m in self.seen if m.get("method") == "Network.requestWillBeSent"]


class Page(unittest.TestCase):
    def setUp(self):
        self.browser = Browser()
        self.addCleanup(self.browser.close)

    def open(self, server, width=1000, scheme="light"):
        self.browser.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        self.browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.browser.call("Page.navigate", url=server.url + "/")
        self.browser.wait("document.readyState === 'complete' && location.href.startsWith('http')")

    def say(self, text):
        self.browser.value(f"document.getElementById('text').value = {json.dumps(text)}")
        self.browser.value("document.getElementById('form').requestSubmit()")

    def messages(self):
        return self.browser.value("[...document.querySelectorAll('.message')].map(m => [m.className, m.textContent])")

    def test_a_conversation(self):
        with RunningServer(PROGRAM, "--temperature", "0") as server:
            self.open(server)
            self.browser.wait("document.getElementById('model').textContent !== 'Anemone'")
            self.browser.value("document.getElementById('temperature').value = '0'; document.getElementById('most-tokens').value = '24'")
            self.say("Tell me of the <b>sea</b>.")
            self.browser.wait("document.getElementById('words').textContent.includes('tokens in')")
            _, document = server.post("/v1/chat/completions", {"messages": [{"role": "user", "content": "Tell me of the <b>sea</b>."}],
                                                               "temperature": 0, "max_tokens": 24})
            expected = [["message user", "Tell me of the <b>sea</b>."], ["message assistant", document["choices"][0]["message"]["content"]]]
            self.assertEqual(self.messages(), expected)
            self.assertIsNone(self.browser.value("document.querySelector('main b')"))
            self.browser.value("document.getElementById('again').click()")
            self.browser.wait("!document.getElementById('send').hidden")
            self.assertEqual(self.messages(), expected)
            # Stopped: the model is free again.
            self.browser.value("document.getElementById('most-tokens').value = '900'; document.getElementById('temperature').value = '1.5'")
            self.say("And then?")
            self.browser.wait("document.querySelectorAll('.assistant').length === 2 && [...document.querySelectorAll('.assistant')][1].textContent")
            self.browser.value("document.getElementById('stop').click()")
            self.browser.wait("!document.getElementById('send').hidden")
            server.wait_for("running_answers", 0)
            self.browser.value("document.getElementById('clear').click()")
            self.assertEqual(self.messages(), [])
            self.assertEqual(self.browser.faults(), [])
            self.assertTrue(all(url.startswith((server.url + "/", "data:", "about:")) for url in self.browser.addresses()), self.browser.addresses())

    def test_a_key_is_asked_for(self):
        with RunningServer(PROGRAM, "--api-key", KEY) as server:
            self.open(server)
            self.browser.wait("document.getElementById('settings').open")
            self.say("Hello")
            self.browser.wait("document.querySelector('.wrong')")
            self.assertIn("API key", self.browser.value("document.querySelector('.wrong').textContent"))
            self.browser.value(f"document.getElementById('key').value = '{KEY}'; document.getElementById('most-tokens').value = '4'; "
                               "document.getElementById('clear').click()")
            self.say("Hello")
            self.browser.wait("document.getElementById('words').textContent.includes('tokens in')")

    def test_it_can_be_read_in_light_and_dark_wide_and_narrow(self):
        with RunningServer(PROGRAM) as server:
            for scheme, width in (("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)):
                self.open(server, width, scheme)
                self.browser.value("document.getElementById('settings').open = true; document.getElementById('most-tokens').value = '40'")
                self.say("Tell me of averyverylongwordthatnobodyhaseverusedbeforeandnobodywilluseagainbecauseitiswiderthananarrowpage.")
                self.browser.wait("document.getElementById('words').textContent.includes('tokens in')")
                measured = self.browser.value(MEASURE)
                self.assertEqual(measured["faults"], [], f"{scheme}, {width} wide")
                self.assertGreater(measured["texts"], 12)
                self.assertEqual(measured["ground"], [255, 255, 255] if scheme == "light" else [13, 17, 23])
                if KEEP:
                    self.browser.value("document.getElementById('settings').open = false")
                    picture = self.browser.call("Page.captureScreenshot", format="png")["data"]
                    Path(KEEP).mkdir(parents=True, exist_ok=True)
                    (Path(KEEP) / f"chat-{scheme}-{width}.png").write_bytes(base64.b64decode(picture))


if __name__ == "__main__":
    if CHROMIUM is None:
        print("skipped: no Chromium; scripts/setup --develop installs it")
        sys.exit(SKIPPED)
    KEEP = sys.argv[sys.argv.index("--keep") + 1] if "--keep" in sys.argv else None
    PROGRAM = sys.argv[1]
    unittest.main(argv=sys.argv[:1], verbosity=2)
