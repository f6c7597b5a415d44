"""Tables of classes as people write them: each is read right, or it is said what does not fit."""

import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_files import noise, save
from saddle.data import Prepare, open_data
from saddle.data.readers.label_matching import ImageNames, parse_class, split_path, trim_whole_numbers
from saddle.data.readers.label_tables import LabelTable, read_stylegan_labels
from saddle.data.undecoded import UndecodedImages
from saddle.errors import Mistake

LINES = """\
{"file_name": "a.png", "label": "cat", "objects": {"bbox": [1, 2]}}

{"file_name": "b.png", "label": "dog", "width": 8}
{"file_name": "c.png", "label": "cat"}
{"file_name": "d.png", "label": "dog"}
"""
KEYS = ("a.png", "b.png", "c.png", "d.png")


def label(text: str | bytes, keys=KEYS, column=None, name="t.csv") -> tuple[dict[str, str], list[str]]:
    """The class of each picture that has one, and what was said."""
    said: list[str] = []
    raw = text if isinstance(text, bytes) else text.encode()
    pile = UndecodedImages(list(keys), lambda i: None)
    made = LabelTable(name, column, (), lambda: raw).with_labels(pile, ImageNames("data", keys), said.append)
    return {key: made.classes[n] for key, n in zip(made.keys, made.labels, strict=True)}, said


ALL = {"a.png": "cat", "b.png": "dog", "c.png": "cat", "d.png": "dog"}
PLAIN = "file,label\na.png,cat\nb.png,dog\nc.png,cat\nd.png,dog\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("file,label\n", ""),  # no header: the first picture is not lost
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace("file,label\n", "").replace(",", " "),
        PLAIN.replace("file,label\n", "").replace(",", "   "),
        "# made by hand\n" + PLAIN + "# the end, of it\n\n",
        PLAIN.replace("a.png", '"a.png"').replace("cat", '"cat"'),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace(",", " , "),
        "\ufeff" + PLAIN,
        PLAIN.encode("utf-16"),
        PLAIN.replace("a.png", "./a.png").replace("b.png", "/photos/set/b.png").replace("c.png", "C:\\x\\data\\c.png"),
        PLAIN.replace("a.png", "A.PNG").replace("b.png", "b.jpeg").replace("c.png", "c").replace("d.png", "data/d.png"),
        "File,Label\n" + PLAIN.partition("\n")[2],
        "label,image\ncat,a.png\ndog,b.png\ncat,c.png\ndog,d.png",
        "4\n" + PLAIN.partition("\n")[2],  # how many there are, as CelebA has it
        ",path,label\n0,a.png,cat\n1,b.png,dog\n2,c.png,cat\n3,d.png,dog\n",  # as pandas writes its index
        "what,shown,label\nx,a.png,cat\ny,b.png,dog\nz,c.png,cat\nw,d.png,dog\n",
    ],
)
def test_tables_are_read_as_people_write_them(text):
    found, said = label(text)
    assert found == ALL and said == []


def test_a_header_may_have_no_name_for_the_files():
    text = "4\nkind tone\na.png cat -1\nb.png dog  1\nc.png cat -1\nd.png dog -1\n"
    assert label(text, column="kind") == (ALL, [])
    assert label(text, column="tone")[0]["b.png"] == "1"


def test_columns_without_a_name_have_a_number():
    rows = "a.png,cat,1\nb.png,dog,2\nc.png,cat,1\nd.png,dog,2\n"
    with pytest.raises(Mistake, match=r"t.csv:COLUMN\? There are 2, 3"):
        label(rows)
    assert label(rows, column="2")[0] == ALL


def test_pictures_without_a_class_are_left_out_and_counted():
    found, said = label("file,label\na.png,cat\nb.png,NaN\nc.png,\nd.png,dog\n")
    assert found == {"a.png": "cat", "d.png": "dog"} and said == [
        "2 pictures without a label in t.csv, b.png and 1 more, are left out"
    ]
    found, said = label("file,label\na.png,1.0\nb.png,10.0\nc.png,nan\nd.png,2.0\n")
    assert found == {"a.png": "1", "b.png": "10", "d.png": "2"}


def test_rows_that_contradict_each_other_are_left_out_and_said():
    found, said = label(PLAIN + "a.png,dog\nb.png,dog\n")
    assert found == {key: ALL[key] for key in KEYS[1:]}
    assert said == ["1 picture with several classes in t.csv, such as a.png (cat and dog), is left out"]


def test_rows_without_a_picture_are_said():
    found, said = label(PLAIN + "gone.png,cat\nother.png,owl\n")
    assert found == ALL and said == ["2 rows of t.csv mean no picture here, such as gone.png"]
    found, said = label("gone.png,owl\n" + PLAIN.partition("\n")[2])  # not taken for a header either
    assert found == ALL and said == ["1 row of t.csv means no picture here, such as gone.png"]


def test_one_name_in_two_folders_is_said_and_told_apart_by_the_folder():
    keys = ("x/a.png", "y/a.png", "y/b.png")
    found, said = label("file,label\na.png,cat\nb.png,dog\n", keys)
    assert found == {"x/a.png": "cat", "y/a.png": "cat", "y/b.png": "dog"}
    assert said == ["a name in t.csv means several pictures, and all have its class: a.png is x/a.png and y/a.png; "
                    "folders tell them apart"]  # fmt: skip
    found, said = label("file,label\nx/a.png,cat\ny/a.png,dog\nz/a.png,owl\n/old/y/b.png,cat\n", keys)
    assert found == {"x/a.png": "cat", "y/a.png": "dog", "y/b.png": "cat"}
    assert said == ["1 row of t.csv means no picture here, such as z/a.png"]


