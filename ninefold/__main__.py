"""`python -m ninefold` is the `ninefold` command."""

from ninefold.cli.app import app

if __name__ == "__main__":
    app(prog_name="ninefold")
