"""Describes a downloaded dataset as Croissant 1.0, a JSON-LD vocabulary for machine learning. Opens no file.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

import json
from typing import Any

from model.spec import DatasetFacts

CROISSANT_FILE = "croissant.json"
TABLE_FILE = "images.csv"
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def describe(facts: DatasetFacts, version: int | None, created_on: str, table_sha256: str) -> bytes:
    """Return the description, as the bytes of a file beside the images.

    Args:
        facts: of the dataset.
        version: its number under its name.
        created_on: the day on which it was added, as `2026-11-28`.
        table_sha256: of `images.csv`, which lists path, label and split of each image for other readers.
    """
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": facts.name,
        "description": f"{facts.train_images + sum(facts.test_counts)} images of {len(facts.classes)} classes, with a train "
        "and a test split.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "identifier": facts.id,
        "version": f"{version or 1}.0.0",
        "datePublished": created_on,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": TABLE_FILE,
                "name": TABLE_FILE,
                "contentUrl": TABLE_FILE,
                "encodingFormat": "text/csv",
                "sha256": table_sha256,
            },
            {
                "@type": "cr:FileSet",
                "@id": "image-files",
                "name": "image-files",
                "encodingFormat": ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"],
                "includes": ["train/**", "test/**"],
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "images",
                "name": "images",
                "key": {"@id": "images/path"},
                "field": [
                    _field("path", "sc:Text", "fullpath"),
                    _field("label", "sc:Text", "fullpath", r"^(?:train|test)/([^/]+)/.+$"),
                    _field("split", "sc:Text", "fullpath", r"^(train|test)/.+$"),
                    _field("image", "sc:ImageObject", "content"),
                ],
            }
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode()


def _field(name: str, data_type: str, file_property: str, regex: str | None = None) -> dict[str, Any]:
    """Return a field that is read from the image files; `regex` extracts its group from the property."""
    source: dict[str, Any] = {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": file_property}}
    if regex:
        source["transform"] = {"regex": regex}
    return {
        "@type": "cr:Field",
        "@id": f"images/{name}",
        "name": name,
        "dataType": data_type,
        "source": source,
    }
