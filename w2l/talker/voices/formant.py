"""Procedural speech: a plan of phones with sample-exact times, and a formant synthesiser that speaks it.

The synthesiser is a source-filter model in the manner of Klatt (1980): a glottal pulse train and noise are shaped by a
cascade of formant resonances that change every 5 ms. The filters are applied as frequency responses, overlap-added, so
that a whole clip is a few array operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from w2l.audio import SAMPLE_RATE
from w2l.talker.voices.phones import CODAS, ONSETS, PHONES, VOWELS, Phone, Spoken

CONTROL_RATE = 200  # control values a second
_BLOCK = SAMPLE_RATE // CONTROL_RATE  # 80 samples
_NFFT = 1024  # 64 ms: long enough for the ring of the narrowest formant (70 Hz)
_BANDWIDTHS = np.array([70.0, 100.0, 150.0, 220.0, 300.0])  # Hz, F1..F5


@dataclass(frozen=True)
class Voice:
    """One speaker's voice; frequencies in Hz, the rest are factors or levels."""

    f0: float
    tract: float  # formants are multiplied by this: about 0.92 (long tract) to 1.2 (short)
    f4: float
    bandwidth: float
    breath: float
    tempo: float
    tilt: float  # one-pole spectral tilt of the glottal source
    open_quotient: float
    jitter: float
    vibrato: float
    frication: float
    articulation: float  # how wide this speaker opens the mouth
    room: float  # level of a short echo
    colour: float  # tilt of the microphone, -1..1
    level: float  # peak
    noise: float  # background noise, rms


def make_voice(rng: np.random.Generator) -> Voice:
    """Draws a voice: half of them low (90-140 Hz), half high (165-250 Hz), with tract lengths to match."""
    low = rng.random() < 0.5
    uniform = rng.uniform
    return Voice(
        f0=uniform(90, 140) if low else uniform(165, 250),
        tract=uniform(0.92, 1.04) if low else uniform(1.06, 1.2),
        f4=uniform(3300, 3700),
        bandwidth=uniform(0.85, 1.4),
        breath=uniform(0.02, 0.14),
        tempo=uniform(0.9, 1.22),
        tilt=uniform(0.2, 0.75),
        open_quotient=uniform(0.5, 0.7),
        jitter=uniform(0.003, 0.012),
        vibrato=uniform(0.01, 0.05),
        frication=uniform(0.8, 1.25),
        articulation=uniform(0.9, 1.1),
        room=uniform(0, 0.25),
        colour=uniform(-0.6, 0.6),
        level=uniform(0.3, 0.9),
        noise=0.0 if rng.random() < 0.2 else 10 ** uniform(-4, -2.7),
    )


def plan_speech(rng: np.random.Generator, seconds: float, voice: Voice) -> list[Spoken]:
    """Plans babble: phrases of 3 to 8 consonant-vowel(-consonant) syllables with pauses between.

    Covers at least `seconds`; starts with silence. Times are whole samples without gaps.
    """
    total = round(seconds * SAMPLE_RATE)
    spoken: list[Spoken] = []

    def say(name: str, duration: float, stress: float = 1.0) -> None:
        start = spoken[-1].end if spoken else 0
        spoken.append(Spoken(name, start, start + max(560, int(duration * SAMPLE_RATE)), stress))

    def usual(name: str) -> float:
        return PHONES[name].ms / 1000 * voice.tempo * rng.uniform(0.8, 1.25)

    say("SIL", rng.uniform(0.05, 0.3))
    while spoken[-1].end < total:
        for _ in range(rng.integers(3, 9)):
            stress = rng.uniform(0.75, 1.15)
            if rng.random() < 0.9:
                onset = ONSETS[rng.integers(len(ONSETS))]
                say(onset, usual(onset), stress)
            vowel = VOWELS[rng.integers(len(VOWELS))]
            say(vowel, usual(vowel) * rng.uniform(0.9, 1.4) * (0.75 + 0.3 * stress), stress)
            if rng.random() < 0.35:
                coda = CODAS[rng.integers(len(CODAS))]
                say(coda, usual(coda), stress)
        say("SIL", rng.uniform(0.15, 0.5))
    return spoken


