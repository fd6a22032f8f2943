"""What the tests of the diagnostics share: read bytes, judge what was found, cut bytes to pieces."""

from __future__ import annotations

from itertools import pairwise

from tfretry.causes.diagnosis import Classifier, Diagnosis
from tfretry.causes.patience import patience
from tfretry.causes.table import TABLE
from tfretry.output.diagnostic import Diagnostic
from tfretry.output.diagnostics import DiagnosticReader

DEFAULT = tuple(cause for cause in TABLE if cause.default)


def read(*chunks: bytes, batch: int = 1) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    reader = DiagnosticReader(found.append, batch=batch)
    for chunk in chunks:
        reader.feed(chunk)
    reader.close()
    return found


def judged(diagnostics: list[Diagnostic]) -> Diagnosis:
    judge = Classifier(DEFAULT, patience)
    for diagnostic in diagnostics:
        judge.see(diagnostic)
    return judge.diagnosis()


def heals(text: str | bytes) -> bool:
    return judged(read(text if isinstance(text, bytes) else text.encode())).heals


def in_pieces(text: bytes, size: int) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def cut_at(text: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]
