"""Files that are whole at any moment, and that say what they hold."""

import json
import os
import re

import pytest

from autograd_mini import Value, fit, nn
from autograd_mini.files import CHECKPOINT, WEIGHTS, read_json, write_json
from autograd_mini.optim import SGD


def test_what_is_written_is_read(tmp_path):
    content = {"a": [0.1, -0.0, 5e-324, 1.7976931348623157e308, True, None, "ä"]}
    write_json(tmp_path / "a.json", content, WEIGHTS)
    again = read_json(tmp_path / "a.json", WEIGHTS, "")
    assert repr(again) == repr(content)
    assert os.listdir(tmp_path) == ["a.json"]


def test_content_that_json_does_not_have_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", 1, WEIGHTS)
    with pytest.raises(TypeError, match="complex is not JSON serializable"):
        write_json(tmp_path / "a.json", 1j, WEIGHTS)
    assert read_json(tmp_path / "a.json", WEIGHTS, "") == 1
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
    with pytest.raises(ValueError, match=r"a.json does not hold a checkpoint: .*; begin another$"):
        read_json(tmp_path / "a.json", CHECKPOINT, "begin another")


def written(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    "content", [1.5, None, [1], {}, {"a": 1}, {"format": 1.0, "version": 2.0}, {"format": ["a"], "content": {}}]
)
def test_a_file_of_before_files_said_what_they_hold_is_read(tmp_path, content):
    path = written(tmp_path, content)
    assert read_json(path, WEIGHTS, "") == read_json(path, CHECKPOINT, "") == content


@pytest.mark.parametrize(("kind", "other"), [(WEIGHTS, CHECKPOINT), (CHECKPOINT, WEIGHTS)])
def test_a_file_of_another_kind_or_of_a_newer_version_is_refused_by_name(tmp_path, kind, other):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1}, other)
    with pytest.raises(ValueError, match=re.escape(f"a.json holds {other.noun} and not {kind.noun}; {other.use}")):
        read_json(path, kind, "remedy")
    write_json(path, {"a": 1}, kind._replace(version=kind.version + 1))
    message = f"a.json holds {kind.noun} of version {kind.version + 1}, and this autograd_mini reads those up to 1; upd"
    with pytest.raises(ValueError, match=message):
        read_json(path, kind, "remedy")
    write_json(path, {"a": 1}, kind._replace(format="autograd_mini pictures"))
    with pytest.raises(ValueError, match="a.json is of the format 'autograd_mini pictures', which this autograd_mini"):
        read_json(path, kind, "remedy")


@pytest.mark.parametrize(
    "parts",
    [{}, {"version": 1}, {"content": {}}, *[{"version": x, "content": {}} for x in (0, -1, "1", 1.0, True, None)]],
)
def test_without_a_version_and_a_content_a_file_is_damaged(tmp_path, parts):
    path = written(tmp_path, {"format": WEIGHTS.format, **parts})
    text = f"its version is {parts.get('version')!r}, and its other parts are {['content'] * ('content' in parts)}"
    with pytest.raises(ValueError, match=re.escape(f"a.json does not hold saved weights: {text}; remedy")):
        read_json(path, WEIGHTS, "remedy")


def test_a_newer_version_may_have_other_parts(tmp_path):
    path = written(tmp_path, {"format": WEIGHTS.format, "version": 2, "more": []})
    with pytest.raises(ValueError, match="a.json holds saved weights of version 2, and this autograd_mini reads those"):
        read_json(path, WEIGHTS, "remedy")


def test_weights_of_before_files_said_what_they_hold_are_loaded(tmp_path):
    neuron = nn.Neuron(2)
    path = written(tmp_path, {"w.0": 1.0, "w.1": 2.0, "b": 3.0})
    neuron.load(path)
    assert neuron.state_dict() == {"w.0": 1.0, "w.1": 2.0, "b": 3.0}


def test_parameters_may_be_named_as_the_parts_of_a_file(tmp_path):
    module = nn.Module()
    module.format, module.version, module.content = Value(1.0), Value(2.0), Value(3.0)
    module.save(tmp_path / "new.json")
    for path in (tmp_path / "new.json", written(tmp_path, module.state_dict())):
        other = nn.Module()
        other.format, other.version, other.content = Value(0.0), Value(0.0), Value(0.0)
        other.load(path)
        assert other.state_dict() == module.state_dict()


def test_a_checkpoint_is_not_loaded_as_weights(tmp_path):
    model, path = nn.Neuron(1), tmp_path / "run.json"
    fit(model, nn.mse_loss, [([1.0], 1.0)], SGD(model.parameters()), epochs=1, checkpoint=path, progress=False)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"holds a checkpoint and not saved weights; continue from it with fit\(check"):
        model.load(path)
    assert model.state_dict() == before
