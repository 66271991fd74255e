import pytest

from w2l.app.settings import AppSettings
from w2l.base import paths
from w2l.errors import W2LError


@pytest.mark.parametrize(
    ("host", "is_open"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("127.0.0.2", False), ("0.0.0.0", True), ("::", True),
     ("192.168.1.5", True), ("my-machine", True)],
)  # fmt: skip
def test_only_loopback_is_this_machine_alone(host, is_open):
    assert AppSettings(host=host).is_open is is_open


def test_it_listens_on_the_port_that_openbayes_publishes(monkeypatch):
    assert (AppSettings().host, AppSettings().listens_on) == ("127.0.0.1", 7860)
    monkeypatch.setattr(paths, "platform", lambda: "openbayes")
    assert AppSettings().listens_on == 8080
    assert AppSettings(port=9).listens_on == 9


@pytest.mark.parametrize(
    "wrong", [{"port": 70000}, {"port": -1}, {"token": "short"}, {"token": ""}, {"token": "let me in; now"}]
)
def test_what_makes_no_sense_is_told(wrong):
    with pytest.raises(W2LError):
        AppSettings(**wrong)
