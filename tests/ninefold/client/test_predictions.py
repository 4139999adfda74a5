"""Many images in requests of a limited size, against a server that counts them; no service of this project runs here."""

import re
import resource
import threading
import zipfile
from pathlib import Path

import pytest

from ninefold import Client, NinefoldError
from ninefold.client.predictions import BYTES_PER_REQUEST, IMAGES_PER_REQUEST, REQUESTS_AT_ONCE
from tests.ninefold.client.http_server import Reply, Request, scripted_server

TIMINGS = {"queue": 1.0, "decode": 2.0, "infer": 3.0, "total": 6.0}


def names_in(request: Request) -> list[str]:
    return [name.decode() for name in re.findall(rb'filename="([^"]*)"', request.body)]


def answer(request: Request, limit: int = 64) -> Reply:
    """Classify every file whose name has no `bad` in it as its own name, as the service does."""
    names = names_in(request)
    if len(names) > limit:
        return Reply(
            413, {"code": "too_many_images", "detail": f"A request may have {limit} images at most."}
        )
    error = {"code": "not_an_image", "message": "The file is no image."}
    if all("bad" in name for name in names):
        errors = [
            {"param": f"image {i}", "message": "not_an_image: The file is no image."}
            for i in range(len(names))
        ]
        return Reply(415, {"code": "not_an_image", "detail": "The file is no image.", "errors": errors})
    items = [
        {"index": i, "filename": name, "status": "error", "error": error}
        if "bad" in name
        else {"index": i, "filename": name, "status": "ok", "label": name, "score": 1.0, "scores": []}
        for i, name in enumerate(names)
    ]
    model = {"id": "mdl_1", "name": "pets", "version": 1, "alias": "production"}
    return Reply(body={"object": "prediction", "model": model, "predictions": items, "timings_ms": TIMINGS})


def write_files(folder: Path, names: list[str], size_bytes: int = 10) -> list[Path]:
    files = [folder / name for name in names]
    for file in files:
        with file.open("wb") as opened:
            opened.truncate(size_bytes)
    return files


def test_any_number_of_files_is_classified_in_order_by_one_model(tmp_path: Path) -> None:
    names = [f"{i:03}.jpg" for i in range(3 * IMAGES_PER_REQUEST + 5)]
    progress: list[tuple[int, int]] = []
    with scripted_server(answer) as service, Client(service.url) as client:
        files = write_files(tmp_path, names)
        response = client.predict(files, on_progress=lambda done, total: progress.append((done, total)))
        assert [prediction["label"] for prediction in response["predictions"]] == names
        assert [prediction["index"] for prediction in response["predictions"]] == list(range(len(names)))
        assert sorted(len(names_in(request)) for request in service.requests) == [5, 16, 16, 16]
        assert "model=" not in service.requests[0].target
        assert all("model=mdl_1" in request.target for request in service.requests[1:])
        assert progress[:2] == [(0, 53), (16, 53)]
        assert progress == sorted(set(progress))
        assert progress[-1] == (53, 53)
        assert response["timings_ms"] == TIMINGS | {"total": 24.0}


def test_some_requests_are_sent_at_once_and_one_that_is_refused_for_now_again(tmp_path: Path) -> None:
    names = [f"{i:03}.jpg" for i in range((1 + 2 * REQUESTS_AT_ONCE) * IMAGES_PER_REQUEST)]
    together = threading.Barrier(REQUESTS_AT_ONCE, timeout=30)
    refused: list[str] = []

    def answer_together(request: Request) -> Reply:
        (first, *_) = names_in(request)
        if first == names[0]:
            return answer(request)
        if first == names[IMAGES_PER_REQUEST] and not refused:
            refused.append(first)
            return Reply(503, {"code": "overloaded", "detail": "Later."}, {"Retry-After": "0"})
        together.wait()  # only four requests at once come further
        return answer(request)

    with scripted_server(answer_together) as service, Client(service.url) as client:
        predictions = client.predict(write_files(tmp_path, names))["predictions"]
    assert [prediction["label"] for prediction in predictions] == names
    assert refused


def test_after_an_error_no_further_request_is_begun(tmp_path: Path) -> None:
    def fail_later(request: Request) -> Reply:
        is_first = "000.jpg" in names_in(request)
        return (
            answer(request)
            if is_first
            else Reply(404, {"code": "model_not_found", "detail": "It was deleted."})
        )

    files = write_files(tmp_path, [f"{i:03}.jpg" for i in range(40 * IMAGES_PER_REQUEST)])
    with scripted_server(fail_later) as service, Client(service.url) as client:
        with pytest.raises(NinefoldError, match="It was deleted"):
            client.predict(files)
        assert len(service.requests) < 40


def test_a_folder_and_a_zip_stand_for_the_images_in_them(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "b").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    write_files(folder, ["c.JPG", "notes.txt", ".a.jpg", "b/a.png", ".hidden/x.png"])
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for name in ("z.webp", "y/1.jpg", "__MACOSX/y/1.jpg", "y/._1.jpg", "readme.md"):
            archive.writestr(name, b"pixels")
    (tmp_path / "empty").mkdir()
    (single,) = write_files(tmp_path, ["single.dat"])
    with scripted_server(answer) as service, Client(service.url) as client:
        predictions = client.predict([folder, tmp_path / "more.zip", single])["predictions"]
        assert [one["filename"] for one in predictions] == [
            "c.JPG",
            "b/a.png",
            "y/1.jpg",
            "z.webp",
            "single.dat",
        ]
        assert b"pixels" in service.requests[0].body
        with pytest.raises(NinefoldError, match="has no image"):
            client.predict([tmp_path / "empty"])
        (tmp_path / "bad.zip").write_bytes(b"PK")
        with pytest.raises(NinefoldError, match=r"bad\.zip cannot be read as a zip"):
            client.predict([tmp_path / "bad.zip"])


