"""What a model cannot give, for all calls that ask for answers."""

from api.records.errors import CoverageOfMirrorsError, MirrorsDifferError
from model.spec import ResolvedSpec


def check_views(spec: ResolvedSpec, *, tta: bool, coverage: float | None) -> None:
    """Return if a model with this spec can classify so.

    Raises:
        CoverageOfMirrorsError: sets of labels are asked for of scores with mirror images.
        MirrorsDifferError: the model was trained without mirror images.
    """
    if tta and coverage is not None:
        raise CoverageOfMirrorsError
    if tta and not spec.horizontal_flip:
        raise MirrorsDifferError
