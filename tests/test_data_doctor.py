"""The doctor finds what was put there, and nothing else."""

import numpy as np
import pytest
import rich
from PIL import Image

from data_files import noise, pictures, save, smooth
from saddle.data import Prepare, examine, open_data
from saddle.data.doctor.report import Report
from saddle.errors import Mistake


def test_a_sound_set_is_called_sound(tmp_path):
    np.save(tmp_path / "a.npy", noise(1000, 16, 16, 3))
    report = examine(str(tmp_path / "a.npy"), Prepare())
    assert report.sound and report.sizes == {(16, 16): 1000} and report.modes == {"colour": 1000}
    assert report.advice == ("nothing to do: train on it as it is",)


@pytest.fixture(scope="module")
def sick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sick")
    for i in range(20):
        save(folder / "cat" / f"{i:02}.png", smooth(40, 40, seed=i))
    save(folder / "dog/long.png", smooth(40, 200, seed=50))
    save(folder / "dog/copy.png", smooth(40, 40, seed=3))
    save(folder / "dog/again.jpg", smooth(40, 40, seed=4), quality=90)
    save(folder / "dog/flat.png", np.full((40, 40, 3), 77, np.uint8) + noise(40, 40, 3) // 128)
    whole = (folder / "dog/again.jpg").read_bytes()
    (folder / "dog/cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "dog/text.png").write_text("no picture")
    return folder


def test_every_illness_is_found(sick):
    report = examine(str(sick), Prepare())
    assert report.count == 26
    assert report.unreadable == {"dog/cut.jpg": "it is truncated", "dog/text.png": "it is no picture that can be read"}
    assert report.odd == {"dog/long.png": "40x200"}
    assert report.duplicates == [["cat/03.png", "dog/copy.png"]]
    assert report.similar == [["cat/04.png", "dog/again.jpg"]]
    assert report.blank == ["dog/flat.png"]
    assert report.classes == {"cat": 20, "dog": 4} and report.sizes == {(40, 40): 23, (40, 200): 1}


def test_the_report_reads_the_same_as_text_and_as_a_table(sick, capsys):
    report = examine(str(sick), Prepare())
    rich.print(report)
    table = capsys.readouterr().out
    for words in ("dog/cut.jpg", "dog/long.png (40x200)", "cat/03.png = dog/copy.png", "cat (20)", "colour (24)"):
        assert words in str(report) and words in " ".join(table.replace("│", " ").split())


def test_advice_names_the_options(sick, tmp_path):
    said = " ".join(examine(str(sick), Prepare()).advice)
    for words in (
        "2 of 26 cannot be read",
        "copies of others: 1,",
        "nearly the same as others: 1;",
        "--size 32",
        "24 samples: a critic",
        "--flip",
    ):
        assert words in said, (words, said)
    said = " ".join(examine(str(sick), Prepare(size=64)).advice)
    assert "smaller than 64 pixels: 24 of 24" in said and "--size" not in said
    for i in range(3):
        save(tmp_path / "grey" / f"{i}.png", np.repeat(noise(32, 32, 1, seed=i), 3, axis=2))
        save(tmp_path / "clear" / f"{i}.png", noise(32, 32, 4, seed=i) | np.array([0, 0, 0, 254], np.uint8))
        save(tmp_path / "long" / f"{i}.png", noise(128, 400, 3, seed=i))
    assert "--channels 1" in str(examine(str(tmp_path / "grey"), Prepare()))
    assert "--channels 1" not in str(examine(str(tmp_path / "grey"), Prepare(channels=1)))
    assert "transparent in part: 3," in str(examine(str(tmp_path / "clear"), Prepare()))
    assert (
        "--size 128 makes squares" in (text := str(examine(str(tmp_path / "long"), Prepare())))
        and "--crop pad" in text
        and "--size 128x384" in text
    )


def test_uneven_classes_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", images=noise(66, 16, 16), labels=[0] * 60 + [1] * 6)
    assert "the largest has 60 pictures, 1 has 6" in str(examine(str(tmp_path / "a.npz"), Prepare()))


def test_small_changes_are_near_and_different_pictures_are_not(tmp_path):
    for i in range(30):
        save(tmp_path / f"{i:02}.png", smooth(64, 64, seed=i))
    image = Image.fromarray(smooth(64, 64, seed=7))
    image.resize((96, 96), Image.Resampling.LANCZOS).save(tmp_path / "larger.png")
    image.save(tmp_path / "lossy.webp", quality=85)
    assert examine(str(tmp_path), Prepare()).similar == [["07.png", "larger.png", "lossy.webp"]]


def test_lines_of_long_names_are_broken_between_names():
    names = [f"blob/1f468_200d_1f469_200d_1f46{i}.webp" for i in range(8)]
    text = str(Report("emoji", 8, duplicates=[names[:4], names[4:]], similar=[names[:2]]))
    assert max(map(len, text.splitlines())) <= 100 and all(name in text.split() for name in names[:3])


@pytest.mark.parametrize("source", ["ring", "glyphs"])
def test_embedded_sets_are_examined_too(source):
    assert source in str(examine(source, Prepare(size=16 if source == "glyphs" else None, limit=500)))


def test_nothing_to_examine_is_a_sentence(tmp_path):
    with pytest.raises(Mistake, match="holds no pictures"):
        examine(str(tmp_path), Prepare())
    (tmp_path / "a.png").write_bytes(b"")
    report = examine(str(tmp_path), Prepare())
    assert report.unreadable == {"a.png": "it is empty"}
    assert report.advice == ("there is nothing to train on: no file here is a picture that can be read",)
    with pytest.raises(Mistake, match="the only file there is no picture that can be read"):
        open_data(str(tmp_path), Prepare(), lambda sentence: None)
    save(tmp_path / "b.png", noise(16, 16, 3))
    assert examine(str(tmp_path), Prepare()).advice[1].startswith("1 sample: a critic may learn so few by heart")


def test_a_folder_of_sound_pictures_needs_only_more_of_them(tmp_path):
    pictures(tmp_path, 10, side=32)
    report = examine(str(tmp_path), Prepare())
    assert report.sound and len(report.advice) == 1 and "10 samples: a critic" in report.advice[0]
