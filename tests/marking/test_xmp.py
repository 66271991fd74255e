"""XMP: read in the ways that other tools write it."""

import pytest

from w2l.marking import xmp


@pytest.mark.parametrize(
    "text",
    [
        '<rdf:Description Iptc4xmpExt:DigitalSourceType="http://x/a"/>',
        "<rdf:Description Iptc4xmpExt:DigitalSourceType='http://x/a'/>",
        "<Iptc4xmpExt:DigitalSourceType>http://x/a</Iptc4xmpExt:DigitalSourceType>",
        '<Iptc4xmpExt:DigitalSourceType rdf:resource="http://x/a"/>',
    ],
)
def test_other_tools_ways_of_writing_xmp(text):
    assert xmp.digital_source_type(text.encode()) == "http://x/a"
    assert xmp.digital_source_type(b"<x/>") is None
