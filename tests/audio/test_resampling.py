"""Sound at another rate: to the bit what librosa makes."""

import librosa
import numpy as np
import pytest

from w2l.audio.resampling import resample


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 16000), (8000, 16000), (22050, 48000), (11025, 16000)])
@pytest.mark.parametrize("shape", [(1,), (3, 2), (20001,), (20001, 2)])
def test_what_librosa_makes(rate, wanted, shape):
    wav = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    made = resample(wav, rate, wanted)
    expected = librosa.resample(wav, orig_sr=rate, target_sr=wanted, res_type="soxr_hq", axis=0)
    assert made.dtype == np.float32 and np.array_equal(made, expected)


def test_the_same_rate_stays():
    wav = np.ones((5, 2), np.float32)
    assert resample(wav, 16000, 16000) is wav
