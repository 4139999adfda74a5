import hashlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.data.duplicates.groups_file import GROUPS_FILE, read_training_groups
from model.data.importing import import_dataset
from model.data.opening import find_facts, open_dataset
from model.data.record import RECORD_FILE, SKIPPED_LISTED, dataset_key
from model.data.split import choose_test_images
from model.errors import DatasetRejectedError, DatasetUnavailableError
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.imports import import_files, reasons
from tests.model.photos import TWINS, photo
from tests.model.pictures import encode, noise, png, two_classes, write_folder, write_zip
from tests.stored import stored_path


def test_files_that_are_no_images_are_skipped_with_their_reasons(storage: Storage, tmp_path: Path) -> None:
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


def test_control_characters_in_names_of_skipped_files_are_replaced(storage: Storage, tmp_path: Path) -> None:
    record = import_files(two_classes() | {"cat/\x1b[2J\u202e.txt": b""}, storage, tmp_path)
    assert [file.path for file in record.skipped] == ["cat/\ufffd[2J\ufffd.txt"]


def test_files_that_operating_systems_create_are_ignored(storage: Storage, tmp_path: Path) -> None:
    left_behind = dict.fromkeys(
        ("__MACOSX/cat/._0.png", "cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini", ".git/config", "dog/"),
        b"x",
    )
    record = import_files(two_classes() | left_behind, storage, tmp_path)
    assert record == import_files(two_classes(), storage, tmp_path)
    assert record.skipped_count == 0


def test_all_skipped_files_are_counted_but_only_the_first_are_listed(
    storage: Storage, tmp_path: Path
) -> None:
    files = two_classes() | {f"cat/{number}.txt": b"" for number in range(SKIPPED_LISTED + 5)}
    record = import_files(files, storage, tmp_path)
    assert len(record.skipped) == SKIPPED_LISTED
    assert record.skipped_count == SKIPPED_LISTED + 5


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "At least 2 classes are needed, but the upload holds no image"),
        ({f"cat/{n}.png": png(n) for n in range(9)}, "At least 2 classes are needed, 1 found"),
        (
            {"cat/a.txt": b"", "dog/b.txt": b""},
            "2 of 2 files, such as cat/a.txt: not an image: the file is empty",
        ),
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
def test_too_few_images_or_classes_are_refused_with_a_remedy(
    files: dict[str, bytes], words: str, storage: Storage, tmp_path: Path
) -> None:
    with pytest.raises(DatasetRejectedError, match=words):
        import_files(files, storage, tmp_path)
    assert storage.list() == []


@pytest.mark.parametrize("name", ["digits", "ds_x", "Pets", "", "a" * 65, "../x"])
def test_invalid_dataset_names_are_refused(name: str, storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetRejectedError, match="name"):
        import_dataset(write_folder(tmp_path / "pets", two_classes()), storage, name)


def test_a_source_that_is_neither_folder_nor_zip_is_refused(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetRejectedError, match="no folder and no file"):
        import_dataset(tmp_path / "nothing", storage, "pets")
    (tmp_path / "text").write_text("text")
    with pytest.raises(DatasetRejectedError, match="not a zip file"):
        import_dataset(tmp_path / "text", storage, "pets")


def test_folder_and_zip_with_the_same_images_in_any_order_are_the_same_dataset(
    storage: Storage, tmp_path: Path
) -> None:
    files = two_classes(20)
    first = import_dataset(write_folder(tmp_path / "pets", files), storage, "pets")
    frozen = stored_path(storage, dataset_key(first.facts.id, "images.zip")).read_bytes()
    renamed = {path.replace(".png", "-renamed.png"): data for path, data in reversed(files.items())}
    again = import_dataset(write_zip(tmp_path / "again.zip", renamed), storage, "other")
    assert again == first
    elsewhere = open_storage(f"file://{tmp_path}/elsewhere")
    import_dataset(tmp_path / "again.zip", elsewhere, "other")
    assert elsewhere.read_bytes(dataset_key(first.facts.id, "images.zip")) == frozen


def test_importing_the_stored_images_of_a_dataset_gives_the_same_dataset(
    storage: Storage, tmp_path: Path
) -> None:
    first = import_files(two_classes(20), storage, tmp_path)
    frozen = stored_path(storage, dataset_key(first.facts.id, "images.zip"))
    elsewhere = open_storage(f"file://{tmp_path}/elsewhere")
    assert import_dataset(frozen, elsewhere, "pets") == first


