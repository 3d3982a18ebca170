import numpy as np
import pytest

from hs_specaug import labels


class TestEncodeLabels:
    def test_names_are_sorted_and_missing_is_minus_one(self):
        codes, classes = labels.encode_labels([["gel", ""], [None, "sol"]])
        np.testing.assert_array_equal(codes, [[0, -1], [-1, 1]])
        assert codes.dtype == np.int32
        assert classes == ["gel", "sol"]

    @pytest.mark.parametrize(
        "missing", [-1, "", None, np.nan, float("nan"), np.float64("nan"), np.int64(-1)]
    )
    def test_every_way_to_say_unlabelled(self, missing):
        codes, classes = labels.encode_labels(["core", missing, "shell"])
        assert codes.tolist() == [0, -1, 1]
        assert classes == ["core", "shell"]

    @pytest.mark.parametrize("missing", [-1, np.nan, ""])
    def test_missing_survives_numpy_cast_to_text(self, missing):
        codes, classes = labels.encode_labels(np.array(["core", missing]))
        assert codes.tolist() == [0, -1]
        assert classes == ["core"]

    def test_class_that_looks_missing_is_kept_when_listed(self):
        codes, _ = labels.encode_labels(np.array(["nan", "core"]), classes=["core", "nan"])
        assert codes.tolist() == [1, 0]

    @pytest.mark.parametrize(
        "values", [[0, 1, -1], np.array([0, 1, -1], np.int8), [0.0, 1.0, np.nan], [0, 1, None]]
    )
    def test_codes(self, values):
        codes, classes = labels.encode_labels(values, classes=["a", "b", "c"])
        assert codes.tolist() == [0, 1, -1]
        assert classes == ["a", "b", "c"]

    def test_codes_without_classes_are_named_by_themselves(self):
        assert labels.encode_labels([2, -1])[1] == ["0", "1", "2"]

    def test_bool_bytes_scalar_and_empty(self):
        assert labels.encode_labels(np.array([True, False]))[1] == ["False", "True"]
        assert labels.encode_labels(np.array([b"b", b"a"]))[0].tolist() == [1, 0]
        codes, _ = labels.encode_labels("shell", classes=["core", "shell"])
        assert codes.shape == ()
        assert codes == 1
        assert labels.encode_labels([None, None])[0].tolist() == [-1, -1]

    @pytest.mark.parametrize(
        ("values", "classes", "message"),
        [
            ([0, 3], ["a", "b"], "up to 3"),
            ([0, -2], None, "-2"),
            ([0.5], None, "whole"),
            ([np.inf], None, "whole"),
            (["a", "z"], ["a"], r"\['z'\]"),
            ([0], ["a", "a"], "more than once"),
            ([0], [""], "empty"),
            ([1j], None, "codes or names"),
            ([object()], None, "codes or names"),
        ],
    )
    def test_errors(self, values, classes, message):
        with pytest.raises(ValueError, match=message):
            labels.encode_labels(values, classes)

    def test_classes_as_text(self):
        with pytest.raises(TypeError, match="list of names"):
            labels.encode_labels([0], "core")


def test_count_classes_lists_absent_ones():
    codes = np.array([[0, -1], [2, 2]])
    assert labels.count_classes(codes, ["a", "b", "c"]) == {"a": 1, "b": 0, "c": 2}
    assert labels.count_classes(np.array(1), ["a", "b"]) == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    ("codes", "ratio"), [([0, 0, 2, -1], 0.5), ([1, 1], 1.0), ([0, 1, 2], 1.0)]
)
def test_balanced_ratio(codes, ratio):
    assert labels.balanced_ratio(np.array(codes)) == ratio


def test_balanced_ratio_without_labels_is_nan():
    assert np.isnan(labels.balanced_ratio(np.array([-1, -1])))


class TestMerging:
    def test_unanimous_along_one_axis(self):
        first, agree = labels.unanimous(np.array([[1, 1], [1, 2], [-1, 1]]), [1])
        assert agree.tolist() == [True, False, False]
        assert first[0] == 1

    def test_unanimous_over_everything_is_scalar(self):
        first, agree = labels.unanimous(np.full((2, 3), "a"), [0, 1])
        assert first.shape == agree.shape == ()
        assert first == "a"

    def test_unanimous_keeps_order_of_other_axes(self):
        values = np.broadcast_to(np.arange(2)[:, None, None] * 10 + np.arange(4), (2, 3, 4))
        first, agree = labels.unanimous(values, [1])
        assert agree.all()
        np.testing.assert_array_equal(first, values[:, 0])

    def test_as_blocks_leaves_out_the_remainder(self):
        blocks = labels.as_blocks(np.arange(15).reshape(3, 5), [1, 2])
        assert blocks.shape == (3, 1, 2, 2)
        np.testing.assert_array_equal(blocks[0, 0], [[0, 1], [2, 3]])

    @pytest.mark.parametrize(
        ("stored", "current", "order"),
        [
            (["y", "x"], ["x", "y"], (1, 0)),
            (["z", "y", "x"], ["x", "z", "y"], (2, 0, 1)),
            (["y", "x"], ["y", "x"], (0, 1)),
            (["", ""], ["", ""], None),
            (["y", "x"], ["y", "w"], None),
            (["x", "x"], ["x", "x"], None),
        ],
    )
    def test_name_permutation(self, stored, current, order):
        assert labels.name_permutation(stored, current) == order


