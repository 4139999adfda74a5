"""The command that tells how a shadow's answers compare with production's."""

import json
from itertools import islice
from typing import Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.listings import AsJson
from ninefold.cli.models.aliases import Name
from ninefold.client.address import DEFAULT_URL

_CONFUSIONS = 10


def shadow(
    name: Name,
    disagreements: Annotated[
        int, typer.Option(help="Show this number of images with different labels.", min=0)
    ] = 0,
    *,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Tell how often the version with the alias `shadow` agreed with production on a sample of production's traffic.

    Examples:

        ninefold models promote flowers:4 --alias shadow

        ninefold models shadow flowers --disagreements 20
    """
    with connect(url, api_key) as client:
        found = client.shadow(name)
        entries = list(islice(client.shadow_disagreements(name), disagreements)) if disagreements else []
    if as_json:
        for one in (found, *entries):
            typer.echo(json.dumps(one, ensure_ascii=False))
        return
    agreed = "no image yet" if found["agreement"] is None else f"agreed on {found['agreement']:.1%}"
    typer.echo(
        f"{name}:{found['shadow']['version']} beside {name}:{found['production']['version']}: {agreed}"
        f"  {found['compared']} images, {found['dropped']} dropped, {found['failed']} failed"
        f"  {found['fraction']:.0%} of the traffic is sampled"
    )
    for one in found["confusions"][:_CONFUSIONS]:
        typer.echo(
            f"  {one['production']} in production, {one['shadow']} by the shadow: {one['images']} images"
        )
    for entry in entries:
        answers = [f"{entry[side]['label']} {entry[side]['score']:.1%}" for side in ("production", "shadow")]
        typer.echo(
            f"{entry['id']}  {entry['at']}  {' | '.join(answers)}  {entry['image'] or 'image not kept'}"
        )
