"""The camera: exposure, white balance, sharpness, noise, compression; one setting for each clip."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Camera:
    """gain: (3,) BGR factors of exposure and white balance. gamma. saturation: 0 is black and white. blur: sigma in
    pixels. low: side in pixels of a poorer picture that is enlarged, 0 for none. noise: deviation, 0..255. quality: of
    JPEG compression, 0 for none."""

    gain: np.ndarray
    gamma: float
    saturation: float
    blur: float
    low: int
    noise: float
    quality: int

    def at(self, scale: float) -> Camera:
        """The same camera nearer to the face, so that it has `scale` times as many pixels: a poorer picture too."""
        return replace(self, low=round(self.low * scale))

    def take(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What the camera records of a picture: uint8 (h, w, 3) BGR both."""
        height, width = picture.shape[:2]
        if self.low:
            small = cv2.resize(picture, (self.low, self.low), interpolation=cv2.INTER_AREA)
            picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        if self.blur:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur)
        light = np.float32(255) * (np.arange(256, dtype=np.float32) / np.float32(255)) ** np.float32(self.gamma)
        seen = light[picture]
        grey = seen.mean(axis=2, keepdims=True)
        seen = (grey + (seen - grey) * np.float32(self.saturation)) * self.gain
        seen += rng.standard_normal((height, width, 1), dtype=np.float32) * np.float32(self.noise)
        frame = np.clip(seen + np.float32(0.5), 0, 255).astype(np.uint8)
        if self.quality:
            jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]
            frame = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
        return frame


def make_camera(rng: np.random.Generator, skin: float, poor: bool = True) -> Camera:
    """Draws a camera. skin: how bright the skin is in the photograph, 0..255: dark skin is never exposed so low that
    lips and shadow run together. poor: whether some clips are blurred, small or compressed, off in colour or exposure;
    else it is a good camera, well set."""
    uniform = rng.uniform
    least = 0.75 + 0.4 * float(np.clip((130 - skin) / 90, 0, 1))
    gain = uniform(least, max(1.2, least + 0.3)) * np.clip(rng.normal(1, 0.035, 3), 0.88, 1.12)
    gamma = uniform(0.8, 1.25 if least < 0.8 else 1.0)
    saturation = uniform(0.55, 1.12) if rng.random() < 0.95 else 0.0
    blur = uniform(0.3, 0.9) if rng.random() < 0.3 else 0.0
    low = int(uniform(44, 90)) if rng.random() < 0.25 else 0
    noise, quality = uniform(0.3, 3.0), int(uniform(45, 95)) if rng.random() < 0.4 else 0
    if not poor:
        gain, gamma, saturation, blur, low, quality, noise = gain**0.25, 1.0, 1.0, 0.0, 0, 0, noise / 3
    return Camera(gain.astype(np.float32), gamma, saturation, blur, low, noise, quality)