def sigmoid(x, inflection, width):
    return 1 / (1 + np.exp(-(x - inflection) / width))


class TestSigmoid:
    @pytest.mark.parametrize("inflection", [2.2, 5.0, 8.3])
    @pytest.mark.parametrize("width", [0.05, 0.6])
    @pytest.mark.parametrize(("offset", "height"), [(0, 1), (40, -25), (-1e-6, 3e-6)])
    def test_recovers_inflection(self, inflection, width, offset, height):
        x = np.linspace(0, 10, 60)
        rng = np.random.default_rng(0)
        values = offset + height * (sigmoid(x, inflection, width) + rng.normal(0, 0.01, x.size))
        codes, fit = labels.label_by_sigmoid(values, x, return_fit=True)
        assert fit.inflection == pytest.approx(inflection, abs=0.15)
        assert fit.r_squared > 0.98
        np.testing.assert_array_equal(codes, x >= fit.inflection)
        np.testing.assert_allclose(fit(x), values, atol=abs(0.06 * height))

    def test_order_and_shape_of_x_do_not_matter(self):
        rng = np.random.default_rng(1)
        x = rng.permutation(np.repeat(np.linspace(100, 900, 20), 3)).reshape(6, 10)
        codes = labels.label_by_sigmoid(sigmoid(x, 430, 30), x)
        assert codes.shape == x.shape
        np.testing.assert_array_equal(codes, x > 430)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (np.ones(10), "constant"),
            ([0, 1, 1], "at least 5"),
            ([0, 0, 0, np.nan, 1, 1], "1 non-finite"),
        ],
    )
    def test_errors(self, values, message):
        with pytest.raises(ValueError, match=message):
            labels.label_by_sigmoid(values)

    def test_shape_mismatch_names_both(self):
        with pytest.raises(ValueError, match=r"\(3,\).*\(10,\)"):
            labels.label_by_sigmoid(np.arange(10.0), x=[1, 2, 3])

    def test_exponential_has_no_inflection(self):
        with pytest.raises(ValueError, match="no inflection point"):
            labels.label_by_sigmoid(np.exp(np.linspace(0, 5, 30)))


class TestTwoLines:
    @pytest.mark.parametrize(("before", "after"), [((0.1, 2), (3, None)), ((-1, 0), (0.5, None))])
    def test_recovers_intersection(self, before, after):
        x = np.linspace(0, 20, 41)
        kink, slope = 7.3, after[0]
        values = before[0] * x + before[1] + np.where(x > kink, (slope - before[0]) * (x - kink), 0)
        values += np.random.default_rng(0).normal(0, 0.02, x.size)
        codes, fit = labels.label_by_two_lines(values, x, return_fit=True)
        assert fit.intersection == pytest.approx(kink, abs=0.1)
        assert fit.before[0] == pytest.approx(before[0], abs=0.02)
        assert fit.after[0] == pytest.approx(slope, abs=0.02)
        assert fit.r_squared > 0.99
        np.testing.assert_array_equal(codes, x > kink)

    def test_unsorted_replicates(self):
        x = np.random.default_rng(2).permutation(np.tile(np.arange(12.0), 2))
        np.testing.assert_array_equal(labels.label_by_two_lines(np.maximum(x, 6), x), x >= 6)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (np.arange(10.0), "no kink"),
            (np.ones(10), "constant"),
            ([0.0, 1.0, 2.0], "at least 4"),
            ([0.0, 1.0, np.inf, 2.0], "non-finite"),
        ],
    )
    def test_errors(self, values, message):
        with pytest.raises(ValueError, match=message):
            labels.label_by_two_lines(values)


def test_threshold():
    codes = labels.label_by_threshold([[0.1, 0.5], [np.nan, 2.0]], [0.5, 1.0])
    np.testing.assert_array_equal(codes, [[0, 1], [-1, 2]])
    assert codes.dtype == np.int32
    assert labels.label_by_threshold([1.0, 3.0], 2).tolist() == [0, 1]


@pytest.mark.parametrize("thresholds", [[1, 1], [2, 1], [np.nan], [[1, 2]]])
def test_threshold_errors(thresholds):
    with pytest.raises(ValueError, match="ascending"):
        labels.label_by_threshold([1.0], thresholds)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8"])
def test_unsigned_codes(dtype):
    codes, classes = labels.encode_labels(np.array([0, 2, 1], dtype=dtype))
    assert codes.tolist() == [0, 2, 1]
    assert classes == ["0", "1", "2"]


def test_masked_positions_are_unlabelled():
    codes, _ = labels.encode_labels(
        np.ma.masked_array([0, 1, 1], mask=[False, True, False]), ["a", "b"]
    )
    assert codes.tolist() == [0, -1, 1]


def test_values_are_not_mistaken_for_codes():
    with pytest.raises(ValueError, match="renumber"):
        labels.encode_labels(np.array([0, 10**7]))


def test_classes_need_an_order_and_names():
    with pytest.raises(TypeError, match="order"):
        labels.encode_labels([0, 1], {"a", "b"})
    with pytest.raises(ValueError, match="None"):
        labels.encode_labels([0, 1], [None, "b"])
