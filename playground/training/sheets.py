"""The fixed prompts of the contact sheet."""

PROMPTS = (
    "a cat wearing a top hat on a blue background", "a red square", "a panda at the beach",
    "a cat", "a dog on a yellow background", "a fox in the snow", "a penguin in the snow",
    "a frog on a pink background", "an owl in the night sky", "a robot on an orange background",
    "a unicorn at sunset", "a lion on the grass", "an apple on a white background",
    "a pizza on a green background", "a rocket in the night sky", "a car on the grass",
    "a house in the snow", "a castle at sunset", "a balloon on a blue background",
    "a mushroom on the grass", "a guitar on a red background", "a cake on a purple background",
    "a blue circle on a white background", "a yellow star in the night sky",
    "a monkey wearing sunglasses at the beach", "a lion wearing a crown at sunset",
    "a cat astronaut in the night sky", "a dog and a ball on the grass",
    "a tree left of a house on the grass", "two foxes in the snow",
    "three red hearts on a white background", "a large ghost on a black background",
)  # fmt: skip
