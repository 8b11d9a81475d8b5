#!/usr/bin/env python3
"""Opens the pages of reports in headless Chromium: nothing is asked of a network, nothing is said on the console, no text
lies on another or outside its diagram, colours differ enough from their ground, in light and dark, wide and narrow.

    browser_test.py ANEMONE WRITE_BENCH_PAGE [--keep FOLDER]

--keep writes screenshots there. Without Chromium: exit 77, which ctest takes for a skip.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SKIPPED = 77
HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden" / "compare"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-default-apps", "--disable-sync", "--disable-extensions", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
)
SCHEMES = {"light": 1, "dark": 0}  # Chromium's numbers for the preferred colour scheme
MOST_OVERLAP = 1.0  # pixels that boxes of two texts may share: their lines' leading

# Runs in a copy of the page, whose own policy forbids scripts.
MEASURE = """
const shown = e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
const faults = [];
const page = document.documentElement;
if (page.scrollWidth > window.innerWidth) faults.push(`the page is ${page.scrollWidth} wide`);
const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => { v /= 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const ground = getComputedStyle(document.body).backgroundColor;
let texts = 0, plots = 0, least = 21;
for (const svg of document.querySelectorAll('svg')) {
  ++plots;
  const frame = shown(svg);
  const all = [...svg.querySelectorAll('text')];
  const boxes = all.map(shown);
  boxes.forEach((a, i) => {
    ++texts;
    if (a[0] < frame[0] - 1 || a[1] < frame[1] - 1 || a[2] > frame[2] + 1 || a[3] > frame[3] + 1)
      faults.push(`outside: ${all[i].textContent}`);
    boxes.slice(i + 1).forEach((b, k) => {
      const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), high = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
      if (wide > LIMIT && high > LIMIT + 3) faults.push(`overlap: ${all[i].textContent} | ${all[i + k + 1].textContent}`);
    });
    least = Math.min(least, contrast(getComputedStyle(all[i]).fill, ground));
  });
  for (const mark of svg.querySelectorAll('path.p, rect.p')) {
    const ratio = contrast(getComputedStyle(mark).fill, ground);
    if (ratio < 3) faults.push(`a colour of a series has contrast ${ratio}`);
  }
  if (!svg.querySelector(':scope > title') || !svg.querySelector(':scope > desc').textContent) faults.push('a plot without words');
}
for (const cell of document.querySelectorAll('td, th, p, h1, h2, li, caption')) {
  least = Math.min(least, contrast(getComputedStyle(cell).color, ground));
  if (cell.matches('td, th') && cell.scrollWidth > cell.clientWidth + 1) faults.push(`cut: ${cell.textContent}`);
}
for (const cell of document.querySelectorAll('th:first-child, td:first-child')) {
  const words = cell.firstChild, range = document.createRange();
  if (!words || words.nodeType != Node.TEXT_NODE) continue;
  for (const word of words.data.matchAll(/(?<!\\S)[\\w=]{1,16}(?!\\S)/g)) {
    range.setStart(words, word.index), range.setEnd(words, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map(r => r.top)).size > 1) faults.push(`broken: ${word[0]}`);
  }
}
if (least < 4.5) faults.push(`a text has contrast ${least}`);
if ([...document.querySelectorAll('script')].length != 1 || document.querySelector('img')) faults.push('markup of a name');
const out = document.createElement('pre');
out.id = 'measured';
const wide = [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)
  .map(e => e.closest('section').querySelector('h2').textContent);
out.textContent = JSON.stringify({faults, texts, plots, ground, wide});
document.body.append(out);
"""


def chromium(page, *flags, width=1280, scheme="light"):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},2000",
             f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", *flags, page.as_uri()],
            capture_output=True, text=True, timeout=180, check=False,
        )


def asked_by_page(log):
    """Addresses on a network that the page asked for; the browser's own requests have no page as their origin."""
    events = json.loads(log.read_text())["events"]
    starts = [event["params"] for event in events if {"url", "initiator"} <= event.get("params", {}).keys()]
    return {p["url"] for p in starts if p["initiator"] != "not an origin" and not p["url"].startswith(("file:", "data:"))}


