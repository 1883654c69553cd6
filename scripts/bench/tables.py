"""Markdown tables."""

from typing import List


def markdown(title: str, header: List[str], rows: List[list], note: str = "") -> str:
    lines = [f"### {title}", "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines + (["", note] if note else [])) + "\n"


def cell(value) -> str:
    """Numbers with three digits; what was not measured as a dash."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def spread_of(values: List[float]) -> str:
    """Smallest to largest."""
    return f"{cell(min(values))} - {cell(max(values))}"
