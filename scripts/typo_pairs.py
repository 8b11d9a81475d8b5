#!/usr/bin/env python3
"""Makes pairs of faulty and clean English text, long ones too, the same for the same seed.

    typo_pairs.py -o pairs.jsonl [-n 1000] [--rate 0.15] [--tokens 128,256,512] [--seed 0] [--text FILE ...]

A line has `corrupted`, `clean` (they differ), `tokens` (the length asked for), `context_length` (words of the clean
text) and `corruption_types`. Clean text is sentences of 20 to 300 characters of the texts, shuffled and joined until
the next would pass 4 characters a token; without --text those of tasks/prose. Each word of letters and apostrophes with
two letters or more is changed with the probability --rate: of --rate 0.3 to a word it is confused with, where it has
one, else a neighbouring key, a missing, doubled, exchanged letter, or a blank. In 3 of 10 texts a sentence is said
twice, a full stop is missing or a word is repeated. What comes out unchanged is drawn again.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from pathlib import Path

PROSE = Path(__file__).resolve().parents[1] / "tasks/prose/prose.jsonl"
CHARACTERS_PER_TOKEN = 4
CONFUSED_SHARE = 0.3
PARAGRAPH_SHARE = 0.3
MOST_DRAWS = 100  # of one pair

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
CONFUSED = [
    ("their", "there"), ("to", "too"), ("your", "you're"), ("its", "it's"), ("than", "then"),
    ("affect", "effect"), ("accept", "except"), ("advice", "advise"), ("loose", "lose"),
    ("whose", "who's"), ("weather", "whether"), ("quiet", "quite"), ("hear", "here"), ("know", "no"),
    ("right", "write"), ("were", "where"), ("piece", "peace"), ("principal", "principle"),
]
OTHER = {a: b for pair in CONFUSED for a, b in (pair, pair[::-1])}
WORD = re.compile(r"[A-Za-z']{2,}")


def neighbours(letter: str) -> str:
    for row in ROWS:
        place = row.find(letter.lower())
        if place >= 0:
            return row[max(place - 1, 0):place] + row[place + 1:place + 2]
    return ""


def misspelled(word: str, draw: random.Random) -> tuple[str, str]:
    """The word with one fault, and what it is called."""
    other = OTHER.get(word.lower())
    if other and draw.random() < CONFUSED_SHARE:
        return (other.capitalize() if word[0].isupper() else other), "confusion"
    kind = draw.choice(("substitution", "omission", "doubled_letter", "transposition", "extra_space"))
    place = draw.randrange(len(word))
    if kind == "substitution" and neighbours(word[place]):
        return word[:place] + draw.choice(neighbours(word[place])) + word[place + 1:], kind
    if kind == "omission":
        return word[:place] + word[place + 1:], kind
    place = draw.randrange(1, len(word))
    if kind == "transposition" and word[place - 1] != word[place]:
        return word[:place - 1] + word[place] + word[place - 1] + word[place + 1:], kind
    if kind == "extra_space":
        return word[:place] + " " + word[place:], kind
    return word[:place] + word[place - 1:], "doubled_letter"


def corrupted(sentence: str, rate: float, kinds: list[str], draw: random.Random) -> str:
    def change(match: re.Match) -> str:
        if draw.random() >= rate:
            return match[0]
        word, kind = misspelled(match[0], draw)
        kinds.append(kind)
        return word

    return WORD.sub(change, sentence)


def paragraph_fault(sentences: list[str], kinds: list[str], draw: random.Random) -> None:
    place = draw.randrange(len(sentences))
    kind = draw.choice(("repeated_sentence", "missing_stop", "repeated_word"))
    words = sentences[place].split(" ")
    if kind == "repeated_sentence":
        sentences.insert(place, sentences[place])
    elif kind == "missing_stop":
        sentences[place] = sentences[place].rstrip(".")
    else:
        at = draw.randrange(len(words))
        sentences[place] = " ".join(words[:at + 1] + words[at:])
    kinds.append(kind)


def sentences_of(texts: list[str]) -> list[str]:
    pieces = [" ".join(piece.split()) for text in texts for piece in re.split(r"(?<=[.!?])\s+", text)]
    return sorted({piece for piece in pieces if 20 <= len(piece) <= 300})


def clean_text(sentences: list[str], characters: int, draw: random.Random) -> list[str]:
    """Whole sentences, as many as fit; drawn anew when all have been used."""
    chosen: list[str] = []
    size = 0
    while True:
        shuffled = draw.sample(sentences, len(sentences))
        for sentence in shuffled:
            if chosen and size + 1 + len(sentence) > characters:
                return chosen
            size += len(sentence) + bool(chosen)
            chosen.append(sentence)


def pair(sentences: list[str], tokens: int, rate: float, draw: random.Random) -> dict:
    for _ in range(MOST_DRAWS):
        clean = clean_text(sentences, CHARACTERS_PER_TOKEN * tokens, draw)
        kinds: list[str] = []
        faulty = [corrupted(sentence, rate, kinds, draw) for sentence in clean]
        if draw.random() < PARAGRAPH_SHARE:
            paragraph_fault(faulty, kinds, draw)
        if faulty != clean:
            text = " ".join(clean)
            return {"corrupted": " ".join(faulty), "clean": text, "tokens": tokens,
                    "context_length": len(text.split()), "corruption_types": sorted(set(kinds))}
    sys.exit(f"typo_pairs.py: --rate {rate}: {MOST_DRAWS} draws without a fault")


def read_texts(files: list[str]) -> list[str]:
    try:
        if not files:
            return [json.loads(line)["page"] for line in PROSE.read_text(encoding="utf-8").splitlines()]
        return [Path(file).read_text(encoding="utf-8") for file in files]
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"typo_pairs.py: {error}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE")
    parser.add_argument("-n", type=int, default=1000, metavar="N", help="pairs (1000)")
    parser.add_argument("--rate", type=float, default=0.15, metavar="SHARE", help="of words that change (0.15)")
    parser.add_argument("--tokens", default="128,256,512", metavar="LIST", help="lengths, in turn (128,256,512)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--text", nargs="+", default=[], metavar="FILE", help="clean text")
    flags = parser.parse_args()
    lengths = [int(word) for word in flags.tokens.split(",") if word.isdigit() and int(word) > 0]
    if not lengths or len(lengths) != len(flags.tokens.split(",")):
        parser.error(f"--tokens {flags.tokens}: expected numbers of tokens by commas")
    if not 0 < flags.rate <= 1:
        parser.error(f"--rate {flags.rate}: expected more than 0, at most 1")
    sentences = sentences_of(read_texts(flags.text))
    if not sentences:
        sys.exit("typo_pairs.py: no sentence of 20 to 300 characters in the text")
    draw = random.Random(flags.seed)
    with open(flags.output, "w", encoding="utf-8") as out:
        for index in range(flags.n):
            row = pair(sentences, lengths[index % len(lengths)], flags.rate, draw)
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
