"""Commands that move an alias of a model, and tell how it was moved."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.listings import AsJson, Limit, print_each
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold.client.transport import Json

Name = Annotated[str, typer.Argument(help="Name of the model, without a version.")]
AliasName = Annotated[str, typer.Option("--alias", help="The alias.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the history.")]
Expected = Annotated[
    int | None,
    typer.Option(
        "--expect",
        metavar="VERSION",
        min=0,
        help="Change nothing unless the alias points at this version (0: at none).",
    ),
]
MinScores = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[CLASS=]SCORE",
        help="Mark predictions through this alias as unsure when their probability is below SCORE: of one class, or of "
        "every class that has none of its own. May be given several times; replaces the scores before.",
    ),
]


def promote(
    model: Annotated[
        str, typer.Argument(metavar="NAME:VERSION", help="The version to promote, or its id mdl_….")
    ],
    alias: AliasName = "production",
    reason: Reason = None,
    expect: Expected = None,
    *,
    if_better: Annotated[
        bool,
        typer.Option("--if-better", help="Only if it is better on test images that neither was trained on."),
    ] = False,
    metric: Annotated[
        str | None, typer.Option(help="Better in what: accuracy, balanced_accuracy or log_loss.")
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="How much better, such as 0.01 for a percentage point.", min=0)
    ] = None,
    min_score: MinScores = None,
    no_min_scores: Annotated[
        bool, typer.Option("--no-min-scores", help="Remove the scores that --min-score set.")
    ] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Point an alias at a version; the next prediction already uses it.

    Examples:

        ninefold models promote flowers:3

        ninefold models promote flowers:3 --alias production --if-better --reason "more photos"

        ninefold models promote flowers:3 --if-better --metric balanced_accuracy --margin 0.01 --expect 2

        ninefold models promote flowers:3 --min-score 0.6 --min-score rose=0.8
    """
    chosen = {name: value for name, value in (("metric", metric), ("margin", margin)) if value is not None}
    if chosen and not if_better:
        raise typer.BadParameter("--metric and --margin need --if-better")
    gate = chosen or if_better
    if min_score and no_min_scores:
        raise typer.BadParameter("pass either --min-score or --no-min-scores")
    least = _min_scores(min_score) if min_score or no_min_scores else None
    with connect(url, api_key) as client:
        state = client.promote(
            model, alias, reason=reason, if_better=gate, min_scores=least, **_expected(expect)
        )
    _print_state(state, as_json=as_json)


def rollback(
    name: Name,
    alias: AliasName = "production",
    reason: Reason = None,
    expect: Expected = None,
    *,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Point an alias at the version before its present one; once more goes further back.

    Examples:

        ninefold models rollback flowers

        ninefold models rollback flowers --reason "too many errors" --expect 3
    """
    with connect(url, api_key) as client:
        state = client.rollback(name, alias, reason=reason, **_expected(expect))
    _print_state(state, as_json=as_json)


def history(
    name: Name,
    alias: AliasName = "production",
    limit: Limit = 20,
    *,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """List who moved an alias when, from which version to which, and why; the newest change first.

    Examples:

        ninefold models history flowers

        ninefold models history flowers --alias canary --json
    """
    with connect(url, api_key) as client:
        print_each(islice(client.alias_history(name, alias), limit), describe_change, as_json=as_json)


def _min_scores(options: list[str] | None) -> dict[str, float]:
    found = {}
    for option in options or ():
        label, _, score = option.rpartition("=")
        try:
            found[label or "*"] = float(score)
        except ValueError:
            raise typer.BadParameter(
                f"--min-score {option}: pass 0.6, or cat=0.8 for the class cat"
            ) from None
    return found


def _expected(version: int | None) -> dict[str, int | None]:
    return {} if version is None else {"expected_version": version or None}


def _print_state(state: "Json", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(state, ensure_ascii=False))
        return
    typer.echo(f"{state['name']}@{state['alias']} is version {state['version']} ({state['model_id']})")
    change = state["change"] or {}
    if change.get("gate"):
        typer.echo(describe_gate(change["gate"]))
    if state["min_scores"]:
        typer.echo(f"unsure below {describe_min_scores(state['min_scores'])}")
    if skipped := change.get("skipped_versions"):
        typer.echo(f"skipped, because they are deleted: {', '.join(map(str, skipped))}", err=True)
    if state["previous_version"]:
        back = f"ninefold models rollback {state['name']}"
        option = "" if state["alias"] == "production" else f" --alias {state['alias']}"
        typer.echo(f"To version {state['previous_version']} with: {back}{option}", err=True)


def describe_change(change: "Json") -> str:
    """Return one line about an entry of a history."""
    before, after = (_version(change[field]) for field in ("from_version", "to_version"))
    move = f"{before} → {after}{' (rollback)' if change['returns_to'] else ''}"
    if change["refused_version"]:
        move = f"{change['refused_version']} refused, {after} stays"
    least = change["min_scores"]
    if least is not None and before == after:
        move = f"{after} stays"
    scores = None if least is None else f"unsure below {describe_min_scores(least) or 'nothing'}"
    gate = describe_gate(change["gate"]) if change["gate"] else None
    notes = "".join(f"  {note}" for note in (change["job_id"], gate, scores, change["reason"]) if note)
    return f"{change['at']}  {change['by'] or 'anybody'}  {move}{notes}"


def describe_gate(found: "Json") -> str:
    """Return the numbers of a comparison."""
    if not found["images"]:
        return "no common test images"
    metric = found["metric"].replace("_", " ")
    low, high = found["ci95"]
    return (
        f"{metric} {found['candidate']:.4g} against {found['current']:.4g} on {found['images']} images, "
        f"difference {found['difference']:+.4f} ({low:+.4f} to {high:+.4f})"
    )


def describe_min_scores(scores: "Json") -> str:
    """Return the least scores of an alias in one line."""
    return ", ".join(
        f"{score:g}" if label == "*" else f"{label} {score:g}" for label, score in sorted(scores.items())
    )


def _version(version: int | None) -> str:
    return "none" if version is None else str(version)
