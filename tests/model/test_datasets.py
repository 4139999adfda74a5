import hashlib
import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.archive import ImportLimits
from model.built_in import BUILT_IN, read_built_in
from model.dataset_import import import_dataset
from model.dataset_record import RECORD_FILE, SKIPPED_LISTED, DatasetRecord, dataset_key
from model.dataset_split import choose_test_images, hash_content
from model.datasets import export_images, find_facts, open_dataset
from model.errors import DatasetRejectedError, DatasetUnavailableError
from model.images import decode_image
from model.storage import Storage, open_storage
from tests.model.pictures import encode, noise, png, two_classes, write_folder, write_zip


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(f"file://{tmp_path}/storage")


def import_files(files: dict[str, bytes], storage: Storage, tmp_path: Path) -> DatasetRecord:
    return import_dataset(write_zip(tmp_path / "upload.zip", files), storage, "pets")


def reasons(record: DatasetRecord) -> dict[str, str]:
    return {skipped.path: skipped.reason for skipped in record.skipped}


# Built-in datasets


def test_the_facts_of_digits_are_those_of_the_images(tmp_path: Path) -> None:
    facts = BUILT_IN["digits"]
    train, test = read_built_in("digits", tmp_path)
    assert np.bincount(train.labels_N).tolist() == facts.train_counts
    assert np.bincount(test.labels_N).tolist() == facts.test_counts
    assert train.images_NHWC.shape[1:] == (facts.median_height, facts.median_width, 3)
    content = [
        (name, str(label), hashlib.sha256(image.tobytes()).hexdigest())
        for name, pixels in (("train", train), ("test", test))
        for image, label in zip(pixels.images_NHWC, pixels.labels_N, strict=True)
    ]
    assert hash_content(content) == facts.content_hash  # type: ignore[arg-type]
    assert train.images_NHWC.max() == 255
    assert not facts.mirror_symmetric


def test_facts_need_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys; from model.datasets import BUILT_IN; assert len(BUILT_IN) == 2; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'torchvision', 'sklearn', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_dataset_says_what_to_do(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailableError, match="ninefold datasets add"):
        find_facts("ds_nothing", storage)


def test_exported_digits_are_their_very_pixels(storage: Storage, tmp_path: Path) -> None:
    written = export_images("digits", "test", 12, tmp_path / "out", storage=storage, cache_dir=tmp_path)
    assert [path.name for path in written] == [f"{label}_0.png" for label in range(10)] + [
        "0_1.png",
        "1_1.png",
    ]
    _, test = read_built_in("digits", tmp_path)
    first_three = test.images_NHWC[test.labels_N == 3][0]
    decoded = decode_image((tmp_path / "out" / "3_0.png").read_bytes(), image_size=16)
    assert np.array_equal(np.asarray(decoded), first_three)


# Layouts


def test_a_folder_per_class_is_cut_by_content(storage: Storage, tmp_path: Path) -> None:
    facts = import_files(two_classes(50), storage, tmp_path).facts
    assert facts.classes == ["cat", "dog"]
    assert [sum(pair) for pair in zip(facts.train_counts, facts.test_counts, strict=True)] == [50, 50]
    assert all(4 <= count <= 18 for count in facts.test_counts)
    assert (facts.median_width, facts.median_height) == (24, 16)
    assert facts.id == f"ds_{facts.content_hash[:24]}"
    assert facts.name == "pets"


def test_one_folder_around_all_is_looked_through(storage: Storage, tmp_path: Path) -> None:
    plain = import_files(two_classes(), storage, tmp_path)
    wrapped = import_files(
        {f"My pets/{path}": data for path, data in two_classes().items()}, storage, tmp_path
    )
    assert wrapped == plain


