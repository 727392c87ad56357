"""Mining against the whole matrix, in exact arithmetic: rows are whole numbers, thresholds are
fractions, and nothing is rounded."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimic_checks.errors import InvalidArgument
from mimic_checks.mining import pairs as module
from mimic_checks.mining.cosines import BIN, Embeddings, quantile
from mimic_checks.mining.pairs import Wanted, mine


def compare(first, second, wanted):
    """-1, 0 or 1: how the cosine of two rows of whole numbers compares with a fraction."""
    dot = sum(a * b for a, b in zip(first, second, strict=True))
    lengths_2 = sum(a * a for a in first) * sum(b * b for b in second)
    sign = 1 if dot >= 0 else -1
    signed_2 = sign * Fraction(dot * dot, lengths_2)
    limit_2 = (1 if wanted >= 0 else -1) * wanted * wanted
    return (signed_2 > limit_2) - (signed_2 < limit_2)


def naive(encoder, reference, above, below):
    return [
        (i, j)
        for i in range(len(encoder))
        for j in range(i + 1, len(encoder))
        if compare(encoder[i], encoder[j], above) > 0
        and compare(reference[i], reference[j], below) < 0
    ]


def found(encoder, reference, wanted=None, **options):
    mined = mine(
        Embeddings.of("encoder", np.array(encoder, np.float32)),
        Embeddings.of("reference", np.array(reference, np.float32)),
        wanted or Wanted(),
        **options,
    )
    pairs = mined.pairs()
    return mined, list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def rows(dimensions):
    row = st.lists(st.integers(-5, 5), min_size=dimensions, max_size=dimensions)
    return row.filter(any)


@st.composite
def both(draw):
    number = draw(st.integers(1, 14))
    return [
        draw(st.lists(rows(dimensions), min_size=number, max_size=number)) for dimensions in (2, 3)
    ]


# Fractions that cosines of small whole numbers reach: 3/5 and 4/5 are those of (3, 4).
LIMITS = st.sampled_from([Fraction(n, 20) for n in (-20, -12, 0, 10, 12, 16, 19, 20)])


@settings(deadline=None)
@given(both(), LIMITS, LIMITS, st.integers(1, 5))
def test_pairs_are_those_of_the_whole_matrix_for_every_block_size(given, above, below, stripe):
    encoder, reference = given
    wanted = Wanted(float(above), float(below))
    _, pairs = found(encoder, reference, wanted, stripe_rows=stripe)
    assert pairs == naive(encoder, reference, above, below)


@settings(deadline=None)
@given(both(), LIMITS, LIMITS, st.integers(1, 5), st.integers(1, 3))
def test_best_of_each_image_are_those_of_all_pairs(given, above, below, stripe, top):
    encoder, reference = given
    everything, _ = found(encoder, reference, Wanted(float(above), float(below)))
    all_pairs = everything.pairs()
    columns = (all_pairs.first, all_pairs.second, all_pairs.encoder, all_pairs.reference)
    table = [tuple(row) for row in zip(*(part.tolist() for part in columns), strict=True)]
    expected = set()
    for image in range(len(encoder)):
        own = [row for row in table if image in row[:2]]
        own.sort(key=lambda row: (row[3] - row[2], row[0] + row[1] - image))
        expected |= {row[:2] for row in own[:top]}
    wanted = Wanted(float(above), float(below), top)
    _, pairs = found(encoder, reference, wanted, stripe_rows=stripe)
    assert pairs == sorted(expected)


def test_thresholds_are_strict_to_the_last_bit():
    # The cosine of (1, 0) and (3, 4) is 0.6, and of (1, 0) and (4, 3) 0.8, both as float64.
    apart, alike = [[1, 0], [3, 4]], [[1, 0], [4, 3]]
    assert found(alike, apart, Wanted(0.8, 0.61))[1] == []
    assert found(alike, apart, Wanted(0.79, 0.6))[1] == []
    assert found(alike, apart, Wanted(np.nextafter(0.8, 0), np.nextafter(0.6, 1)))[1] == [(0, 1)]


def test_pictures_that_are_there_twice_are_pairs_twice():
    encoder = [[1, 0], [1, 0], [1, 0]]
    _, pairs = found(encoder, [[1, 0], [0, 1], [1, 0]])
    assert pairs == [(0, 1), (1, 2)]


@pytest.mark.parametrize("stripe", [7, 64, 1000])
def test_large_pairs_are_those_of_a_plain_product(stripe):
    rng = np.random.default_rng(3)
    middle = rng.normal(size=(20, 96))
    encoder = (middle[rng.integers(20, size=200)] + 0.15 * rng.normal(size=(200, 96))) * 7
    reference = rng.normal(size=(200, 16))
    unit = [m / np.linalg.norm(m, axis=1, keepdims=True) for m in (encoder, reference)]
    cosines = [u @ u.T for u in unit]
    expected = np.argwhere(np.triu((cosines[0] > 0.95) & (cosines[1] < 0.6), 1)).tolist()
    assert len(expected) > 100
    mined = mine(
        Embeddings.of("encoder", encoder),
        Embeddings.of("reference", reference),
        Wanted(),
        stripe_rows=stripe,
    )
    pairs = mined.pairs()
    assert np.stack([pairs.first, pairs.second], axis=1).tolist() == expected
    assert pairs.encoder == pytest.approx(cosines[0][pairs.first, pairs.second])
    upper = np.triu_indices(200, 1)
    for counts, matrix in zip((mined.encoder_counts, mined.reference_counts), cosines, strict=True):
        assert counts.sum() == len(upper[0]) == mined.compared
        for share in (0, 0.01, 0.5, 0.99, 1):
            true = np.quantile(matrix[upper], share, method="inverted_cdf")
            assert quantile(counts, share) == pytest.approx(true, abs=0.51 * BIN)


def test_best_first_is_ordered_by_the_difference_and_then_by_row():
    mined, _ = found([[1, 0]] * 4, [[1, 0], [0, 1], [0, 1], [-1, 0]])
    best = mined.pairs().best_first()
    assert list(zip(best.first, best.second, strict=True)) == [
        (0, 3),
        (0, 1),
        (0, 2),
        (1, 3),
        (2, 3),
    ]


def test_rows_without_a_direction_are_refused_by_name():
    names = [f"picture{k}.png" for k in range(30)]
    zero = np.ones((30, 4), np.float32)
    zero[[2, 5]] = 0
    with pytest.raises(InvalidArgument, match=r"picture2.png, picture5.png.*2 of 30 are zero"):
        Embeddings.of("encoder", zero, names)
    wrong = np.ones((30, 4), np.float32)
    wrong[:25, 1] = np.nan
    wrong[27] = np.inf
    with pytest.raises(InvalidArgument, match=r"picture19.png and 6 more.*26 of 30 hold NaN"):
        Embeddings.of("reference", wrong, names)


@pytest.mark.parametrize(
    "wrong", [np.ones(3), np.ones((2, 3), np.int64), np.ones((0, 3)), np.ones((3, 0))]
)
def test_what_is_no_matrix_of_numbers_is_refused(wrong):
    with pytest.raises(InvalidArgument, match="shape"):
        Embeddings.of("encoder", wrong)


def test_numbers_of_images_must_agree():
    with pytest.raises(InvalidArgument, match="2 of the encoder, 3 of the reference"):
        found([[1, 0]] * 2, [[1, 0]] * 3)


def test_more_pairs_than_anybody_looks_at_are_refused_unless_limited(monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 5)
    encoder, reference = [[1, 0]] * 4, [[1, 0], [0, 1], [-1, 0], [0, -1]]
    with pytest.raises(InvalidArgument, match="top_k=0"):
        found(encoder, reference)
    assert len(found(encoder, reference, Wanted(top=1))[1]) <= 5


@pytest.mark.parametrize("wrong", [{"encoder_above": 1.1}, {"reference_below": -2}, {"top": -1}])
def test_thresholds_that_are_no_cosines_are_refused(wrong):
    with pytest.raises(InvalidArgument):
        Wanted(**wrong)
