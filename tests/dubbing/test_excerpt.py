"""A dub of a part of a clip: its frames alone, the speech from its own beginning."""

import numpy as np
import pytest
from helpers.command_line import run_main
from helpers.dubs import BOX, number, numbered, run_dub, seen, write_clip, write_speech

from w2l import audio, video
from w2l.dubbing import batch
from w2l.dubbing.preview import preview
from w2l.errors import W2LError

# the clip: frames 0..19 at 25 a second, numbered by their grey


@pytest.fixture
def speech(tmp_path):
    return write_speech(tmp_path / "speech.wav", 0.48)  # 12 frames


def _shown(moments):
    return [number(moment.frame) for moment in moments]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"start": 0.2}, [*range(5, 17)]),
        ({"start": 0.2, "end": 0.4}, [5, 6, 7, 8, 9, 8, 7, 6, 5, 6, 7, 8]),
        ({"start": 0.2, "end": 0.4, "extend": "loop"}, [*[5, 6, 7, 8, 9] * 2, 5, 6]),
        ({"start": 0.2, "end": 0.4, "extend": "hold"}, [5, 6, 7, 8, *[9] * 8]),
        ({"start": 0.2, "end": 0.4, "extend": "trim"}, [5, 6, 7, 8, 9]),
        ({"end": 0.12}, [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]),
        ({"start": 0.4, "static": True}, [10] * 12),
        ({"start": 0.4, "fps": 50}, [10 + i // 2 for i in range(20)] + [19 - i // 2 for i in range(1, 5)]),
    ],
)
def test_its_frames_are_those_of_the_part(tmp_path, clip, generator, speech, options, shown):
    result, moments = seen(clip, speech, tmp_path / "out.mp4", generator, **options)
    assert _shown(moments) == shown
    assert result.n_frames == len(shown)
    told = [note for note in result.notes if "longer than the clip" in note]
    assert bool(told) == (
        (options.get("end") is not None and options.get("extend") != "trim") or options.get("fps") == 50
    )


def test_the_speech_begins_with_the_part(tmp_path, clip, generator, speech):
    flat = tmp_path / "flat.mp4"
    with video.VideoWriter(flat, 25) as writer:
        for _ in range(20):
            writer.write(numbered(5))
    _, whole = seen(flat, speech, tmp_path / "a.mp4", generator, reference="own")
    _, part = seen(flat, speech, tmp_path / "b.mp4", generator, reference="own", start=0.2)
    drawn = [np.stack([moment.generated for moment in moments]) for moments in (whole, part)]
    assert np.abs(drawn[0].astype(int) - drawn[1]).max() <= 6  # the frames differ by what H.264 leaves out
    np.testing.assert_array_equal(*(audio.load(tmp_path / name) for name in ("a.mp4", "b.mp4")))


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_part_of_an_animation(tmp_path, generator, speech, suffix):
    face = write_clip(tmp_path / f"face{suffix}", 20, 10)
    _, moments = seen(face, speech, tmp_path / "out.mp4", generator, start=0.5, end=0.9)
    assert _shown(moments) == [5, 6, 7, 8, 7]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"start": 2.0}, r"ends at 0\.80 s, before 2 s; give an earlier time"),
        ({"start": 0.2, "end": 2.0}, r"ends at 0\.80 s, before 2 s"),
        ({"start": 0.4, "end": 0.2}, "from 0.4 s to 0.2 s has no frames; give an end after the start"),
        ({"start": -1.0}, "cannot start at -1 s"),
        ({"start": 0.2, "parity": True}, "parity mode dubs the whole clip"),
    ],
)
def test_a_part_that_is_none(tmp_path, clip, generator, speech, options, told):
    with pytest.raises(W2LError, match=told):
        run_dub(clip, speech, tmp_path / "out.mp4", generator, **options)
    assert not (tmp_path / "out.mp4").exists()


def test_a_picture_has_none(tmp_path, clip, generator, speech):
    video.write_image(tmp_path / "face.png", next(video.read_frames(clip)))
    with pytest.raises(W2LError, match="is a picture, of which there is no part"):
        run_dub(tmp_path / "face.png", speech, tmp_path / "out.mp4", generator, end=1.0)


@pytest.mark.parametrize("at", [0.0, 0.2, 0.44])
def test_the_preview_is_the_frame_of_the_dub(tmp_path, clip, generator, speech, at):
    how = {"start": 0.2, "end": 0.4, "reference": "own"}
    _, moments = seen(clip, speech, tmp_path / "out.mp4", generator, **how)
    made = preview(clip, speech, at, weights=generator, box=BOX, **how)
    assert number(made.moment.frame) == number(moments[made.moment.index].frame)
    np.testing.assert_array_equal(made.moment.result, moments[made.moment.index].result)


def test_the_command_line_takes_minutes(tmp_path, capsys):
    face = write_clip(tmp_path / "face.mp4", 20, 1)  # 20 s
    picture = tmp_path / "track.png"
    line = ["track", face, "--box", 20, 110, 20, 110, "--start", "0:05", "--end", "0:07.5", "--out", picture, "--quiet"]
    code, told, _ = run_main(capsys, *line)
    assert code == 0 and "a face in 3 of 3 frames" in told
    assert picture.is_file()
    for bad, said in (("1:75", "'1:75' is not a time"), ("soon", "'soon' is not a time"), ("1:2:3:4", "is not a time")):
        with pytest.raises(SystemExit):
            run_main(capsys, "track", face, "--start", bad)
        assert said in capsys.readouterr().err


def test_a_table_has_a_part_for_each_row(tmp_path, clip, generator, speech):
    table = tmp_path / "jobs.csv"
    rows = ["face,audio,out,start,end", f"{clip},speech.wav,a.mp4,0:00.2,0.4", f"{clip},speech.wav,b.mp4,,"]
    table.write_text("\n".join([*rows, f"{clip},speech.wav,c.mp4,9,"]), "utf8")
    jobs = batch.read_csv(table, tmp_path)
    assert [(job.start, job.end) for job in jobs] == [(0.2, 0.4), (None, None), (9.0, None)]
    done = batch.run(jobs, progress=False, weights=generator, box=BOX, sign=False)
    assert [one.status for one in done] == ["done", "done", "failed"] and "before 9 s" in done[2].said
    assert [number(frame) for frame in video.read_frames(tmp_path / "a.mp4")][:8] == [5, 6, 7, 8, 9, 8, 7, 6]
    table.write_text(rows[0] + f"\n{clip},speech.wav,a.mp4,0.6,", "utf8")
    assert not batch.read_csv(table, tmp_path)[0].is_done
    table.write_text(rows[0] + f"\n{clip},speech.wav,a.mp4,soon,", "utf8")
    with pytest.raises(W2LError, match=r"row 2 of .*jobs\.csv: 'soon' is not a time"):
        batch.read_csv(table, tmp_path)