@pytest.mark.parametrize(
    ("folders", "train", "test"),
    [
        (("train", "test"), 5, 5),
        (("Training", "TESTING"), 5, 5),
        (("train", "val"), 5, 5),
        (("train", "test", "val"), 10, 5),
        (("set/train", "set/test"), 5, 5),
    ],
)
def test_given_splits_are_kept(
    folders: tuple[str, ...], train: int, test: int, storage: Storage, tmp_path: Path
) -> None:
    files = {
        f"{folder}/{label}/{number}.png": png(number + 100 * part + 1000 * (label == "dog"))
        for part, folder in enumerate(folders)
        for label in ("cat", "dog")
        for number in range(5)
    }
    facts = import_files(files, storage, tmp_path).facts
    assert facts.classes == ["cat", "dog"]
    assert facts.train_counts == [train, train]
    assert facts.test_counts == [test, test]


def test_a_training_image_that_is_in_the_test_split_is_dropped(storage: Storage, tmp_path: Path) -> None:
    files = {f"train/{path}": data for path, data in two_classes(5).items()}
    files |= {"test/cat/copy.png": png(0), "test/dog/new.png": png(77)}
    record = import_files(files, storage, tmp_path)
    assert record.facts.train_counts == [4, 5]
    assert record.facts.test_counts == [1, 1]
    assert reasons(record) == {"train/cat/0.png": "the same image is in the test split"}


def test_folders_inside_a_class_belong_to_it(storage: Storage, tmp_path: Path) -> None:
    files = {
        path.replace("/", "/more/") if "dog" in path else path: data for path, data in two_classes().items()
    }
    assert import_files(files, storage, tmp_path).facts.classes == ["cat", "dog"]


def test_images_beside_the_class_folders_are_named(storage: Storage, tmp_path: Path) -> None:
    record = import_files(two_classes() | {"stray.png": png(99)}, storage, tmp_path)
    assert reasons(record) == {"stray.png": "not in the folder of a class"}


def test_a_table_of_labels_decides(storage: Storage, tmp_path: Path) -> None:
    rows = [
        "Path, Label",
        *(f"images/{number}.png, {'Katze' if number % 2 else 'Hünd'}" for number in range(20)),
    ]
    files = {f"top/images/{number}.png": png(number) for number in range(21)}
    files["top/labels.csv"] = b"\xef\xbb\xbf" + "\r\n".join(rows).encode()
    record = import_files(files, storage, tmp_path)
    assert record.facts.classes == ["Hünd", "Katze"]
    assert record.images == 20
    assert reasons(record) == {"top/images/20.png": "not listed in labels.csv"}