def test_the_nearest_spelling_wins():
    found, _ = label("a.png,1\na.jpg,2\nA.PNG,3\n", ("a.png", "a.jpg", "A.PNG"))
    assert found == {"a.png": "1", "a.jpg": "2", "A.PNG": "3"}
    found, _ = label("a.b,1\na,2\n", ("a.b.png", "a.png"))
    assert found == {"a.b.png": "1", "a.png": "2"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no rows"),
        ("\n\n# nothing\n", "has no rows"),
        ("file,label\n", "has no rows"),
        ("a.png\nb.png\n", "one column only"),
        ("file,label\nx.png,1\ny.png,2\n", "no picture is named in t.csv; its rows read like 'x.png', .* like 'a.png'"),
        ("file,label\na.png,\nb.png,nan\n", "has no class for any picture"),
        ('file,label\na.png,"ca\n', "is no table that can be read"),
        (b"\xff\xfe\xff", "begins as UTF-16 and does not go on so; save it as UTF-8"),
        (b"a.png,\xe4\n", "is not in UTF-8: line 1 has the byte 0xe4"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(Mistake, match=sentence):
        label(text)


def test_a_table_that_names_the_pictures_of_both_parts_is_not_mixed_up(tmp_path):
    for i, part in enumerate(("train", "test")):
        for name in ("1.png", "2.png"):
            save(tmp_path / "set" / part / name, noise(8, 8, seed=i))
    (tmp_path / "set/t.csv").write_text("train/1.png,a\ntrain/2.png,b\ntest/1.png,c\ntest/2.png,d\n")
    for part, classes in (("", ("a", "b")), (":test", ("c", "d")), (":all", ("a", "b", "c", "d"))):
        data = open_data(f"{tmp_path / 'set'}{part}", Prepare(labels="t.csv"), print, cache=tmp_path / "cache")
        assert data.classes == classes
    (tmp_path / "set/t.csv").write_text("test/1.png,c\ntest/2.png,d\n")
    with pytest.raises(Mistake, match="no picture is named"):
        open_data(str(tmp_path / "set"), Prepare(labels="t.csv"), print, cache=tmp_path / "cache")


def test_a_table_is_found_below_the_folder_where_there_is_one_of_its_name(tmp_path):
    for name in ("1.png", "2.png"):
        save(tmp_path / "set" / "train" / name, noise(8, 8))
    (tmp_path / "set/train/meta.csv").write_text("file_name,label\n1.png,a\n2.png,b\n")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in (tmp_path / "set").rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path))

    def classes(source, labels):
        return open_data(str(tmp_path / source), Prepare(labels=labels), print, cache=tmp_path / "cache").classes

    for source in ("set", "set.zip"):
        for labels in ("meta.csv", "meta.csv:label", "train/meta.csv" if source == "set" else "set/train/meta.csv"):
            assert classes(source, labels) == ("a", "b")
    save(tmp_path / "set/test/3.png", noise(8, 8))
    (tmp_path / "set/test/meta.csv").write_text("file_name,label\n3.png,a\n")
    with pytest.raises(Mistake, match=r"no table meta.csv.*did you mean te"):
        classes("set", "meta.csv")
    with pytest.raises(Mistake, match="did you mean folders"):
        classes("set", "Folder")
    with pytest.raises(Mistake, match="labels is empty"):
        classes("set", "")


def test_small_words():
    assert (
        split_path("./a//b\\..\\c.png") == ("a", "c.png") and parse_class(" NaN ") == "" and parse_class("NA") == "NA"
    )
    assert trim_whole_numbers(["1.0", "2"]) == ["1", "2"] and trim_whole_numbers(["01", "2"]) == ["01", "2"]
    assert trim_whole_numbers(["1.5", "2"]) == ["1.5", "2"]


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=80), st.text('ab.png,;\t|"#\n\r 01', max_size=80).map(str.encode)))
def test_any_bytes_are_a_table_or_a_mistake(raw):
    try:
        found, _ = label(raw)
    except Mistake:
        return
    assert found.keys() <= set(KEYS) and all(found.values())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.just("labels"), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(json_values, json_values.map(lambda value: {"labels": value})))
def test_any_json_is_a_dataset_json_or_a_mistake(value):
    raw = json.dumps(value).encode()
    try:
        rows = read_stylegan_labels(raw, "dataset.json")
        label(raw, name="dataset.json")
    except Mistake:
        return
    assert rows and all(isinstance(row.path, str) and isinstance(row.value, str) for row in rows)


def test_metadata_of_hugging_face_is_a_table_by_lines():
    assert label(LINES, name="metadata.jsonl") == (ALL, [])
    assert label(LINES.replace("label", "text"), column="text", name="m.jsonl") == (ALL, [])
    assert label(LINES.replace('"cat"', "0").replace('"dog"', "1"), name="m.ndjson")[0]["b.png"] == "1"
    for text, words in ((LINES + "{", "line 6 of m.jsonl is no JSON"), ("[1]\n", "no object such as"),
                        ('{"file_name": "a.png"}', "does not tell files and their classes")):  # fmt: skip
        with pytest.raises(Mistake, match=words):
            label(text, name="m.jsonl")


def test_metadata_beside_pictures_is_named_with_the_option_that_reads_it(tmp_path):
    for i, key in enumerate(KEYS):
        save(tmp_path / key, noise(8, 8, 3, seed=i))
    (tmp_path / "metadata.jsonl").write_text(LINES)
    said: list[str] = []
    assert open_data(str(tmp_path), Prepare(), said.append).labels is None
    assert any(sentence.endswith("--labels metadata.jsonl reads them") for sentence in said)
    said.clear()
    labelled = open_data(str(tmp_path), Prepare(labels="metadata.jsonl"), said.append)
    assert labelled.classes == ("cat", "dog") and not any("metadata" in sentence for sentence in said)
