"""The repository whose code is tested."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