def synthesise(spoken: list[Spoken], seconds: float, voice: Voice, rng: np.random.Generator) -> np.ndarray:
    """Speaks the plan: float32 (seconds * 16000,) in [-1, 1], mono at 16 kHz."""
    n = round(seconds * CONTROL_RATE)
    samples = n * _BLOCK
    controls = _controls(spoken, n, voice)
    phase = _glottal_phase(controls["stress"], n, voice, rng)
    open_part = phase < voice.open_quotient
    x = phase / voice.open_quotient
    flow = np.where(open_part, x * (2 - 3 * x), 0.0) * 1.5  # derivative of Rosenberg's flow x^2 - x^3
    flow = lfilter([1 - voice.tilt], [1, -voice.tilt], flow)
    breath = lfilter([1], [1, -0.5], rng.standard_normal(samples)) * 0.25
    voicing, aspiration = _to_samples(controls["voicing"]), _to_samples(controls["aspiration"])
    source = flow * voicing + breath * (aspiration + voice.breath * voicing * (0.3 + open_part))
    voiced = _filter(source, _formant_response(controls, voice))
    voiced = np.diff(voiced, prepend=0.0) + 0.04 * voiced  # radiation at the lips
    hiss = _filter(rng.standard_normal(samples) * _to_samples(controls["frication"]), _noise_response(controls))
    return _record(voiced / (np.abs(voiced).max() + 1e-6) + 0.35 * hiss, voice, rng)


def _controls(spoken: list[Spoken], n: int, voice: Voice) -> dict[str, np.ndarray]:
    """Synthesiser parameters every 5 ms, smoothed as fast as articulators move: arrays (n,), formants (3, n)."""
    c = {name: np.zeros(n) for name in ("voicing", "frication", "aspiration")}
    c |= {"noise_hz": np.full(n, 4000.0), "noise_width": np.full(n, 2000.0), "nasal": np.ones(n), "stress": np.ones(n)}
    formants = np.zeros((3, n))
    for name, start, end, stress in spoken:
        phone = PHONES[name]
        first, last = round(start / _BLOCK), min(n, round(end / _BLOCK))
        span = slice(first, last)
        formants[:, span] = np.array(phone.formants)[:, None]
        c["stress"][span] = stress
        if phone.frication:
            c["noise_hz"][span], c["noise_width"][span] = phone.noise
        if phone.kind == "stop":
            _stop(c, phone, name, first, last)
        else:
            c["voicing"][span], c["frication"][span] = phone.voicing, phone.frication
        if phone.kind == "breath":
            c["aspiration"][span] = 0.35
        if phone.kind == "nasal":
            c["nasal"][span] = 2.2  # nasals damp the first formants
    smooth = {"voicing": 6, "frication": 4, "aspiration": 6, "noise_hz": 8, "noise_width": 8, "nasal": 10}
    for name, ms in smooth.items():
        c[name] = gaussian_filter1d(c[name], ms / 1000 * CONTROL_RATE, mode="nearest")
    c["formants"] = gaussian_filter1d(formants, 0.018 * CONTROL_RATE, axis=1, mode="nearest") * voice.tract
    c["voicing"] *= c["stress"]
    c["frication"] *= voice.frication
    return c


def _stop(c: dict[str, np.ndarray], phone: Phone, name: str, first: int, last: int) -> None:
    """A stop consonant: closure, burst, then breath (voiceless) or voice (voiced)."""
    release = first + int((last - first) * 0.62)
    c["voicing"][first:release] = phone.voicing
    burst = max(2, min(last - release, 4 if name != "CH" else 99))
    c["frication"][release : release + burst] = phone.frication
    c["aspiration"][release + 1 : last] = 0.0 if phone.voicing else 0.10
    c["voicing"][release + 2 : last] = 0.5 if phone.voicing else 0.0


