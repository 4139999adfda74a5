"""The options that both commands have which classify images: `ninefold predict` and `ninefold predictions create`."""

from typing import Annotated

import typer

TopK = Annotated[int, typer.Option(help="Number of classes to show for each image.", min=1)]
MinScore = Annotated[
    float | None,
    typer.Option(
        help="Mark images whose best probability is below this as unsure; without it, those below the least scores of the alias.",
        min=0,
        max=1,
    ),
]
Tta = Annotated[
    bool,
    typer.Option(
        "--tta", help="Classify each image and its mirror image together: a little surer, half as fast."
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(
        help="Show for each image the classes that it may have: this share of the images has one of theirs.",
        min=0.5,
        max=0.999,
    ),
]
