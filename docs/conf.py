"""Sphinx configuration."""

from pathlib import Path

import hs_specaug

HERE = Path(__file__).parent

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
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

# The figure is made by `make demo`; the page is complete without it.
PICTURE = "![Labelled pixels, spectra, and the label map](_static/quickstart.png)"
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "substitution", "colon_fence"]
myst_substitutions = {"picture": PICTURE if (HERE / "_static/quickstart.png").exists() else ""}
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc sections say the types in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

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


def setup(app):
    """Connect the above."""
    app.connect("autodoc-skip-member", skip_member)
