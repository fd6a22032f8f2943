"""Read diagnostics from bytes and classify them; cut bytes into chunks."""

from __future__ import annotations

import contextlib
from itertools import pairwise

from tfretry.causes.diagnosis import Classifier, Diagnosis
from tfretry.config.settings import Settings
from tfretry.output.diagnostic import Diagnostic
from tfretry.output.diagnostics import DiagnosticReader

DEFAULT = Settings().causes


def read(*chunks: bytes) -> list[Diagnostic]:
    """Return the errors in one byte stream."""
    found: list[Diagnostic] = []
    reader = DiagnosticReader(found.append)
    for chunk in chunks:
        reader.feed(chunk)
    reader.close()
    return found


def diagnosis_of(diagnostics: list[Diagnostic], causes=DEFAULT) -> Diagnosis:
    """Return the diagnosis of a run with these errors."""
    classifier = Classifier(causes, contextlib.nullcontext)
    for diagnostic in diagnostics:
        classifier.see(diagnostic)
    return classifier.diagnosis()


def is_retried(text: str | bytes) -> bool:
    """Return whether a run that printed *text* and exited 1 would be retried."""
    return diagnosis_of(read(text if isinstance(text, bytes) else text.encode())).is_transient


def in_pieces(text: bytes, size: int) -> list[bytes]:
    """Cut *text* into chunks of *size* bytes."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def cut_at(text: bytes, places: list[int]) -> list[bytes]:
    """Cut *text* at each of *places*, counted modulo its length."""
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]
