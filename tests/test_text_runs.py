"""Runs on lines of text, as a user meets them: files, refusals, what is printed, sheets and reports."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Say
from saddle import load, measure, resume, train
from saddle.data import Prepare, open_data
from saddle.data.in_memory import open_given
from saddle.data.lines import LineDataset
from saddle.errors import Mistake
from saddle.inference.image_files import open_images
from saddle.latent import LatentSpace
from saddle.networks import TextLSTM
from saddle.recipes.gumbel_gan import GumbelGAN
from saddle.recipes.seqgan import SeqGAN
from saddle.reports.grids import contact_sheets_html, line_sheets_html
from saddle.reports.reading import open_runs
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.shape import Shape, Text, line_shape, parse_shape, shape_facts

LINES = ["春风吹绿了小窗", "rain on a tin roof", "月下有人吹笛", "a cat asleep", "山路上没有人", "snow, and no one"]
SMALL = TextLSTM(embedding=8, hidden=8, embedding_critic=8, width_critic=8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each recipe, on a file and on lines given in Python."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "lines.txt").write_text("\ufeff" + "\n\n".join(f"  {line} " for line in LINES), encoding="utf-8")
    common = {"images": 16, "quiet": True, "device": "cpu", "pictures": 1, "threads": 1}
    train(SeqGAN(networks=SMALL, rollouts=1, batch=4), str(folder / "lines.txt"), out=folder / "seqgan", **common)
    train(GumbelGAN(networks=SMALL, batch=4), LINES, out=folder / "gumbel", **common)
    return folder


def opened(path: Path, content: bytes, **options: object) -> tuple[LineDataset, list[str]]:
    path.write_bytes(content)
    said: list[str] = []
    data = open_data(str(path), Prepare(**options), said.append)  # type: ignore[arg-type]
    assert isinstance(data, LineDataset)
    return data, said


def test_a_file_is_read_in_characters_or_words_and_long_lines_are_cut(tmp_path: Path):
    data, said = opened(tmp_path / "a.txt", "春天 a\r\nbb\n".encode())
    assert data.text.words == ("", " ", "a", "b", "天", "春") and not said
    assert data.tokens.tolist() == [[5, 4, 1, 2], [3, 3, 0, 0]]
    words, _ = opened(tmp_path / "b.txt", "the cat\nthe 春天 cat!\n".encode(), tokens="words")
    assert words.text.words == ("", "!", "cat", "the", "天", "春") and words.tokens[1].tolist() == [3, 5, 4, 2, 1]
    long, said = opened(tmp_path / "c.txt", b"x" * 70 + b"\nyz\n")
    assert long.text.length == 64 and said == [
        f"1 line of {tmp_path / 'c.txt'} longer than 64 characters, and cut there"
    ]
    many = "\n".join(f"w{i}" for i in range(20_001))
    with pytest.raises(Mistake, match=r"has 20,002 different words, and 19,999 are the most; --tokens characters"):
        opened(tmp_path / "e.txt", f"{many}\na\n".encode(), tokens="words")
    few, _ = opened(tmp_path / "d.txt", b"a\nb\nc\nd", limit=2)
    assert len(few) == 2 and few.text.vocabulary == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds 0 lines of text; two at least are needed"),
        (b"\n one \n\n", "holds 1 line of text; two at least are needed"),
        ("春\n".encode("gb18030") * 2, "is not in UTF-8: line 1 has the byte 0xb4; save it as UTF-8, or convert it"),
    ],
)
def test_a_file_that_holds_no_lines_is_refused(tmp_path: Path, content: bytes, words: str):
    with pytest.raises(Mistake, match=words):
        opened(tmp_path / "a.txt", content)


REFUSED = [
    ("train seqgan --data glyphs", "glyphs has no line: its columns are image, label; lines are those of a "
     "text file, --data poems.txt, and --data oracle has made-up ones"),
    ("train dcgan --data oracle", "oracle has no image: its columns are line; lines of text are for the "
     "recipes seqgan and gumbel-gan"),
    ("train seqgan --size 32", "oracle has lines of text, not pictures: of the options for data only limit "
     "and tokens apply to it"),
    ("train seqgan --tokens words", "the tokens of oracle are numbers; leave out --tokens"),
    ("train gan --networks TextLSTM()", "TextLSTM takes lines of text, not 32x32 pixels in 1 channel; give --networks"),
    ("train gumbel-gan --temperature 0", "the temperature is 0, but should be above 0; leave out --temperature"),
    ("train seqgan --data oracle:1", "oracle:1 should say how many tokens its language has"),
    ("train seqgan --data H/lines.txt:words", "is one file, and has no part words"),
    ("train seqgan --likelihood 0.95", "likelihood is 0.95 and critic_alone 0.1, but should be shares"),
    ("train seqgan --data oracle:9 --limit 80 --measure fid", "fid cannot be measured: it is a "
     "metric of pictures, and oracle:9 has lines of text"),
    ("train dcgan --measure nll-oracle", "it is a metric of lines of text, and glyphs has"),
    ("measure H/seqgan --metrics nll-oracle", "only the data oracle are of a known language"),
    ("measure H/seqgan --features random", "features random are of pictures"),
    ("sample H/seqgan --out a.png", "a.png should be a file of lines, which ends in .txt"),
    ("sample H/seqgan --label 3", "leave out label"),
    ("reconstruct H/seqgan H/lines.txt", "this run cannot reconstruct images"),
    ("doctor H/lines.txt --size 8", "has lines of text, not pictures"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "sentence"), REFUSED)
def test_what_lines_cannot_be_asked_is_refused_in_a_sentence(words: str, sentence: str, say: Say):
    code, out, err = say(words)
    assert code == 2 and not out and sentence in err and err.count("\n") == 1


def test_networks_of_pictures_are_refused_with_those_of_lines(home: Path):
    for recipe in ("seqgan", "gumbel-gan"):
        with pytest.raises(Mistake, match=r'give --networks "TextLSTM\('):
            train(recipe, LINES, options={"networks": "Perceptron()", "batch": "4"}, images=8, quiet=True, device="cpu")


def test_sample_prints_lines_or_puts_them_into_a_file(home: Path, say: Say, tmp_path: Path):
    code, out, _ = say("sample H/seqgan -n 5")
    lines = load(home / "seqgan").lines(5)
    assert code == 0 and out == "\n".join(lines) + "\n"
    assert set("".join(lines)) <= set("".join(LINES))
    assert say("sample H/seqgan -n 5 --out made/a.txt")[:2] == (0, "made/a.txt\n")
    assert (tmp_path / "made/a.txt").read_text(encoding="utf-8").splitlines() == lines


def test_lines_given_in_python_are_known_as_those_of_a_file(home: Path):
    one, other = (Manifest.read(RunFolder.find(home / name)) for name in ("seqgan", "gumbel"))
    assert one.data["fingerprint"] == other.data["fingerprint"] and one.shape == other.shape
    assert one.shape.text is not None and one.shape.text.words[0] == "" and "春" in one.shape.text.words
    assert load(home / "gumbel").shape == line_shape(one.shape.text)
    assert {f.metric for f in measure(home / "gumbel", data=LINES, n=6)} == {"distinct", "diversity", "copies"}


def test_sheets_are_files_of_lines_and_a_report_shows_them(home: Path, say: Say, tmp_path: Path):
    sheets = sorted(path.name for path in (home / "seqgan/sheets").iterdir())
    assert sheets[-1] == "real.txt" and all(name.endswith(".txt") for name in sheets) and len(sheets) == 3
    assert sorted((home / "seqgan/sheets/real.txt").read_text(encoding="utf-8").split("\n")) == sorted(["", *LINES])
    assert not (home / "seqgan/progress.gif").exists()
    assert say("report H/seqgan --out page.html")[0] == 0
    (run,) = open_runs([str(home / "seqgan")])
    shown = line_sheets_html(run)
    assert not contact_sheets_html(run) and len(shown) == 3 and LINES[0] in shown[0] and "the data" in shown[0]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert all(figure in page for figure in shown) and load(home / "seqgan").lines(36)[35] in page
    sheet = home / "seqgan/sheets/0000000099.txt"
    sheet.symlink_to(home / "lines.txt")
    assert len(line_sheets_html(run)) == 3
    sheet.unlink()


def test_a_board_shows_lines_as_text(tmp_path: Path):
    pytest.importorskip("tensorboard")
    from saddle.training.callbacks.tensorboard import TensorBoard

    sheet, said = tmp_path / "0.txt", []
    sheet.write_text("春\na b\n", encoding="utf-8")
    board = TensorBoard()
    board.images = 7
    board.writer = type("Writer", (), {"add_text": lambda self, *what: said.append(what)})()  # type: ignore[assignment]
    board.on_picture(sheet)
    assert said == [("samples", "春  \na b  \n", 7)]


def test_what_is_about_pictures_refuses_a_run_of_lines(home: Path):
    loaded, manifest = load(home / "seqgan"), Manifest.read(RunFolder.find(home / "seqgan"))
    with pytest.raises(Mistake, match="writes lines of text, but latents are looked at and searched by images"):
        LatentSpace(loaded)
    with pytest.raises(Mistake, match=r"was trained on lines of 18 tokens of \d+, and not on pictures"):
        open_images(str(home / "lines.txt"), manifest, loaded.shape)
    with pytest.raises(Mistake, match=r"lines.txt is lines of text, and pictures are wanted"):
        open_data("glyphs", Prepare(source=str(home / "lines.txt")), print, wants=("a", "b"))


def test_the_shape_of_lines_is_read_back_from_json():
    shape = line_shape(Text(6, 9))
    assert parse_shape(json.loads(json.dumps(shape_facts(shape)))) == shape != Shape(9, 1, 6)
    assert str(shape) == "lines of 6 tokens of 9" and replace(shape.text, length=7) != shape.text
    with pytest.raises(Mistake, match="is no text of"):
        parse_shape([9, 1, 6, 0, {}, {"text": [7, 9]}])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ab\n春\n".encode("utf-16-le"), "has a NUL in line 1, as text in UTF-16 has .* iconv -f UTF-16LE -t UTF-8"),
        (b"one\ntwo\0\n", "has a NUL in line 2"),
        (b"\xff\xfea", "begins as UTF-16 and does not go on so"),
    ],
)
def test_a_file_that_is_no_text_is_refused_with_the_way_to_make_it_some(tmp_path: Path, content: bytes, words: str):
    with pytest.raises(Mistake, match=words):
        opened(tmp_path / "a.txt", content)


def test_lines_are_the_same_whatever_wrote_their_file(tmp_path: Path):
    texts = ["ab\ncd\n", "ab\r\ncd\r\n", "\ufeffab\rcd", "\n ab \n\n\tcd"]
    ways = [(text, "utf-8") for text in texts] + [(texts[1], "utf-16")]
    found = {opened(tmp_path / "a.txt", text.encode(code))[0].fingerprint for text, code in ways}
    found |= {open_given(given, Prepare(), print, "x").fingerprint
              for given in (["ab", "cd"], ["ab\ncd"], {"line": ("ab", "cd")})}  # fmt: skip
    assert len(found) == 1


def test_only_what_is_shown_of_long_lines_counts_as_tokens(tmp_path: Path):
    data, _ = opened(tmp_path / "a.txt", b"a" * 64 + b"xyz\nb\n")
    assert data.text.words == ("", "a", "b")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["ab", "c\ud800d"], "has a text with half a character"),
        (["ab", "c\0"], "has a text with a NUL"),
        (["ab", None], "row 1 is None; give text in each"),
        ([], "a list of lines of text, or a saddle.data.Dataset, not this list"),
        ([1, 2], "not this list"),
    ],
)
def test_what_is_no_text_of_a_program_is_refused_before_a_run_begins(given: object, words: str, tmp_path: Path):
    with pytest.raises(Mistake, match=words):
        train(GumbelGAN(networks=SMALL, batch=2), given, images=4, quiet=True, device="cpu", out=tmp_path / "run")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_lines_are_written_over_no_file_and_data_that_are_not_there_are_said_to_be_so(say: Say, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("a\n")
    code, _, err = say("sample H/seqgan --out mine.txt")
    assert (code, err) == (2, "saddle: mine.txt is there already, and lines are written over no file; name another "
                              "place, or delete it\n")  # fmt: skip
    code, _, err = say("train seqgan --data main.txt")
    assert (code, err) == (2, "saddle: there is no file or folder main.txt; did you mean mine.txt?\n")


def test_the_doctor_tells_of_lines_what_lines_have(say: Say, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("abc\nd\nabc\nabc\n")
    code, out, _ = say("doctor mine.txt")
    assert code == 0 and "pictures" not in out and "modes" not in out
    assert [" ".join(line.split()) for line in out.splitlines()[1:5]] == [
        "lines 4", "tokens of a line 1 to 3, 3 in the middle", "different tokens 4", "said again 2 lines"]  # fmt: skip


def test_a_last_round_that_went_beyond_the_end_is_counted_where_more_is_proposed(tmp_path: Path):
    recipe = SeqGAN(networks=SMALL, rollouts=1, batch=2)
    train(recipe, LINES, images=8, quiet=True, device="cpu", pictures=1, out=tmp_path / "run", threads=1)
    with pytest.raises(Mistake, match=r"has shown 34 images already; name more$"):
        resume(tmp_path / "run", images="+8", data=LINES)
