"""Files that are whole at any moment, and that say what they hold."""

import json
import math
import os
import re
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_file_need_not_say_what_it_holds(tmp_path):
    write_json(tmp_path / "a.json", [1.5, "x"])
    assert (tmp_path / "a.json").read_text() == '[1.5, "x"]'
    assert read_json(tmp_path / "a.json", "a list", "") == [1.5, "x"]
    (tmp_path / "a.json").write_text("[")
    with pytest.raises(ValueError, match="a.json does not hold a list: .*; write it again"):
        read_json(tmp_path / "a.json", "a list", "write it again")


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
def test_without_a_version_and_a_checksum_a_file_is_damaged(tmp_path, parts):
    path = written(tmp_path, {"format": WEIGHTS.format, **parts})
    text = f"its version is {parts.get('version')!r}, its checksum None"
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


def test_the_weights_of_a_checkpoint_are_loaded(tmp_path):
    model, path = nn.Neuron(1), tmp_path / "run.json"
    fit(model, nn.mse_loss, [([1.0], 1.0)], SGD(model.parameters()), epochs=1, checkpoint=path, progress=False)
    other = nn.Neuron(1)
    other.load(path)
    assert other.state_dict() == model.state_dict()
    before = (third := nn.Neuron(2)).state_dict()
    with pytest.raises(ValueError, match=r"does not fit Neuron: missing 'w.1', unexpected nothing; build the module"):
        third.load(path)
    write_json(path, {}, CHECKPOINT)
    with pytest.raises(ValueError, match=r"run.json does not hold a checkpoint: it has no 'model'; save it again with"):
        third.load(path)
    assert third.state_dict() == before


# ---- Checksums. -----------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=8,
)


@given(content=json_values, kind=st.sampled_from([WEIGHTS, CHECKPOINT]), data=st.data())
def test_a_flipped_bit_is_refused_or_changes_nothing(tmp_path_factory, content, kind, data):
    path = tmp_path_factory.mktemp("file") / "a.json"
    write_json(path, content, kind)
    assert repr(read_json(path, kind, "")) == repr(content)
    good = path.read_bytes()
    for place in data.draw(st.lists(st.integers(0, 8 * len(good) - 1), min_size=20, max_size=20)):
        text = bytearray(good)
        text[place // 8] ^= 1 << place % 8
        path.write_bytes(text)
        try:
            found = read_json(path, kind, "")
        except ValueError as error:
            assert "a.json" in str(error)  # noqa: PT017
        else:
            assert repr(found) == repr(content)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("0.5", "0.25", "it is damaged, as its content has another checksum; remedy"),
        ('"w"', '"v"', "it is damaged, as its content has another checksum"),
        ('"w": 0.5', '"w": 0.125, "w": 0.25', "it is damaged, as its content has another checksum"),
        ('"checksum": "', '"checksum": "0', "it is damaged, as its content has another checksum"),
        ('"checksum": "', '"checksum": 1, "": "', "it is damaged, as its content has another checksum"),
        ('"checksum"', '"checksun"', "its version is 1, its checksum None; remedy"),
        ('"format"', '"fmrmat"', "it is damaged, as it has no format; remedy"),
        ('"format": "', '"format": null, "formats": "', "it is damaged, as it has no format; remedy"),
    ],
)
def test_a_content_that_is_not_what_was_written_is_refused(tmp_path, before, after, message):
    path = tmp_path / "a.json"
    write_json(path, {"w": 0.5}, WEIGHTS)
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    with pytest.raises(ValueError, match=f"a.json does not hold saved weights: {message}"):
        read_json(path, WEIGHTS, "remedy")


def test_a_file_that_was_laid_out_anew_has_the_same_checksum(tmp_path):
    path, content = tmp_path / "a.json", {"w": [0.1, 1e-7, math.inf, -0.0], "ä": None}
    write_json(path, content, WEIGHTS)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2, ensure_ascii=False), encoding="utf-8")
    assert repr(read_json(path, WEIGHTS, "")) == repr(content)


def test_a_file_without_a_checksum_is_from_before_there_were_any(tmp_path):
    path = written(tmp_path, {"format": WEIGHTS.format, "version": 1, "content": {"w": 0.5}})
    assert read_json(path, WEIGHTS, "") == {"w": 0.5}


def test_a_parameter_may_be_called_checksum(tmp_path):
    module, other = nn.Module(), nn.Module()
    module.checksum, other.checksum = Value(1.0), Value(2.0)
    for path in (tmp_path / "new.json", written(tmp_path, module.state_dict())):
        module.save(tmp_path / "new.json")
        other.load(path)
        assert other.state_dict() == {"checksum": 1.0}
