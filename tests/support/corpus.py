"""Folders of captured output: of real terraforms, and of an OpenTofu that applied a saved plan twice."""

from __future__ import annotations

from pathlib import Path

CORPUS = Path(__file__).parents[1] / "corpus"
PLANS = CORPUS / "tofu1.12.6-plan-exclude"
