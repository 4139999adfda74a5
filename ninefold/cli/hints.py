"""Rewrites what the service says about HTTP calls into the commands and options that do the same here."""

import re

_COMMANDS = (
    (r"GET /datasets/(\S+)\?wait_s=\d+", r"ninefold datasets list"),
    (r"GET /datasets/\S+/images (?=lists )", "ninefold datasets images NAME "),
    (r"GET /models/\{ref\} (?=lists )", "ninefold models list "),
    (r"GET /(datasets|jobs|models|workers) (?=lists )", r"ninefold \1 list "),
    (r"POST /datasets\?name= adds one", "Add one with: ninefold datasets add FOLDER"),
    (r"POST /jobs with a dataset, such as \{[^}]*\}", "ninefold submit digits"),
    (
        r"PUT /models/\{name\}/aliases/shadow makes one",
        "Make one: ninefold models promote NAME:VERSION --alias shadow",
    ),
    (r"PUT /models/\{name\}/aliases/production,", "Promote one: ninefold models promote NAME:VERSION,"),
    (r"ask for \{name\}:latest", "ask for NAME:latest"),
    (r"leave out if_better", "leave out --if-better"),
    (r"Send the zip itself: curl \S+ \S+", "Give a folder, or a zip of one."),
    (r"Send the bundle itself: curl \S+ \S+", "Give a file that ninefold models export has written."),
    (
        r"post the job with init_from null for random weights",
        "submit with --random-weights for random weights",
    ),
    (r"null starts from random weights", "--random-weights starts from random weights"),
    (r"post the job with gpus=(\d+)", r"submit with --set gpus=\1"),
    (r"name one with \?(\w+)=", r"name one with --\1"),
)


def as_commands(detail: str) -> str:
    """Return an error of the service with commands of `ninefold` in place of HTTP calls."""
    for call, command in _COMMANDS:
        detail = re.sub(call, command, detail)
    return detail
