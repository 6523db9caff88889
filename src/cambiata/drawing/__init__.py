"""Pictures without a plotting library: shapes on a canvas, written as SVG or PNG."""
