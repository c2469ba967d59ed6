"""Finds pictures on the disk and reads them without trusting a byte of them.

`Scan` finds files, `DecodePool` reads them in processes of their own, `decode_picture` reads
one picture that the user gave. Each name is imported at its first use: a query in words loads
no decoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipsearch.lazy import first_use

if TYPE_CHECKING:
    from clipsearch.images.limits import DecodeLimits as DecodeLimits
    from clipsearch.images.picture import Picture as Picture
    from clipsearch.images.picture import decode_picture as decode_picture
    from clipsearch.images.pool import DecodePool as DecodePool
    from clipsearch.images.reading import read_or_skip as read_or_skip
    from clipsearch.images.scan import Scan as Scan
    from clipsearch.images.scan import ScanRules as ScanRules
    from clipsearch.images.sidecars import possible_sidecars as possible_sidecars
    from clipsearch.images.xmp import NoXmp as NoXmp
    from clipsearch.images.xmp import xmp_captions as xmp_captions

_MODULES = {
    "DecodeLimits": ".limits",
    "DecodePool": ".pool",
    "NoXmp": ".xmp",
    "Picture": ".picture",
    "Scan": ".scan",
    "ScanRules": ".scan",
    "decode_picture": ".picture",
    "possible_sidecars": ".sidecars",
    "read_or_skip": ".reading",
    "xmp_captions": ".xmp",
}

__all__ = [
    "DecodeLimits",
    "DecodePool",
    "NoXmp",
    "Picture",
    "Scan",
    "ScanRules",
    "decode_picture",
    "possible_sidecars",
    "read_or_skip",
    "xmp_captions",
]

__getattr__ = first_use(__name__, _MODULES)
