"""Runs the `ninefold` command: `python -m ninefold`."""

from ninefold.cli.app import app

if __name__ == "__main__":
    app(prog_name="ninefold")
