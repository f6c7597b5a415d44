"""The classifier that reads samples: it learns, it knows nothing from something, it is kept and found again."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from saddle.data.glyphs import draw_glyphs
from saddle.errors import Mistake
from saddle.metrics.classifier import Classifier, class_shares, classifier_accuracy, confident_share, train_classifier


@dataclass(frozen=True)
class Pictures:
    samples: NDArray[np.generic]
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    name: str = "pictures"
    fingerprint: str = "f00d"


@dataclass(frozen=True)
class Reading:
    data: Pictures
    classifier: Classifier
    images: torch.Tensor = field(repr=False)


def drawn(size: int, channels: int, seed: int, count: int, only: int = 36) -> Pictures:
    samples, labels, classes = draw_glyphs(size, channels, seed, count=count)
    few = labels < only
    return Pictures(samples[few], labels[few], classes[:only], fingerprint=f"{size}{channels}{seed}{count}{only}")


def signed(data: Pictures) -> torch.Tensor:
    return torch.from_numpy(data.samples).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.fixture(scope="module")
def reading() -> Reading:
    """Four digits at 16 pixels, learned in a few seconds."""
    data = drawn(16, 1, 0, 8 * 432, only=4)
    return Reading(data, train_classifier(data, epochs=12), signed(drawn(16, 1, 1, 4 * 432, only=4)))


def test_it_learns_to_read_drawings_it_has_not_seen(reading: Reading) -> None:
    unseen = drawn(16, 1, 1, 4 * 432, only=4)
    assert classifier_accuracy(reading.classifier, unseen) > 0.97
    assert confident_share(reading.classifier, reading.images) > 0.9
    assert class_shares(reading.classifier, reading.images) == pytest.approx([0.25] * 4, abs=0.02)


def test_probabilities_are_a_distribution_and_do_not_depend_on_the_company(reading: Reading) -> None:
    together = reading.classifier.class_probabilities(reading.images[:9])
    alone = torch.cat([reading.classifier.class_probabilities(image[None]) for image in reading.images[:9]])
    assert together.sum(1) == pytest.approx(torch.ones(9))
    assert torch.allclose(together, alone, atol=1e-5)


def test_nothing_is_not_read_as_something(reading: Reading) -> None:
    black = -torch.ones(1, 1, 16, 16)
    noise = 2 * torch.rand(200, 1, 16, 16, generator=torch.Generator().manual_seed(0)) - 1
    assert confident_share(reading.classifier, black) == 0 and confident_share(reading.classifier, -black) == 0
    assert confident_share(reading.classifier, noise) < 0.05


def test_more_confidence_is_asked_of_fewer(reading: Reading) -> None:
    shares = [confident_share(reading.classifier, reading.images, confidence) for confidence in (0.2, 0.8, 0.99, 1.0)]
    assert shares == sorted(shares, reverse=True) and shares[0] > 0.99 and shares[-1] < 1


def test_training_repeats_and_leaves_the_callers_chance_alone() -> None:
    data, weights = drawn(8, 1, 0, 432), []
    for _ in range(2):
        torch.manual_seed(7)
        weights.append(train_classifier(data, epochs=1).state_dict())
        after = torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(after, torch.rand(3))
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_a_kept_classifier_is_found_again_and_not_for_other_data(tmp_path: Path) -> None:
    data = drawn(8, 3, 0, 432)
    first = train_classifier(data, epochs=1, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    written = file.stat().st_ino
    again = train_classifier(data, epochs=1, cache=tmp_path)
    assert file.stat().st_ino == written, "used again, not made again"
    assert torch.equal(first.class_probabilities(signed(data)), again.class_probabilities(signed(data)))
    train_classifier(replace(data, fingerprint="other"), epochs=1, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("place", [2000])
def test_a_kept_classifier_with_a_flipped_bit_is_said_and_trained_again(tmp_path: Path, place: int) -> None:
    data = drawn(8, 1, 0, 432)
    first = train_classifier(data, epochs=1, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = bytearray(file.read_bytes())
    whole[place] ^= 1
    file.write_bytes(whole)
    said: list[str] = []
    again = train_classifier(data, epochs=1, cache=tmp_path, say=said.append)
    assert len(said) == 1 and "is damaged" in said[0] and "made again" in said[0]
    assert torch.equal(first.class_probabilities(signed(data)), again.class_probabilities(signed(data)))
    train_classifier(data, epochs=1, cache=tmp_path, say=said.append)
    assert len(said) == 1 and list(tmp_path.iterdir()) == [file]


def test_data_without_a_fingerprint_are_not_taken_for_others(tmp_path: Path) -> None:
    train_classifier(replace(drawn(8, 1, 0, 432), fingerprint=""), epochs=1, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_learned_or_read_is_refused(reading: Reading) -> None:
    data = reading.data
    with pytest.raises(Mistake, match="needs labels"):
        train_classifier(replace(data, labels=None))
    with pytest.raises(Mistake, match="needs images"):
        train_classifier(replace(data, samples=np.zeros((10, 1, 1, 2), np.float32)))
    with pytest.raises(Mistake, match=r"reads 16x16 pixels.* 2 x 1 x 32 x 32"):
        reading.classifier.class_probabilities(torch.zeros(2, 1, 32, 32))


@pytest.mark.slow
def test_all_characters_in_all_faces_are_read() -> None:
    classifier = train_classifier(drawn(32, 1, 0, 24 * 432))
    unseen = drawn(32, 1, 1, 4 * 432)
    assert classifier_accuracy(classifier, unseen) > 0.98
    assert confident_share(classifier, signed(unseen)) > 0.95


@pytest.mark.slow
def test_mnist_is_read_at_99_percent(real_data: Path) -> None:
    def idx(name: str, header: int) -> NDArray[np.uint8]:
        return np.frombuffer(gzip.decompress((real_data / "mnist" / name).read_bytes()), np.uint8, offset=header)

    train, test = (
        Pictures(
            idx(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1),
            idx(f"{part}-labels-idx1-ubyte.gz", 8).astype(np.int64),
            tuple("0123456789"),
        )
        for part in ("train", "t10k")
    )
    assert classifier_accuracy(train_classifier(train), test) > 0.99