def test_a_table_may_give_splits(storage: Storage, tmp_path: Path) -> None:
    rows = [f"{n}.png,{'ab'[n % 2]},{('train', 'val', 'test', '')[n // 5]}" for n in range(20)]
    files = {f"{n}.png": png(n) for n in range(20)} | {
        "labels.csv": "\n".join(["path,label,split", *rows]).encode()
    }
    facts = import_files(files, storage, tmp_path).facts
    assert sum(facts.train_counts) == 15
    assert sum(facts.test_counts) == 5


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "must name the columns"),
        ("file,class\n0.png,a", "must name the columns"),
        ("path,label\n0.png", "Line 2 of labels.csv has 1 values"),
        ("path,label\n0.png,a\n0.png,b", "twice"),
        ("path,label,split\n0.png,a,maybe", "'maybe'"),
        ("path,label\n0.png,a/b", "cannot be the name of a class"),
        ("path,label\n0.png,", "cannot be the name of a class"),
        ('path,label\n"0.png,a', "comma-separated"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(table: str, words: str, storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetRejectedError, match=words):
        import_files({"0.png": png(), "labels.csv": table.encode()}, storage, tmp_path)


def test_a_table_in_another_encoding_is_refused(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetRejectedError, match="UTF-8"):
        import_files(
            {"0.png": png(), "labels.csv": "path,label\n0.png,Hünd".encode("latin-1")}, storage, tmp_path
        )


# What is skipped, and what is refused


def test_files_that_are_no_images_are_named_with_their_reasons(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {
        "cat/notes.txt": b"not an image at all",
        "cat/cut.png": png()[:100],
        "dog/photo.heic": b"\0\0\0\x18ftypheic" + b"\0" * 100,
        "dog/empty.jpg": b"",
    }
    record = import_files(files, storage, tmp_path)
    assert record.images == 20
    assert record.skipped_count == 4
    found = reasons(record)
    assert "not an image" in found["cat/notes.txt"]
    assert "damaged" in found["cat/cut.png"]
    assert "HEIC files are not supported" in found["dog/photo.heic"]
    assert "not an image" in found["dog/empty.jpg"]


def test_what_systems_leave_behind_is_ignored(storage: Storage, tmp_path: Path) -> None:
    left_behind = dict.fromkeys(
        ("__MACOSX/cat/._0.png", "cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini", ".git/config", "dog/"),
        b"x",
    )
    record = import_files(two_classes() | left_behind, storage, tmp_path)
    assert record == import_files(two_classes(), storage, tmp_path)
    assert record.skipped_count == 0


def test_only_some_skipped_files_are_listed_and_all_are_counted(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {f"cat/{number}.txt": b"" for number in range(SKIPPED_LISTED + 5)}
    record = import_files(files, storage, tmp_path)
    assert len(record.skipped) == SKIPPED_LISTED
    assert record.skipped_count == SKIPPED_LISTED + 5


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "At least 2 classes are needed, 0 found"),
        ({f"cat/{n}.png": png(n) for n in range(9)}, "At least 2 classes are needed, 1 found"),
        ({"cat/a.txt": b"", "dog/b.txt": b""}, "Skipped files: 2"),
        (
            {"cat/0.png": png(0), "cat/1.png": png(1), "dog/2.png": png(2)},
            "Class 'dog' has 1 usable training",
        ),
        ({f"{'ab'[n % 2]}/{n}.png": png(n) for n in range(4)}, "No image is left to test"),
        (
            {f"train/{path}": data for path, data in two_classes().items()} | {"test/cow/x.png": png(5000)},
            "Class 'cow'",
        ),
    ],
)
def test_too_little_is_refused_with_what_to_do(
    files: dict[str, bytes], words: str, storage: Storage, tmp_path: Path
) -> None:
    with pytest.raises(DatasetRejectedError, match=words):
        import_files(files, storage, tmp_path)
    assert storage.list() == []


@pytest.mark.parametrize("name", ["digits", "ds_x", "Pets", "", "a" * 65, "../x"])
def test_names_that_cannot_be_are_refused(name: str, storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetRejectedError, match="name"):
        import_dataset(write_folder(tmp_path / "pets", two_classes()), storage, name)


def test_neither_folder_nor_zip_is_refused(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetRejectedError, match="no folder and no file"):
        import_dataset(tmp_path / "nothing", storage, "pets")
    (tmp_path / "text").write_text("text")
    with pytest.raises(DatasetRejectedError, match="not a zip file"):
        import_dataset(tmp_path / "text", storage, "pets")


# Frozen datasets


def test_folder_and_zip_in_any_order_are_the_same_dataset(storage: Storage, tmp_path: Path) -> None:
    files = two_classes(20)
    first = import_dataset(write_folder(tmp_path / "pets", files), storage, "pets")
    frozen = storage.local_path(dataset_key(first.facts.id, "images.zip")).read_bytes()
    renamed = {path.replace(".png", "-renamed.png"): data for path, data in reversed(files.items())}
    again = import_dataset(write_zip(tmp_path / "again.zip", renamed), storage, "other")
    assert again == first
    elsewhere = open_storage(f"file://{tmp_path}/elsewhere")
    import_dataset(tmp_path / "again.zip", elsewhere, "other")
    assert elsewhere.read_bytes(dataset_key(first.facts.id, "images.zip")) == frozen


def test_a_frozen_dataset_can_be_imported_and_is_itself(storage: Storage, tmp_path: Path) -> None:
    first = import_files(two_classes(20), storage, tmp_path)
    frozen = storage.local_path(dataset_key(first.facts.id, "images.zip"))
    elsewhere = open_storage(f"file://{tmp_path}/elsewhere")
    assert import_dataset(frozen, elsewhere, "pets") == first


