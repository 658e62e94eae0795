"""A diffusion policy in the plane: its exact expert, its sampler, what it learns, and its view."""

import math

import numpy as np
import pytest
import torch
from browser import painted
from diffusers import DDIMScheduler
from viewer import MOUNT, table_of

from playground.page.family import policy as section
from playground.page.family.views import policy as view
from playground.toys import obstacle, policy
from playground.toys.obstacle import MARGIN, RADIUS, Scenes

MIRRORED = Scenes(torch.tensor([[-0.9, 0.0]]), torch.tensor([[0.9, 0.0]]), torch.zeros(1, 2))


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def repeated(where: Scenes, count: int) -> Scenes:
    return Scenes(*(x.expand(count, 2) for x in (where.start, where.goal, where.obstacle)))


@pytest.fixture(scope="module")
def learned(one_thread) -> policy.Learned:
    *_, last = policy.learn()
    return last


def test_clearance_of_known_paths():
    """Past the side, past an end, through the middle, and cutting in between two waypoints."""
    paths = torch.tensor(
        [[[-1, 0.5], [1, 0.5]], [[-1, 0], [-0.6, 0]], [[-1, 0], [1, 0]], [[-0.4, 0], [0, 0.4]]]
    )
    found = obstacle.clearance(paths, torch.zeros(4, 2)) + RADIUS
    torch.testing.assert_close(found, torch.tensor([0.5, 0.6, 0.0, 0.08**0.5]))


def test_the_expert_takes_both_tangents_of_a_mirrored_scene():
    paths, lengths = obstacle.ways(MIRRORED)
    radius = RADIUS + MARGIN
    whole = 2 * (0.81 - radius**2) ** 0.5 + radius * (math.pi - 2 * math.acos(radius / 0.9))
    torch.testing.assert_close(lengths, torch.full((2, 1), whole))
    torch.testing.assert_close(paths[0], paths[1] * torch.tensor([1, -1]))
    assert (paths[0, 0, 1:-1, 1] < 0).all()  # counter-clockwise: below
    assert abs(paths[0, 0, 7:9].norm(dim=-1) - radius).max() < 1e-6  # on the circle
    pieces = paths.diff(dim=2).norm(dim=-1)
    assert pieces.max() <= whole / 15 + 1e-6  # equal along the path; over the arc a little less
    torch.testing.assert_close(pieces[..., :5], torch.full((2, 1, 5), whole / 15))


def test_the_expert_never_touches_the_obstacle():
    where = obstacle.scenes(5000, generator())
    paths, lengths = obstacle.ways(where)
    assert where.allowed().all()
    for side in paths:
        assert obstacle.clearance(side, where.obstacle).min() > 0
        assert obstacle.arrives(side, where).all()
        torch.testing.assert_close(side[:, 0], where.start)
        torch.testing.assert_close(side[:, -1], where.goal)
    distance = where.distance[:, 0]
    assert (lengths >= distance - 1e-5).all()
    margin = obstacle.clearance(torch.stack((where.start, where.goal), 1), where.obstacle) - MARGIN
    straight = (lengths.amin(0) - distance).abs() < 1e-5
    sure = margin.abs() > 1e-2  # where the straight way is a tangent, both are the same
    assert torch.equal(straight[sure], (margin > 0)[sure])


def test_demonstrations_go_both_ways_and_rather_the_shorter_one():
    aside = Scenes(MIRRORED.start, MIRRORED.goal, torch.tensor([[0.0, 0.2]]))
    _, (below, above) = obstacle.ways(aside)
    share = 1 / (1 + math.exp(-(above - below).item() / obstacle.DETOUR))
    assert share > 0.7
    for scene, expected in ((MIRRORED, 0.5), (aside, share)):
        paths = obstacle.demonstrations(repeated(scene, 2000), generator())
        assert (paths[:, 8, 1] < 0).float().mean() == pytest.approx(expected, abs=0.05)


def test_blocked_scenes_are_blocked_and_frames_lead_back():
    where = obstacle.scenes(200, generator(), blocked=True)
    assert where.blocked().all()
    paths, _ = obstacle.ways(where)
    torch.testing.assert_close(where.from_frame(where.to_frame(paths[0])), paths[0])
    ends = where.to_frame(torch.stack((where.start, where.goal), 1))
    half = where.distance / 2
    torch.testing.assert_close(ends[..., 0], torch.cat((-half, half), 1))
    assert ends[..., 1].abs().max() < 1e-6


def test_the_sampler_is_the_stock_one():
    """diffusers' DDIM with the same levels, on an untrained network that answers anything."""
    steps, network = 8, policy.Network(generator()).requires_grad_(False)
    scene, noise = torch.rand(4, policy.SEEN), policy.starting_noise(4, generator())
    times = policy.times(steps)
    kept = torch.tensor([policy.level(t).signal ** 2 for t in times], dtype=torch.float64).flip(0)
    stock = DDIMScheduler(
        steps, trained_betas=(1 - kept[1:] / kept[:-1]).tolist(), prediction_type="sample",
        clip_sample=False,
    )  # fmt: skip
    stock.set_timesteps(steps)
    x = noise
    for index, t in zip(stock.timesteps, times, strict=False):
        x = stock.step(network(x, torch.full((4, 1), t), scene), index, x).prev_sample
    torch.testing.assert_close(policy.sample(network, scene, noise, steps), x, atol=1e-5, rtol=1e-4)


def test_diffusion_goes_around_the_obstacle_where_regression_and_chance_do_not(learned):
    diffusion, untrained = (learned.solved[n][policy.USUAL] for n in ("diffusion", "untrained"))
    assert diffusion >= 0.95
    assert untrained < 0.2
    assert learned.solved["regression"][1] < 0.5


