"""Says what a comparison found, in sentences for the owner of the models."""

from collections.abc import Iterator

from model.comparison.result import MIN_GROUPS, ComparedModel, Comparison, LeftOut
from model.spec import Metric

_REASONS = {
    "only_candidate": "of the candidate's test split alone",
    "only_current": "of the current model's test split alone",
    "trained_on": "that a model was trained on from which one of them started",
    "near_training": "that look like an image that such a model was trained on",
    "unknown_ancestor": "of which it is not known whether such a model was trained on them",
    "unknown_label": "of a class that the current model does not have",
}

_NAMED = 5


def describe(found: Comparison) -> str:
    """Return what a comparison found, and what the difference rests on."""
    if found.difference is None or found.ci95 is None or found.candidate is None or found.current is None:
        return describe_missing(found)
    metric = str(found.metric).replace("_", " ")
    low, high = found.ci95
    values = f"{_value(found.metric, found.candidate)} against {_value(found.metric, found.current)}"
    is_loss = found.metric is Metric.LOG_LOSS
    interval = f"{_signed(found.metric, low)} to {_signed(found.metric, high)}"
    better_by = f"{_difference(found.metric, found.difference)} (95 %: {interval})"
    margin = (
        f", with a margin of {_difference(found.metric, found.margin).lstrip('+')}" if found.margin else ""
    )
    verdict = "is better than" if found.is_better else "is not shown to be better than"
    images = (
        f"{found.images} test images that neither was trained on" if found.images > 1 else "one test image"
    )
    sentence = (
        f"{_name(found.candidate_model)} {verdict} {_name(found.current_model)}: {metric} {values} on {images}, "
        f"{'an improvement' if is_loss else 'a difference'} of {better_by}{margin}."
    )
    return " ".join([sentence, *_notes(found), *([] if found.is_better else [_needed(found)])]).rstrip()


def describe_missing(found: Comparison) -> str:
    """Return why there is no image on which the two can be compared."""
    left_out = [f"{count} {_REASONS[name]}" for name, count in _counts(found.left_out).items() if count]
    why = f": {', '.join(left_out)}" if left_out else ""
    return (
        f"{_name(found.candidate_model)} and {_name(found.current_model)} have no test image in common that neither was "
        f"trained on{why}. Train both on one dataset or on versions of it, which keep their test images."
    )


def _notes(found: Comparison) -> Iterator[str]:
    """Yield what may surprise: classes and labels that differ."""
    if found.relabelled:
        yield (
            f"{found.relabelled} of these images have another class in the current model's dataset; the candidate's counts."
        )
    if found.left_out.unknown_label:
        yield f"Left out are {found.left_out.unknown_label} {_REASONS['unknown_label']}."
    if missing := found.missing_classes:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        yield f"The candidate lacks classes of the current model: {', '.join(missing[:_NAMED])}{more}."


def _needed(found: Comparison) -> str:
    if 2 * found.relabelled > found.images:
        return (
            "With more than half of the labels changed, nothing is decided: were classes swapped or renamed?"
        )
    few = f"Fewer than {MIN_GROUPS} different images decide nothing. " if found.groups < MIN_GROUPS else ""
    if found.images_needed is None:
        return f"{few}If the difference stays like this, more images will not show that it is better."
    return f"{few}About {found.images_needed:,} such images would show a difference of this size."


def _counts(left_out: LeftOut) -> dict[str, int]:
    return {name: getattr(left_out, name) for name in LeftOut.model_fields}


def _name(model: ComparedModel) -> str:
    return f"{model.name}:{model.version}"


def _value(metric: Metric, value: float) -> str:
    return f"{value:.3f}" if metric is Metric.LOG_LOSS else f"{value:.1%}"


def _difference(metric: Metric, value: float) -> str:
    return _signed(metric, value) + ("" if metric is Metric.LOG_LOSS else " points")


def _signed(metric: Metric, value: float) -> str:
    text = f"{value:+.3f}" if metric is Metric.LOG_LOSS else f"{100 * value:+.1f}"
    return text if text.strip("+-0.") else text.lstrip("+-")