def test_an_import_that_died_before_its_record_is_finished_by_the_next(
    storage: Storage, tmp_path: Path
) -> None:
    first = import_files(two_classes(), storage, tmp_path)
    storage.delete(dataset_key(first.facts.id, RECORD_FILE))
    with pytest.raises(DatasetUnavailableError):
        find_facts(first.facts.id, storage)
    assert import_files(two_classes(), storage, tmp_path) == first


def test_accepted_files_are_kept_as_they_came(storage: Storage, tmp_path: Path) -> None:
    jpeg = encode(noise(5), "JPEG", quality=50)
    record = import_files(two_classes() | {"cat/x.jpg": jpeg}, storage, tmp_path)
    with zipfile.ZipFile(storage.local_path(dataset_key(record.facts.id, "images.zip"))) as archive:
        assert jpeg in [archive.read(name) for name in archive.namelist()]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert record.size_bytes == len(jpeg) + sum(map(len, two_classes().values()))


def test_copies_stay_on_one_side_and_all_are_kept(storage: Storage, tmp_path: Path) -> None:
    files = two_classes(30)
    copies = {path.replace("/", "/copy-"): data for path, data in files.items()}
    record = import_files(files | copies, storage, tmp_path)
    assert record.images == 120
    with open_dataset(record.facts.id, storage, tmp_path) as opened:
        sides = [
            {opened_split.read(index, 16).tobytes() for index in range(len(opened_split.labels))}
            for opened_split in (opened.train, opened.test)
        ]
    assert sides[0].isdisjoint(sides[1])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=1, max_size=120))
def test_the_cut_leaves_something_to_learn_and_depends_on_nothing_but_content(
    images: list[tuple[str, int]],
) -> None:
    labels = [label for label, _ in images]
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for _, number in images]
    chosen = choose_test_images(labels, digests)
    pairs = sorted(zip(labels, digests, strict=True), reverse=True)
    assert choose_test_images([label for label, _ in pairs], [digest for _, digest in pairs]) == chosen
    assert chosen <= set(digests)


def test_an_image_keeps_its_side_when_more_are_added() -> None:
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1000)]
    before = choose_test_images(["a"] * 500, digests[:500])
    after = choose_test_images(["a"] * 1000, digests)
    assert after & set(digests[:500]) == before
    assert 150 < len(after) < 250


# Hostile sources


@pytest.mark.parametrize(
    "path", ["../evil.png", "/etc/evil.png", "cat/../../evil.png", "C:\\evil.png", "..\\evil.png"]
)
def test_paths_that_leave_the_zip_are_refused(path: str, storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetRejectedError, match="outside itself"):
        import_files(two_classes() | {path: png()}, storage, tmp_path)


def test_a_nul_in_a_name_is_refused(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "nul.zip", two_classes() | {"cat/evilXpng": png(5)})
    path.write_bytes(path.read_bytes().replace(b"evilXpng", b"evil\0png"))
    with pytest.raises(DatasetRejectedError, match="outside itself"):
        import_dataset(path, storage, "pets")


def test_backslashes_of_old_windows_tools_are_folders(storage: Storage, tmp_path: Path) -> None:
    files = {path.replace("/", "\\"): data for path, data in two_classes().items()}
    assert import_files(files, storage, tmp_path) == import_files(two_classes(), storage, tmp_path)


