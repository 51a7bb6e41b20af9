"""Files that are whole at any moment."""

import os

import pytest

from autograd_mini import nn
from autograd_mini.files import read_json, write_json


def test_what_is_written_is_read(tmp_path):
    content = {"a": [0.1, -0.0, 5e-324, 1.7976931348623157e308, True, None, "ä"]}
    write_json(tmp_path / "a.json", content)
    again = read_json(tmp_path / "a.json", "file", "")
    assert repr(again) == repr(content)
    assert os.listdir(tmp_path) == ["a.json"]


def test_content_that_json_does_not_have_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError, match="complex is not JSON serializable"):
        write_json(tmp_path / "a.json", 1j)
    assert read_json(tmp_path / "a.json", "file", "") == 1
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device that is always full")
def test_a_full_disk_leaves_the_old_weights(tmp_path):
    path = tmp_path / "model.json"
    first, second = nn.Neuron(2), nn.Neuron(2)
    first.save(path)
    os.symlink("/dev/full", tmp_path / "model.json.part")
    with pytest.raises(OSError, match="No space left on device"):
        second.save(path)
    second.load(path)
    assert second.state_dict() == first.state_dict()
    assert os.listdir(tmp_path) == ["model.json"]


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.json").write_text("[1, 2")
    with pytest.raises(ValueError, match=r"a.json is no diary: .*; begin another"):
        read_json(tmp_path / "a.json", "diary", "begin another")
