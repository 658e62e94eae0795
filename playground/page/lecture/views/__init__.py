"""What the Lecture lens shows of its own; most of its figures are views of other lenses."""
