"""Which fields of a recipe can be swept, and where a value lies on the filmstrip's slider."""

from playground.diffusion.guidance import GUIDERS, SCHEDULES, TABLES, called

AXES = {  # fields that can be swept, and the values that are offered
    "guidance": "0, 1, 2, 3, 5, 7, 12, 25",
    "guidance_start": "0, 0.2, 0.4, 0.6, 0.8",
    "guidance_stop": "0.2, 0.4, 0.6, 0.8, 1",
    "rescale": "0, 0.25, 0.5, 0.75, 1",
    "guidance_schedule": ", ".join(SCHEDULES),
    "guider": ", ".join(GUIDERS),
}


def place(axis: str, value: float | str) -> tuple[float, str]:
    """Where on the slider a value of `axis` lies, and what it is called."""
    if axis in TABLES:
        return list(TABLES[axis]).index(value), called(axis, value)
    return value, ("w = " if axis == "guidance" else "") + called(axis, value)