def test_regression_answers_the_mean_of_both_ways(learned):
    """Between them is the obstacle. One network call is no better; more of them choose a side."""
    scene, count = policy.seen(MIRRORED).expand(len(learned.noise), -1), len(learned.noise)
    (mean,) = policy.from_network(
        policy.regress(learned.networks["regression"], scene[:1]), MIRRORED
    )
    assert abs(mean[8, 1]) < RADIUS / 2
    network, where = learned.networks["diffusion"], repeated(MIRRORED, count)
    once, often = (
        policy.from_network(policy.sample(network, scene, learned.noise, n), where) for n in (1, 16)
    )
    assert obstacle.arrives(once, where).float().mean() < 0.2
    assert obstacle.arrives(often, where).float().mean() > 0.9
    sides = often[:, 8, 1].sign()
    assert {-1.0, 1.0} == set(sides.tolist())


def test_training_is_repeated_by_its_seed_and_says_how_far_it_is():
    *progress, one = policy.learn(steps=30)
    *_, again = policy.learn(steps=30)
    assert [p.step for p in progress] == [0, 25]
    for a, b in zip(one.networks["diffusion"].arrays(), again.networks["diffusion"].arrays(),
                    strict=True):  # fmt: skip
        np.testing.assert_array_equal(a, b)
    before, after = (one.networks[n].arrays()[0] for n in ("untrained", "diffusion"))
    assert not np.array_equal(before, after)


@pytest.fixture
def shown(learned, monkeypatch) -> list[dict]:
    """What the view is given, of the training that the other tests look at."""
    events = [policy.Progress(0, 100), policy.Progress(50, 100), learned]
    monkeypatch.setattr(policy, "learn", lambda: iter(events))
    return list(section.learn())


def test_the_page_gets_progress_and_then_the_networks(shown, learned):
    assert [frame["share"] for frame in shown[:-1]] == [0, 0, 0.5]
    last = shown[-1]
    assert last["kind"] == "finished"
    assert f"{round(100 * learned.solved['diffusion'][16])} of 100 runs with diff" in last["text"]


def drawn(page, kind: str) -> np.ndarray:
    """[paths, waypoints, 2] as the browser drew them, y upwards."""
    painted(page)
    lines = page.eval_on_selector_all(f"path.{kind}", "all => all.map((p) => p.getAttribute('d'))")
    points = [[p.split() for p in line[1:].split("L")] for line in lines]
    return np.array(points, dtype=float) * [1, -1]


def test_dragging_asks_the_same_networks_in_the_browser(page, shown, learned):
    page.evaluate(MOUNT, [view.VIEW.html_template, view.VIEW.css_template, view.VIEW.js_on_load,
                          shown[-1]])  # fmt: skip
    where = {"start": [-0.9, 0.0], "goal": [0.9, 0.0], "obstacle": [0.0, 0.0]}

    def compare():
        scene = Scenes(*(torch.tensor([p]) for p in where.values()))
        seen = policy.seen(scene).expand(len(learned.noise), -1)
        x = policy.sample(learned.networks["diffusion"], seen, learned.noise, policy.USUAL)
        expected = policy.from_network(x, repeated(scene, len(x))).numpy()
        close = np.abs(drawn(page, "diffusion") - expected).max((1, 2)) < 0.01
        assert close.mean() > 0.9  # a path that is undecided may take the other side
        answer = policy.regress(learned.networks["regression"], seen[:1])
        answer = policy.from_network(answer, scene).numpy()
        assert np.abs(drawn(page, "regression") - answer).max() < 0.002

    compare()
    page.focus(".obstacle")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    where["obstacle"] = [0.0, 0.15]
    compare()
    box = page.locator(".goal .hit").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    scale = page.locator(".plane svg").evaluate("svg => svg.getScreenCTM().a")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 0.5 * scale)
    page.mouse.up()
    painted(page)
    assert page.get_attribute(".goal", "aria-label").startswith("goal at x 0.90, y 0.50")
    page.focus(".start")
    for _ in range(30):  # up to the obstacle's margin, and no further
        page.keyboard.press("ArrowRight")
    x = float(page.get_attribute(".start", "aria-label").split("x ")[1].split(",")[0])
    assert -0.45 < x < -(RADIUS + MARGIN) * 0.9
    where |= {"goal": [0.9, 0.5], "start": [x, 0.0]}
    compare()


def test_steps_and_networks_are_chosen_in_the_browser(page, shown):
    page.evaluate(MOUNT, [view.VIEW.html_template, view.VIEW.css_template, view.VIEW.js_on_load,
                          shown[-1]])  # fmt: skip
    before = drawn(page, "diffusion")
    page.eval_on_selector(".slide input", "e => { e.value = 0; e.oninput() }")
    assert page.text_content(".slide output") == "0 of 16"
    assert not np.allclose(drawn(page, "diffusion"), before, atol=0.1)
    page.select_option("select", "1")
    assert page.text_content(".slide output") == "1 of 1"
    assert page.locator(".measured td").first.text_content() != "100 %"
    assert page.locator("path.untrained").count() == 0
    heading, *rows = table_of(page)  # of all numbers of calls
    assert heading == "network,network calls,reached the goal,scenes"
    assert len(rows) == sum(len(shares) for shares in shown[-1]["solved"].values())
    page.check("input[value=untrained]")
    page.uncheck("input[value=regression]")
    assert page.locator("path.untrained").count() == 24
    assert page.locator("path.regression").count() == 0
    page.evaluate("window.give({kind: 'message', text: 'Stopped.', share: null, stopped: true})")
    assert page.text_content(".status >> nth=0") == "Stopped."
