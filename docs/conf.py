"""Sphinx configuration."""

import re

import hs_specaug

project = "hs_specaug"
author = "The hs_specaug developers"
copyright = author
release = version = hs_specaug.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

PICTURE = "![Labelled pixels, spectra, and the label map](_static/examples/quickstart.png)"
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "substitution", "colon_fence"]
myst_substitutions = {"picture": PICTURE}
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc sections say the types in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# The examples of single tasks are run for every build, which takes seconds. The others train for
# minutes, some on measured files: their pages show the figure and the table that were saved by
# `python examples/NAME.py --output docs/_static/examples`.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"examples[\\/]tasks[\\/]",
    "ignore_pattern": r"(^|[\\/])_",
    "within_subsection_order": "ExampleTitleSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "capture_repr": (),
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "hs_specaug"
html_static_path = ["_static"]
html_css_files = ["hs_specaug.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": [], "getting_started": [], "sample_data": [], "extending": []}


# What scikit-learn adds to every estimator, documented there.
INHERITED = {
    "get_feature_names_out",
    "get_metadata_routing",
    "get_params",
    "score",
    "set_output",
    "set_params",
}


def skip_member(app, what, name, obj, skip, options):
    """Leave out what says nothing about this package."""
    request = name.startswith("set_") and name.endswith("_request")
    return True if request or name in INHERITED else None


# A literal, or the star of a shape.
STAR = re.compile(r"``.*?``|(?<=[(, ])\*(?=\w[\w ]*[),])")


def escape_stars(app, what, name, obj, options, lines):
    """Keep the star of a shape, (n, channels, *size), from being read as emphasis."""
    lines[:] = [
        line
        if line.lstrip().startswith((">>>", "..."))
        else STAR.sub(lambda found: "\\*" if found.group() == "*" else found.group(), line)
        for line in lines
    ]


def setup(app):
    """Connect the above."""
    app.connect("autodoc-process-docstring", escape_stars)
    app.connect("autodoc-skip-member", skip_member)
