"""The system's Pango, which WeasyPrint needs: a test of PDF is skipped where it is missing."""

from __future__ import annotations

import warnings

import pytest


def needed() -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for a library that it does without
            __import__("weasyprint")
    except (ImportError, OSError) as error:
        pytest.skip(f"WeasyPrint cannot be loaded: {error}")
