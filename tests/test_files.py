"""Files that are whole at any moment, and that say what they hold."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from autograd_mini import Value, draw, fit, nn
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


def test_a_full_disk_leaves_the_old_weights(tmp_path, full_disk):
    path = tmp_path / "model.json"
    first, second = nn.Neuron(2), nn.Neuron(2)
    first.save(path)
    with full_disk(), pytest.raises(OSError, match="No space left on device"):
        second.save(path)
    second.load(path)
    assert second.state_dict() == first.state_dict()
    assert os.listdir(tmp_path) == ["model.json"]


def test_a_full_disk_leaves_the_old_picture(tmp_path, full_disk):
    path = tmp_path / "graph.dot"
    draw(Value(1.0) + 2.0).save(path)
    before = path.read_text()
    with full_disk(), pytest.raises(OSError, match="No space left on device"):
        draw(Value(3.0)).save(path)
    assert path.read_text() == before
    assert os.listdir(tmp_path) == ["graph.dot"]


def test_a_file_of_ones_own_that_is_called_part_is_left_alone(tmp_path):
    (tmp_path / "a.json.part").write_text("mine")
    write_json(tmp_path / "a.json", 1, WEIGHTS)
    assert (tmp_path / "a.json.part").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="needs permissions and links")
def test_permissions_stay_and_links_are_followed(tmp_path):
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    write_json(real, 1, WEIGHTS)
    assert real.stat().st_mode & 0o777 == 0o666 & ~umask()
    real.chmod(0o640)
    link.symlink_to(real)
    write_json(link, 2, WEIGHTS)
    assert link.is_symlink()
    assert read_json(real, WEIGHTS, "") == 2
    assert real.stat().st_mode & 0o777 == 0o640


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/null"):
        with pytest.raises(ValueError, match="is no file but a pipe or a device; write to a file and copy that"):
            write_json(path, 1, WEIGHTS)


@pytest.mark.skipif(os.name != "posix", reason="needs files that can be replaced while they are read")
def test_two_writers_of_one_file_leave_it_whole(tmp_path):
    path, content = tmp_path / "a.json", {str(i): 0.25 for i in range(5000)}
    write_json(path, content, WEIGHTS)
    code = "import sys, json; from autograd_mini.files import *; c = {str(i): 0.25 for i in range(5000)}\n"
    code += "while True: write_json(sys.argv[1], c, WEIGHTS)"
    writers = [subprocess.Popen([sys.executable, "-c", code, path]) for _ in range(2)]
    try:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert read_json(path, WEIGHTS, "") == content
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert read_json(path, WEIGHTS, "") == content


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.json").write_text("[1, 2")
    with pytest.raises(ValueError, match=r"a.json does not hold a checkpoint: .*; begin another$"):
        read_json(tmp_path / "a.json", CHECKPOINT, "begin another")
    (tmp_path / "a.json").write_text("[" * 100_000)
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