def test_links_in_a_zip_are_skipped(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "links.zip", two_classes())
    link = zipfile.ZipInfo("cat/link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "a link" in reasons(import_dataset(path, storage, "pets"))["cat/link.png"]


def test_links_and_pipes_in_a_folder_are_skipped(storage: Storage, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "pets", two_classes())
    (tmp_path / "secret.png").write_bytes(png(123))
    (folder / "cat" / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "dog" / "pipe.png")
    record = import_dataset(folder, storage, "pets")
    assert record.images == 20
    assert set(reasons(record)) == {"cat/link.png", "dog/pipe.png"}


def test_a_bomb_is_skipped_before_it_is_unpacked(storage: Storage, tmp_path: Path) -> None:
    record = import_files(two_classes() | {"cat/bomb.png": b"\0" * (30 << 20)}, storage, tmp_path)
    assert "zip bombs" in reasons(record)["cat/bomb.png"]


def test_an_entry_that_lies_about_its_size_is_skipped(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "lie.zip", two_classes() | {"cat/lie.png": b"\0" * 900_000})
    data = path.read_bytes()
    path.write_bytes(data.replace((900_000).to_bytes(4, "little"), (500).to_bytes(4, "little")))
    assert "cannot be unpacked" in reasons(import_dataset(path, storage, "pets"))["cat/lie.png"]


def test_a_locked_entry_is_skipped(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "locked.zip", two_classes() | {"cat/locked.png": png(77)})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2", 0, data.rindex(b"cat/locked.png"))
    data[entry + 8] |= 1
    path.write_bytes(bytes(data))
    assert "password" in reasons(import_dataset(path, storage, "pets"))["cat/locked.png"]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ImportLimits(max_files=19), "20 files are too many"),
        (ImportLimits(max_total_bytes=1000), "GiB are allowed"),
        (ImportLimits(max_directory_bytes=500), "too many files"),
    ],
)
def test_caps_hold(limits: ImportLimits, words: str, storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "pets.zip", two_classes())
    with pytest.raises(DatasetRejectedError, match=words):
        import_dataset(path, storage, "pets", limits=limits)


def test_files_over_the_cap_are_skipped_from_zips_and_folders(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {"cat/large.bmp": encode(noise(1, 700, 700), "BMP")}
    limits = ImportLimits(max_file_bytes=1 << 20)
    for source in (write_zip(tmp_path / "a.zip", files), write_folder(tmp_path / "a", files)):
        record = import_dataset(source, storage, "pets", limits=limits)
        assert "larger than 1 MiB" in reasons(record)["cat/large.bmp"]


def test_an_image_that_announces_billions_of_pixels_is_skipped(storage: Storage, tmp_path: Path) -> None:
    huge = bytearray(png())
    huge[16:24] = (50_000).to_bytes(4, "big") * 2
    record = import_files(two_classes() | {"cat/huge.png": bytes(huge)}, storage, tmp_path)
    assert "cat/huge.png" in reasons(record)


def test_a_zip_with_damaged_bytes_loses_those_files_only(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "damaged.zip", two_classes() | {"cat/zz.png": png(55)}, zipfile.ZIP_STORED)
    data = path.read_bytes()
    path.write_bytes(data.replace(png(55)[40:60], b"\xff" * 20))
    assert "cannot be unpacked" in reasons(import_dataset(path, storage, "pets"))["cat/zz.png"]


@settings(max_examples=40, deadline=None)
@given(patch=st.binary(min_size=1, max_size=300), at=st.floats(0, 1))
def test_any_damage_to_a_zip_is_an_answer(patch: bytes, at: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_zip(Path(folder, "pets.zip"), two_classes(4))
        data = bytearray(path.read_bytes())
        start = int(at * len(data))
        data[start : start + len(patch)] = patch
        path.write_bytes(bytes(data))
        with suppress(DatasetRejectedError):
            assert import_dataset(path, open_storage(f"file://{folder}/storage"), "pets").images <= 8


def test_the_command_exports_images_or_says_why_not(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "model",
        "export-images",
        "--out",
        str(tmp_path),
        "--count",
        "2",
        "--dataset",
    ]
    done = subprocess.run([*command, "digits"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{tmp_path}/0_0.png", f"{tmp_path}/1_0.png"]
    failed = subprocess.run([*command, "ds_nothing"], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "There is no dataset 'ds_nothing'" in failed.stderr


def test_an_import_without_enough_memory_is_an_answer(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path / "pets.zip", two_classes() | {"cat/large.png": encode(Image.new("RGBA", (8000, 8000)))}
    )
    command = [sys.executable, "-m", "model", "import-dataset", "--source", str(path), "--name", "pets"]
    done = subprocess.run(
        [*command, "--storage", f"file://{tmp_path}/storage"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20)),
    )
    record = DatasetRecord.model_validate(json.loads(done.stdout)["dataset"])
    assert record.images == 20
    assert "more memory" in reasons(record)["cat/large.png"]
