"""Figures to keep: charts and sheets of pictures by matplotlib, as PNG, SVG or PDF."""
