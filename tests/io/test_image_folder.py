"""Folders of images: pixels, classes, sizes and colours arrive as they are on disk."""

import hyperspy.api as hs
import numpy as np
import pytest
from PIL import Image

from hs_specaug.io import read_image_folder


def write(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def pixels(seed, shape=(6, 8), dtype=np.uint8):
    high = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, high, shape, endpoint=True).astype(dtype)


@pytest.fixture
def folder(tmp_path):
    """Give three classes with one to three grey images; numbers sort as numbers."""
    root = tmp_path / "particles"
    for name, numbers in {"needle": (10, 2, 1), "sphere": (1,), "plate 10": (1, 2)}.items():
        for number in numbers:
            write(root / name / f"image{number}.png", pixels(number))
    (root / "needle" / "notes.txt").write_text("of no interest")
    (root / ".cache").mkdir()
    return root


def test_classes_order_and_pixels(folder):
    s = read_image_folder(folder)
    assert type(s).__name__ == "AugmentableImage"
    assert s.classes == ("needle", "plate 10", "sphere")
    assert s.class_counts() == {"needle": 3, "plate 10": 2, "sphere": 1}
    assert s.data.dtype == np.uint8
    assert s.axes_manager.signal_shape == (8, 6)  # x, y
    files = [f"needle/image{n}.png" for n in (1, 2, 10)]
    assert list(s.original_metadata.files[:3]) == files
    np.testing.assert_array_equal(s.data[:3], [pixels(n) for n in (1, 2, 10)])
    assert s.metadata.General.title == "particles"


def test_chosen_classes_keep_their_order(folder):
    s = read_image_folder(folder, classes=["sphere", "needle"])
    assert s.labels.tolist() == [0, 1, 1, 1]
    with pytest.raises(ValueError, match=r"no sub-folders \['cube'\]"):
        read_image_folder(folder, classes=["cube"])


def test_images_beside_the_folders_are_unlabelled(folder, tmp_path):
    write(folder / "unknown.png", pixels(5))
    s = read_image_folder(folder)
    assert s.labels.tolist() == [0, 0, 0, 1, 1, 2, -1]
    np.testing.assert_array_equal(s.data[-1], pixels(5))
    s.save(tmp_path / "all.hspy")
    assert hs.load(tmp_path / "all.hspy").labels.tolist() == s.labels.tolist()


def test_colour(tmp_path):
    colour = pixels(0, (6, 8, 3))
    write(tmp_path / "a" / "1.png", colour)
    write(tmp_path / "b" / "1.png", pixels(1))
    s = read_image_folder(tmp_path)
    assert s.data.dtype.names == ("R", "G", "B")
    np.testing.assert_array_equal(np.stack([s.data[0][c] for c in "RGB"], axis=-1), colour)
    for channel in "RGB":
        np.testing.assert_array_equal(s.data[1][channel], pixels(1))
    grey = read_image_folder(tmp_path, colour=False)
    # ITU-R 601-2 luma, as Pillow rounds it.
    expected = colour @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey.data[0], expected, atol=1.0)
    s.augment("random", counts={"a": 1}, random_state=0)


def test_sixteen_bits_keep_their_values(tmp_path):
    values = pixels(0, dtype=np.uint16)
    write(tmp_path / "a" / "1.png", values)
    write(tmp_path / "b" / "1.tif", values)
    s = read_image_folder(tmp_path)
    assert s.data.dtype == np.uint16
    np.testing.assert_array_equal(s.data, [values, values])
    with pytest.raises(ValueError, match="RGB cannot hold"):
        read_image_folder(tmp_path, colour=True)


def test_floats_keep_their_values(tmp_path):
    values = pixels(0).astype(np.float32) / 7
    write(tmp_path / "a" / "1.tiff", values)
    np.testing.assert_array_equal(read_image_folder(tmp_path).data[0], values)


def test_grey_values_of_two_kinds_are_refused(tmp_path):
    write(tmp_path / "a" / "1.png", pixels(0, dtype=np.uint16))
    write(tmp_path / "b" / "1.png", pixels(0))
    with pytest.raises(ValueError, match=r"uint16, of 1\.png uint8"):
        read_image_folder(tmp_path)


def test_sizes_must_agree_or_be_given(folder):
    write(folder / "sphere" / "large.png", pixels(3, (12, 16)))
    with pytest.raises(ValueError, match=r"8 × 6 pixels, large\.png 16 × 12; give size=\(8, 6\)"):
        read_image_folder(folder)
    s = read_image_folder(folder, size=(8, 6))
    large = pixels(3, (12, 16)).astype(float)
    blocks = large.reshape(6, 2, 8, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(s.data[-1], blocks, atol=1.01)  # rounded in each direction


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_resized_integers_keep_their_scale(dtype, tmp_path):
    values = pixels(3, (12, 16), dtype=np.uint16).astype(dtype)
    write(tmp_path / "a" / "1.tif", values)
    s = read_image_folder(tmp_path, size=(8, 6))
    assert s.data.dtype == dtype
    blocks = values.astype(float).reshape(6, 2, 8, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(s.data[0], blocks, atol=0.6)


def test_palettes_transparency_and_orientation(tmp_path):
    colour = pixels(0, (6, 8, 3)) // 128 * 255  # eight colours: exact in a palette
    (tmp_path / "a").mkdir()
    Image.fromarray(colour).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "a/1.gif")
    s = read_image_folder(tmp_path)
    np.testing.assert_array_equal(np.stack([s.data[0][c] for c in "RGB"], axis=-1), colour)

    image = Image.fromarray(pixels(1, (8, 6)))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    (tmp_path / "b").mkdir()
    image.save(tmp_path / "b" / "1.png", exif=exif)
    turned = read_image_folder(tmp_path, classes=["b"])
    np.testing.assert_array_equal(turned.data[0], np.rot90(pixels(1, (8, 6)), -1))


def test_errors_name_the_file(folder, tmp_path):
    (folder / "sphere" / "broken.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(ValueError, match=r"broken\.png.*cannot be read as an image"):
        read_image_folder(folder)
    (folder / "sphere" / "broken.png").unlink()
    frames = [Image.fromarray(pixels(i)) for i in range(2)]
    frames[0].save(folder / "sphere" / "stack.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match=r"stack\.tif.*holds 2 images"):
        read_image_folder(folder)
    (tmp_path / "empty" / "class").mkdir(parents=True)
    with pytest.raises(ValueError, match="holds no image"):
        read_image_folder(tmp_path / "empty")
    with pytest.raises(ValueError, match="has no sub-folder"):
        read_image_folder(folder / "needle")
    with pytest.raises(NotADirectoryError, match="nowhere"):
        read_image_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="size must be"):
        read_image_folder(folder, size=(0, 5), classes=["needle"])
