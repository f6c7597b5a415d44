"""What the cache keeps of a measurement: keyed by what made it, and never used when it is not what was written."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from data_files import noise
from saddle.data.array_dataset import ArrayDataset
from saddle.data.held_out import hold_out
from saddle.measuring.features import DeviceExtractor, SampleFeatures, find_cache_paths
from saddle.measuring.inputs import SampleSet
from saddle.metrics.features import Identity, RandomFeatures

CPU = torch.device("cpu")


class Counted(DeviceExtractor):
    """Counts how often it looks."""

    looks = 0

    def extract(self, side):
        self.looks += 1
        return super().extract(side)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path))
    return tmp_path / "features"


@pytest.fixture
def data():
    return ArrayDataset("noise", noise(40, 4, 4, 1), fingerprint="of-noise")


def eye(data):
    return Counted(Identity(data.shape), CPU)


def test_features_and_moments_are_worked_out_once(home, data):
    looking = eye(data)
    first, again = (SampleFeatures(SampleSet(data), looking) for _ in range(2))
    assert torch.equal(first.features, again.features) and torch.equal(first.moments.scatter, again.moments.scatter)
    assert looking.looks == 1 and len(list(home.iterdir())) == 2


@pytest.mark.parametrize("ending", [".npy", ".safetensors"])
@pytest.mark.parametrize("where", [0, 60, 0.5, -40, -1, "cut", "empty", "longer"])
def test_one_flipped_bit_is_said_and_changes_no_figure(home, data, ending, where):
    looking = eye(data)
    first = SampleFeatures(SampleSet(data), looking)
    features, moments = first.features.clone(), first.moments
    (file,) = home.glob(f"*{ending}")
    content = bytearray(file.read_bytes())
    if isinstance(where, str):
        content = {"cut": content[:-1], "empty": b"", "longer": content + b"0"}[where]
    else:
        content[int(where * len(content)) if isinstance(where, float) else where] ^= 1
    file.write_bytes(content)
    said = []
    again = SampleFeatures(SampleSet(data), looking, said.append)
    assert torch.equal(again.features, features) and torch.equal(again.moments.scatter, moments.scatter)
    assert torch.equal(again.moments.mean, moments.mean) and again.moments.n == moments.n
    assert len(said) == 1 and file.name in said[0] and "damaged" in said[0] and "made again" in said[0]
    later = SampleFeatures(SampleSet(data), looking, said.append)
    assert torch.equal(later.features, features) and later.moments.n == 40 and len(said) == 1


def test_each_thing_that_decides_features_has_its_own_place(home, data):
    other = replace(data, fingerprint="of-other-noise")
    held = hold_out(data, 20)
    sides = [SampleSet(data), SampleSet(other), SampleSet(data, 20), SampleSet(held), SampleSet(held.held_out)]
    eyes = [Identity(data.shape), RandomFeatures()]
    places = {find_cache_paths(side, eye) for side in sides for eye in eyes}
    assert len(places) == len(sides) * len(eyes)
    assert find_cache_paths(SampleSet(replace(data, fingerprint="")), eyes[0]) is None


def test_drafts_of_killed_processes_are_cleared_away_by_any_later_run(home, data):
    home.mkdir()
    for left in (".draft-identity.npy.77", ".lock"):
        (home / left).touch()
    before = os.umask(0o027)
    try:
        assert np.isfinite(SampleFeatures(SampleSet(data), eye(data)).features.numpy()).all()
    finally:
        os.umask(before)
    (file,) = home.iterdir()
    assert file.stat().st_mode & 0o777 == 0o640
    (home / ".draft-x.npy.78").touch()
    assert len(SampleFeatures(SampleSet(data), eye(data)).features) == 40 and list(home.iterdir()) == [file]