def _glottal_phase(stress: np.ndarray, n: int, voice: Voice, rng: np.random.Generator) -> np.ndarray:
    """Phase 0..1 of the glottal cycle per sample: slow wander, vibrato, jitter and stress move the pitch."""
    wander = gaussian_filter1d(rng.standard_normal(n), 0.25 * CONTROL_RATE, mode="nearest")
    wander /= wander.std() + 1e-9
    vibrato = voice.vibrato * 0.4 * np.sin(2 * np.pi * 5 * np.arange(n) / CONTROL_RATE)
    bend = np.exp(0.07 * wander + vibrato + voice.jitter * rng.standard_normal(n))
    lift = 0.92 + 0.1 * gaussian_filter1d(stress, 0.05 * CONTROL_RATE, mode="nearest")
    return np.cumsum(_to_samples(voice.f0 * bend * lift)) / SAMPLE_RATE % 1.0


def _to_samples(control: np.ndarray) -> np.ndarray:
    return np.interp(np.arange(len(control) * _BLOCK) / _BLOCK, np.arange(len(control)) + 0.5, control)


def _formant_response(c: dict[str, np.ndarray], voice: Voice) -> np.ndarray:
    """Frequency response of five cascaded two-pole resonators, unit gain at 0 Hz: complex (n, 513)."""
    n = c["formants"].shape[1]
    upper = np.stack([np.full(n, voice.f4 * voice.tract**0.5), np.full(n, min(4600 * voice.tract, 7200))])
    centres = np.minimum(np.concatenate([c["formants"], upper]), 7300)
    widths = np.repeat((_BANDWIDTHS * voice.bandwidth)[:, None], n, axis=1)
    widths[:2] *= c["nasal"]
    z = np.exp(-2j * np.pi * np.arange(_NFFT // 2 + 1) / _NFFT)[None]  # (1, 513)
    below = np.ones((n, _NFFT // 2 + 1), complex)
    gain = np.ones(n)
    for centre, width in zip(centres, widths, strict=True):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        turn = 2 * radius * np.cos(2 * np.pi * centre / SAMPLE_RATE)
        gain *= 1 - turn + radius**2
        below *= 1 - z * (turn[:, None] - (radius**2)[:, None] * z)
    return gain[:, None] / below


def _noise_response(c: dict[str, np.ndarray]) -> np.ndarray:
    """Frequency response of one band-pass per block, unit peak: complex (n, 513)."""
    radius = np.exp(-np.pi * c["noise_width"] / SAMPLE_RATE)[:, None]
    turn = 2 * radius * np.cos(2 * np.pi * np.minimum(c["noise_hz"], 7300) / SAMPLE_RATE)[:, None]
    z = np.exp(-2j * np.pi * np.arange(_NFFT // 2 + 1) / _NFFT)[None]
    return (1 - radius**2) * 0.45 * (1 - z**2) / (1 - turn * z + radius**2 * z**2)


def _filter(source: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Filters (n * 80,) samples by a response (n, 513) that changes every block, by windowed overlap-add."""
    n = len(response)
    padded = np.pad(source, (_BLOCK // 2, 2 * _BLOCK))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2 * _BLOCK) / (2 * _BLOCK))  # two overlapping sum to 1
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * _BLOCK)[: n * _BLOCK : _BLOCK] * window
    ringing = np.fft.irfft(np.fft.rfft(frames, _NFFT) * response, _NFFT)  # (n, 1024)
    out = np.zeros(n * _BLOCK + 2 * _NFFT)
    for offset in range(0, _NFFT, _BLOCK):  # adds the k-th 80 samples of every frame at once
        part = ringing[:, offset : offset + _BLOCK]
        target = out[offset : offset + n * _BLOCK].reshape(n, _BLOCK)
        target[:, : part.shape[1]] += part
    return out[_BLOCK // 2 : _BLOCK // 2 + n * _BLOCK]


def _record(wav: np.ndarray, voice: Voice, rng: np.random.Generator) -> np.ndarray:
    """The microphone and the room: one echo, a tilt of the spectrum, level and background noise."""
    delay = int(rng.integers(160, 640))
    wav = wav + voice.room * np.concatenate([np.zeros(delay), wav[:-delay]])
    wav = wav + voice.colour * np.concatenate([[0.0], wav[:-1]])
    wav = wav / (np.abs(wav).max() + 1e-6) * voice.level + rng.standard_normal(len(wav)) * voice.noise
    return np.clip(wav, -1, 1).astype(np.float32)
