"""JSON as nobody in their right mind would send it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

_NUMBERS = st.one_of(
    st.floats(),
    st.integers(),
    st.sampled_from([0, -1, 1e-320, 5e-324, 1e-9, 1e308, 2**63, 10**400, 0.1 + 0.2]),
)
_SCALARS = st.one_of(st.none(), st.booleans(), _NUMBERS, st.text(max_size=20))
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_BROKEN = [
    b"",
    b"\0",
    b"\xff\xfe{\0}\0",
    b"\xed\xa0\x80",
    b"null",
    b"[]",
    b'"faces"',
    b"{" * 10_000,
    b"[" * 100_000,
    b'{"faces":' * 5_000,
    b'{"stream": true, "stream": false, "stream": "x"}',
    b'{"sample_fps": 1e999999}',
    b'{"sample_fps": ' + b"9" * 100_000 + b"}",
    b'{"sample_fps": 1' + b"0" * 5_000 + b"}",
    b'{"faces": "\\ud800"}',
    b'{"__proto__": {"stream": true}}',
    b"{} {}",
    b'{"end_s": 1,}',
    b"NaN",
]


def options(known: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[bytes]:
    """A part `options`: nearly right, wrong in its values, or no JSON at all.

    Args:
        known: values that may be right, by the option's name.
    """
    nearly = st.fixed_dictionaries(
        {}, optional={k: st.one_of(v, _VALUES) for k, v in known.items()}
    )
    strange = st.dictionaries(st.one_of(st.sampled_from(list(known)), st.text()), _VALUES)
    written = st.one_of(nearly, strange).map(lambda value: json.dumps(value).encode())
    return st.one_of(written, written, st.sampled_from(_BROKEN), st.binary(max_size=200))
