"""The table that the benchmark prints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measurement."""

    name: str
    value: float
    unit: str
    target: str = ""

    def __str__(self) -> str:
        """Write the row of a Markdown table."""
        digits = 0 if self.value >= 100 or isinstance(self.value, int) else 1 if self.value >= 10 else 2
        return f"| {self.name} | {self.value:,.{digits}f} {self.unit} | {self.target} |"


HEAD = "| measurement | result | target |\n|---|---|---|"