def console(result):
    return [line for line in result.stderr.splitlines() if "CONSOLE" in line]


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        folder = Path(cls.scratch.name)
        subprocess.run([sys.executable, HERE / "make_documents.py", folder], check=True)
        cls.pages = {}
        for name in ("plain", "hostile"):
            cls.pages[f"bench-{name}"] = folder / f"bench-{name}.html"
            with open(folder / f"{name}.json") as source, open(cls.pages[f"bench-{name}"], "w") as page:
                subprocess.run([WRITE_BENCH_PAGE], stdin=source, stdout=page, check=True)
        # As measured of the models that were evaluated, so that both are one column.
        for name, run in (("plain", "fp16"), ("lut4", "lut4")):
            bench = json.loads((folder / f"{name}.json").read_text())
            bench["model"]["hash"] = json.loads((GOLDEN / run / "results.json").read_text())["anemone"]["model_hash"]
            (folder / f"{name}.json").write_text(json.dumps(bench))
        runs = [f"fp16={GOLDEN / 'fp16/results.json'}", f"fp16={folder / 'plain.json'}",
                f"lut4={GOLDEN / 'lut4/results.json'}", f"lut4={folder / 'lut4.json'}"]
        hostile = [f"{'<b>long ' * 30}={GOLDEN / 'fp16/results.json'}", str(folder / "hostile.json"), *runs]
        for name, inputs in (("comparison", runs), ("comparison-hostile", hostile)):
            cls.pages[name] = folder / f"{name}.html"
            subprocess.run([ANEMONE, "compare", *inputs, "--resamples", "500", "--by-length", "--html", cls.pages[name]],
                           stdout=subprocess.DEVNULL, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_pages_ask_for_nothing_and_say_nothing(self):
        for name, page in self.pages.items():
            log = page.with_suffix(".net.json")
            result = chromium(page, f"--log-net-log={log}", "--net-log-capture-mode=Everything", "--dump-dom")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("</svg>", result.stdout, name)
            self.assertEqual(console(result), [], name)
            self.assertEqual(asked_by_page(log), set(), name)

    def test_a_page_that_asks_or_speaks_is_noticed(self):
        page = Path(self.scratch.name) / "asking.html"
        page.write_text("<!doctype html><script>console.error('spoken')</script><img src='http://asked.test/x.png'>")
        log = page.with_suffix(".net.json")
        result = chromium(page, f"--log-net-log={log}", "--net-log-capture-mode=Everything", "--dump-dom")
        self.assertTrue(console(result))
        self.assertIn("http://asked.test/x.png", asked_by_page(log))

    def test_nothing_overlaps_in_light_and_dark_wide_and_narrow(self):
        for name, page in self.pages.items():
            text = page.read_text()
            copy = page.with_suffix(".measured.html")
            bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
            script = MEASURE.replace("LIMIT", str(MOST_OVERLAP))
            copy.write_text(bare.replace("</body>", f"<script>{script}</script></body>"))
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", 500)):
                result = chromium(copy, "--dump-dom", width=width, scheme=scheme)
                found = re.search(r'<pre id="measured">(.*?)</pre>', result.stdout, re.S)
                self.assertTrue(found, result.stderr[-2000:])
                measured = json.loads(html.unescape(found.group(1)))
                where = f"{name}, {scheme}, {width} wide"
                self.assertEqual(measured["faults"], [], where)
                self.assertGreater(measured["texts"], 20, where)
                if name == "comparison" and width == 1280:  # verdicts stand last
                    self.assertNotIn("Scores", measured["wide"], where)
                expected = "rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)"
                self.assertEqual(measured["ground"], expected, where)

    def test_screenshots_are_made(self):
        folder = Path(KEEP or self.scratch.name)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("comparison", "bench-plain"):
            for scheme in SCHEMES:
                picture = folder / f"{name}-{scheme}.png"
                chromium(self.pages[name], f"--screenshot={picture}", scheme=scheme)
                self.assertGreater(picture.stat().st_size, 50_000, name)


if __name__ == "__main__":
    if CHROMIUM is None:
        print("skipped: no Chromium; scripts/setup --develop installs it")
        sys.exit(SKIPPED)
    KEEP = sys.argv[sys.argv.index("--keep") + 1] if "--keep" in sys.argv else None
    ANEMONE, WRITE_BENCH_PAGE = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1], verbosity=2)