def test_the_next_import_completes_one_that_died_before_its_record(storage: Storage, tmp_path: Path) -> None:
    first = import_files(two_classes(), storage, tmp_path)
    storage.delete(dataset_key(first.facts.id, RECORD_FILE))
    with pytest.raises(DatasetUnavailableError):
        find_facts(first.facts.id, storage)
    assert import_files(two_classes(), storage, tmp_path) == first


def test_accepted_files_are_stored_unchanged(storage: Storage, tmp_path: Path) -> None:
    jpeg = encode(noise(5), "JPEG", quality=50)
    record = import_files(two_classes() | {"cat/x.jpg": jpeg}, storage, tmp_path)
    with zipfile.ZipFile(stored_path(storage, dataset_key(record.facts.id, "images.zip"))) as archive:
        assert jpeg in [archive.read(name) for name in archive.namelist()]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert record.size_bytes == len(jpeg) + sum(map(len, two_classes().values()))


def test_duplicate_images_are_kept_and_are_in_the_same_split(storage: Storage, tmp_path: Path) -> None:
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
def test_the_split_keeps_training_images_and_depends_only_on_content(
    images: list[tuple[str, int]],
) -> None:
    labels = [label for label, _ in images]
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for _, number in images]
    chosen = choose_test_images(labels, digests)
    pairs = sorted(zip(labels, digests, strict=True), reverse=True)
    assert choose_test_images([label for label, _ in pairs], [digest for _, digest in pairs]) == chosen
    assert chosen.test <= set(digests)


def test_an_image_stays_in_its_split_when_images_are_added() -> None:
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1000)]
    before = choose_test_images(["a"] * 500, digests[:500]).test
    after = choose_test_images(["a"] * 1000, digests).test
    assert after & set(digests[:500]) == before
    assert 150 < len(after) < 250


def test_near_duplicates_are_in_the_same_split(storage: Storage, tmp_path: Path) -> None:
    files = {f"{'ab'[seed % 2]}/{seed}.png": encode(photo(seed)) for seed in range(40)}
    files |= {
        f"{'ab'[seed % 2]}/{seed}-{name}.jpg": encode(twin(photo(seed)), "JPEG")
        for seed in range(0, 40, 5)
        for name, twin in TWINS.items()
    }
    record = import_files(files, storage, tmp_path)
    with zipfile.ZipFile(stored_path(storage, dataset_key(record.facts.id, "images.zip"))) as archive:
        split_of = {Path(name).stem: name.split("/")[0] for name in archive.namelist()}
    placed = {path.split("/")[-1]: split_of[hashlib.sha256(data).hexdigest()] for path, data in files.items()}
    assert set(placed.values()) == {"train", "test"}
    for seed in range(0, 40, 5):
        twins = {split for name, split in placed.items() if name.split("-")[0].split(".")[0] == str(seed)}
        assert len(twins) == 1
    groups = read_training_groups(record.facts.id, storage)
    assert {len(group) for group in groups} == {1 + len(TWINS)}
    assert len(groups) == sum(placed[f"{seed}.png"] == "train" for seed in range(0, 40, 5))


def test_the_groups_are_stored_when_the_images_of_an_earlier_release_are_added_again(
    storage: Storage, tmp_path: Path
) -> None:
    files = {f"{'ab'[seed % 2]}/{seed}.png": encode(photo(seed)) for seed in range(30)}
    files |= {f"a/{seed}-half.png": encode(TWINS["half"](photo(seed))) for seed in range(0, 30, 2)}
    record = import_files(files, storage, tmp_path)
    groups = read_training_groups(record.facts.id, storage)
    assert groups
    storage.delete(dataset_key(record.facts.id, GROUPS_FILE))
    assert read_training_groups(record.facts.id, storage) == []
    assert import_files(files, storage, tmp_path).facts.id == record.facts.id
    assert read_training_groups(record.facts.id, storage) == groups


def test_training_images_that_are_twins_of_test_images_are_skipped(storage: Storage, tmp_path: Path) -> None:
    files = {f"train/{'ab'[seed % 2]}/{seed}.png": encode(photo(seed)) for seed in range(30)}
    files |= {f"test/{'ab'[seed % 2]}/{seed}.png": encode(photo(seed)) for seed in range(100, 110)}
    files["train/a/twin.jpg"] = encode(TWINS["half"](photo(100)), "JPEG")
    record = import_files(files, storage, tmp_path)
    assert reasons(record) == {
        "train/a/twin.jpg": "nearly the same image as test/a/100.png, which is in the test split"
    }
    assert (sum(record.facts.train_counts), sum(record.facts.test_counts)) == (30, 10)
    assert [warning for warning in record.warnings if "1 training image is nearly the same" in warning]
