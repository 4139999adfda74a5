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
        table_sha256: of `images.csv`, which lists path, label and split of each image.
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
                "encodingFormat": "image/*",
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
                    _column("path"),
                    _column("label"),
                    _column("split"),
                    {
                        "@type": "cr:Field",
                        "@id": "images/image",
                        "name": "image",
                        "dataType": "sc:ImageObject",
                        "source": {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": "content"}},
                        "references": {"field": {"@id": "images/path"}},
                    },
                ],
            }
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode()


def _column(name: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"images/{name}",
        "name": name,
        "dataType": "sc:Text",
        "source": {"fileObject": {"@id": TABLE_FILE}, "extract": {"column": name}},
    }