def test_a_file_of_a_folder_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    folder, broken = tmp_path / "photos", tmp_path / "broken"
    folder.mkdir()
    broken.mkdir()
    write_files(folder, ["a.jpg", "c.jpg"])
    for link in (folder / "b.jpg", broken / "b.jpg"):
        link.symlink_to(tmp_path / "gone.jpg")
    with scripted_server(answer) as service, Client(service.url) as client:
        first, second, third = client.predict([folder])["predictions"]
        assert [one["filename"] for one in (first, second, third)] == ["a.jpg", "b.jpg", "c.jpg"]
        assert [one["status"] for one in (first, third)] == ["ok", "ok"]
        assert second["error"]["code"] == "unreadable_file"
        assert "b.jpg: No such file" in second["error"]["message"]
        with pytest.raises(NinefoldError, match=r"b\.jpg: No such file"):
            client.predict([broken])


def test_the_least_scores_of_the_alias_hold_for_all_files_unless_the_call_has_its_own(tmp_path: Path) -> None:
    def answer_through_alias(request: Request) -> Reply:
        reply = answer(request)
        assert isinstance(reply.body, dict)
        is_first = "model=mdl_1" not in request.target
        reply.body["model"]["min_scores"] = {"*": 0.5, "039.jpg": 1.1} if is_first else {}
        return reply

    files = write_files(tmp_path, [f"{i:03}.jpg" for i in range(40)])
    with scripted_server(answer_through_alias) as service, Client(service.url) as client:
        abstained = [one["abstained"] for one in client.predict(files)["predictions"]]
        assert abstained == [False] * 39 + [True]
        own = client.predict(files, min_score=0, coverage=0.9, tta=True)["predictions"]
        assert not any(one.get("abstained") for one in own)
        query = service.requests[-1].target
        assert all(part in query for part in ("min_score=0", "coverage=0.9", "tta=true"))


def test_images_to_explain_go_in_requests_that_the_service_takes(tmp_path: Path) -> None:
    with scripted_server(answer) as service, Client(service.url) as client:
        client.predict(write_files(tmp_path, [f"{i:03}.jpg" for i in range(20)]), explain=True)
        assert sorted(len(names_in(request)) for request in service.requests) == [4, 16]
        assert all("explain=true" in request.target for request in service.requests)


def test_large_files_go_in_more_requests(tmp_path: Path) -> None:
    files = write_files(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], BYTES_PER_REQUEST // 2)
    with scripted_server(answer) as service, Client(service.url) as client:
        assert len(client.predict(files)["predictions"]) == 3
        assert [len(names_in(request)) for request in service.requests] == [2, 1]


def test_few_files_are_open_at_once(tmp_path: Path) -> None:
    files = write_files(tmp_path, [f"{i:03}.jpg" for i in range(200)])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with scripted_server(answer) as service, Client(service.url) as client:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
        try:
            assert len(client.predict(files)["predictions"]) == 200
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_service_with_lower_limits_gets_smaller_requests(tmp_path: Path) -> None:
    names = [f"{i:03}.jpg" for i in range(20)]
    with scripted_server(lambda request: answer(request, limit=8)) as service, Client(service.url) as client:
        predictions = client.predict(write_files(tmp_path, names))["predictions"]
        assert [prediction["label"] for prediction in predictions] == names


def test_a_request_of_bad_files_only_does_not_lose_the_others(tmp_path: Path) -> None:
    names = [f"bad{i:02}.jpg" for i in range(IMAGES_PER_REQUEST)] + ["good.jpg", "last-bad.jpg"]
    with scripted_server(answer) as service, Client(service.url) as client:
        predictions = client.predict(write_files(tmp_path, names))["predictions"]
    assert [prediction["status"] for prediction in predictions] == ["error"] * 16 + ["ok", "error"]
    assert predictions[0] == {
        "index": 0,
        "filename": "bad00.jpg",
        "status": "error",
        "error": {"code": "not_an_image", "message": "The file is no image."},
    }


def test_bad_files_only_are_an_error(tmp_path: Path) -> None:
    with scripted_server(answer) as service, Client(service.url) as client:
        with pytest.raises(NinefoldError, match="no image") as caught:
            client.predict(write_files(tmp_path, [f"bad{i:02}.jpg" for i in range(40)]))
        assert caught.value.code == "not_an_image"


def test_nothing_is_sent_if_a_file_cannot_be_read(tmp_path: Path) -> None:
    files = [*write_files(tmp_path, ["a.jpg"]), tmp_path / "gone.jpg"]
    with scripted_server(answer) as service, Client(service.url) as client:
        with pytest.raises(NinefoldError, match=r"gone\.jpg: No such file"):
            client.predict(files)
        assert service.requests == []
