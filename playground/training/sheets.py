"""The fixed prompts of the contact sheets."""

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

MORE_PROMPTS = (
    "a koala on a pink background", "a bear in the snow", "a pig on the grass",
    "a rabbit on an orange background", "a monkey on a purple background",
    "an alien in the night sky", "an octopus at the beach", "a butterfly on a white background",
    "a banana on a blue background", "a strawberry on a green background", "a rose at sunset",
    "a sunflower on the grass", "a cactus on a yellow background", "a boat at the beach",
    "an umbrella in the snow", "a red triangle on a white background",
    "a blue diamond on a black background", "a pink heart on a gray background",
    "a panda wearing sunglasses on a green background", "a dog wearing a cap on the grass",
    "a pig wearing a bow on a blue background", "a koala wearing a crown in the snow",
    "a rabbit astronaut on a red background", "a red square and a blue circle",
    "a cat wearing a crown and a dog", "a rocket above a house", "an apple left of a banana",
    "a car below a balloon on a blue background", "two pizzas on a red background",
    "three owls in the night sky", "two blue squares on a yellow background",
    "a small cat and a large star at sunset",
)  # fmt: skip

HELD_OUT_PROMPTS = (
    "a fox astronaut", "an owl astronaut in the night sky", "a penguin wearing a crown in the snow",
    "a panda wearing a top hat on a pink background", "a frog wearing sunglasses at the beach",
    "a robot wearing a bow on a blue background", "a bear wearing a cap on the grass",
    "a ghost wearing a crown on a black background", "a red star on a white background",
    "a blue heart on a yellow background", "a green triangle at sunset",
    "a purple square in the snow", "a cat and a rocket", "a dog left of a pizza on the grass",
    "an octopus in the snow", "a robot on the grass",
)  # fmt: skip
