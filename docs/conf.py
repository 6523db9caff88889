"""Settings of the documentation site; ``make docs`` builds it, without a network."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Cambiata"
author = "The Cambiata authors"
project_copyright = "2026, the Cambiata authors. Apache-2.0"
version = release = installed_version("cambiata")

extensions = [
    "command_help",  # _ext: what `cambiata VERB --help` prints
    "repository_pages",  # _ext: pages whose text lies elsewhere in the repository
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections name the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # the class template lists them
numpydoc_class_members_toctree = False
default_role = "py:obj"  # `name` in a docstring: a link where the reference has it, code elsewhere

html_theme = "pydata_sphinx_theme"
html_title = "Cambiata"
html_logo = html_favicon = "_static/logo.svg"
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "logo": {"text": "Cambiata", "alt_text": "Cambiata: start page"},
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
}
html_sidebars = {"index": [], "install": [], "listening": [], "changelog": []}
copybutton_exclude = ".linenos, .gp, .go"
