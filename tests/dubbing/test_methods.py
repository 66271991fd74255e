"""The two ways of dubbing; the published one equals a second implementation of it."""

import cv2
import numpy as np
import pytest
import torch
from helpers.dubs import run_dub, seen, write_speech

from w2l import audio, models, video
from w2l.dubbing import published
from w2l.errors import W2LError


@pytest.mark.parametrize("kind", ["video", "picture"])
@pytest.mark.parametrize("options", [{}, {"resize_factor": 2, "rotate": 90}], ids=["whole", "framed"])
def test_parity_equals_the_published_steps(tmp_path, kind, options):
    """Against a second writing of the published inference, straight from its description."""
    rng = np.random.default_rng(3)
    width, height = (400, 300) if options else (200, 150)
    pictures = [
        cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(12)
    ]
    if kind == "video":
        clip = tmp_path / "clip.mp4"
        with video.VideoWriter(clip, 30) as writer:
            for picture in pictures:
                writer.write(picture)
        capture = cv2.VideoCapture(str(clip))
        decoded = [capture.read()[1] for _ in pictures]
        capture.release()
        fps = 30.0
    else:
        clip, decoded, fps = tmp_path / "clip.png", pictures[:1], 25.0
        video.write_image(clip, pictures[0])
    spoken = write_speech(tmp_path / "s.wav", 1.0)
    weights = tmp_path / "w.safetensors"
    models.save(models.build("wav2lip", 0.1), weights, "wav2lip", 0.1)

    class Wandering:
        """A face that moves by fractions of a pixel, beside a worse one."""

        name, settings, count = "wandering", "", 0

        def detect(self, frames):
            found = []
            for _ in frames:
                i, self.count = self.count, self.count + 1
                found.append(np.float32([[30.7 + 1.3 * i, 20.2 - i, 90.9 + i, 95.5, 0.9], [0, 0, 20, 20, 0.8]]))
            return found

    detector = None if kind == "picture" else Wandering()
    box = (40, 30, 110, 120) if kind == "picture" else None
    got, moments = seen(
        clip,
        spoken,
        tmp_path / "o.mp4",
        weights,
        parity=True,
        label=False,
        box=box,
        detector=detector or "auto",
        **options,
    )

    frames = []
    for frame in decoded:
        if options:
            frame = cv2.resize(frame, (frame.shape[1] // 2, frame.shape[0] // 2))
            frame = cv2.rotate(frame, cv2.ROTATE_90_CLOCKWISE)
        frames.append(frame)
    if box:
        boxes = np.array([box])
    else:
        raw = [[30.7 + 1.3 * i, 20.2 - i, 90.9 + i, 95.5] for i in range(len(frames))]
        h, w = frames[0].shape[:2]
        rows = []
        for x1, y1, x2, y2 in raw:
            x1, y1, x2, y2 = (int(np.float32(max(0, v))) for v in (x1, y1, x2, y2))
            rows.append([max(0, x1), max(0, y1), min(w, x2), min(h, y2 + 10)])
        boxes = np.array(rows)
        for i in range(len(boxes)):
            window = boxes[len(boxes) - 5 :] if i + 5 > len(boxes) else boxes[i : i + 5]
            boxes[i] = np.mean(window, axis=0)
    mel = audio.melspectrogram(audio.load(spoken))
    chunks, i = [], 0
    while True:
        start = int(i * (80.0 / fps))
        if start + 16 > mel.shape[1]:
            chunks.append(mel[:, -16:])
            break
        chunks.append(mel[:, start : start + 16])
        i += 1
    network = models.load(weights, "wav2lip")
    assert got.n_frames == len(chunks) == len(moments)
    for i, (chunk, moment) in enumerate(zip(chunks, moments, strict=True)):
        frame = frames[i % len(frames)].copy()
        x1, y1, x2, y2 = boxes[i % len(frames)]
        crop = cv2.resize(frame[y1:y2, x1:x2], (96, 96))
        masked = crop.copy()
        masked[48:] = 0
        both = np.concatenate((masked, crop), axis=2) / 255.0
        with torch.no_grad():
            out = network(
                torch.FloatTensor(chunk[None, None]), torch.FloatTensor(np.transpose(both, (2, 0, 1))[None].copy())
            )
        drawn = (out[0].numpy().transpose(1, 2, 0) * 255.0).astype(np.uint8)
        frame[y1:y2, x1:x2] = cv2.resize(drawn, (x2 - x1, y2 - y1))
        assert np.abs(frame.astype(int) - moment.result).max() <= 1


def test_parity_mode_refuses_what_the_original_cannot(tmp_path, clip, generator):
    spoken = write_speech(tmp_path / "s.wav", 0.4)
    with pytest.raises(W2LError, match="frame rate"):
        run_dub(clip, spoken, tmp_path / "o.mp4", generator, parity=True, fps=30)
    with pytest.raises(W2LError, match="mel columns"):
        published.window_starts(25, 15)
    nobody = [np.zeros((0, 5), np.float32)]
    with pytest.raises(W2LError, match="frame 0 shows no face"):
        published.boxes(nobody, (100, 100))
