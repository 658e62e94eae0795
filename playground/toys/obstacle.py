"""Paths in the plane around one round obstacle: scenes, an exact expert, and an exact referee.

The robot is a point. Start, goal and the obstacle's centre lie in the square from −1 to 1; the last
axis of points is [x, y], and a path [n, WAYPOINTS, 2] goes straight from each waypoint to the next.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

WAYPOINTS = 16
RADIUS = 0.3  # of the obstacle
MARGIN = 0.1  # how far from it the expert keeps; between waypoints on its arc it is a little less
APART = 0.3  # start and goal are no closer
AT_GOAL = 0.08  # a path ends at its goal if its last waypoint is no further away
DETOUR = 0.25  # of an expert's two ways, one that is longer by this is taken e times less often


@dataclass(frozen=True)
class Scenes:
    """Where robots start, where they want to go, and what stands in their way, each [n, 2]."""

    start: Tensor
    goal: Tensor
    obstacle: Tensor

    @property
    def distance(self) -> Tensor:
        """[n, 1], from start to goal."""
        return (self.goal - self.start).norm(dim=-1, keepdim=True)

    def seen(self) -> Tensor:
        """[n, 3], all that a policy knows: the distance of the goal, and the obstacle's place, in
        the robot's frame. It begins half way to the goal, which is straight ahead.
        """
        return torch.cat((self.distance, self.to_frame(self.obstacle[:, None])[:, 0]), -1)

    def to_frame(self, points: Tensor) -> Tensor:
        """[n, points, 2] in the robot's frame."""
        moved = points - (self.start + self.goal)[:, None] / 2
        return moved @ self._turned()

    def from_frame(self, points: Tensor) -> Tensor:
        """[n, points, 2] back in the world."""
        return points @ self._turned().mT + (self.start + self.goal)[:, None] / 2

    def _turned(self) -> Tensor:
        """[n, 2, 2]: columns are the frame's axes in the world, ahead and to the left."""
        ahead = (self.goal - self.start) / self.distance
        return torch.stack((ahead, torch.stack((-ahead[:, 1], ahead[:, 0]), -1)), -1)

    def allowed(self) -> Tensor:
        """[n]: whether start and goal keep APART and are clear of the obstacle."""
        ends = torch.stack((self.start, self.goal), 1)
        free = (ends - self.obstacle[:, None]).norm(dim=-1).amin(-1) > RADIUS + MARGIN
        inside = self.obstacle.abs().amax(-1) <= 1
        return free & inside & (self.distance[:, 0] > APART)

    def blocked(self) -> Tensor:
        """[n]: whether the straight way touches the obstacle."""
        straight = torch.stack((self.start, self.goal), 1)
        return clearance(straight, self.obstacle) <= 0


def scenes(count: int, generator: torch.Generator, blocked: bool = False) -> Scenes:
    """Random scenes, most of them with the obstacle near the straight way; if `blocked`, all on it.

    Start and goal keep APART, and MARGIN from the obstacle.
    """
    kept, left, tries = [], count, 8 * count
    while left > 0:
        start, goal, anywhere = 2 * torch.rand(3, tries, 2, generator=generator) - 1
        near = torch.lerp(start, goal, torch.rand(tries, 1, generator=generator))
        near = near + 0.3 * torch.randn(tries, 2, generator=generator)
        rare = torch.rand(tries, 1, generator=generator) < 0.2
        tried = Scenes(start, goal, torch.where(rare, anywhere, near))
        good = tried.allowed() & tried.blocked() if blocked else tried.allowed()
        rows = torch.cat((tried.start, tried.goal, tried.obstacle), -1)[good][:left]
        kept.append(rows)
        left -= len(rows)
    return Scenes(*torch.cat(kept).split(2, -1))


def clearance(paths: Tensor, obstacle: Tensor) -> Tensor:
    """Distance of each path [n, points, 2] from its obstacle [n, 2]; negative if it cuts in.

    Exact: the nearest point of every straight piece, not of waypoints alone.
    """
    begin, piece = paths[:, :-1], paths.diff(dim=1)
    to_centre = obstacle[:, None] - begin
    length = piece.square().sum(-1).clamp(min=1e-12)
    share = ((to_centre * piece).sum(-1) / length).clamp(0, 1)
    return (to_centre - share[..., None] * piece).norm(dim=-1).amin(-1) - RADIUS


def arrives(paths: Tensor, where: Scenes) -> Tensor:
    """[n]: whether the robot, driving from its start along the path, ends at its goal and never
    touches the obstacle.
    """
    driven = torch.cat((where.start[:, None], paths), 1)
    at_goal = (paths[:, -1] - where.goal).norm(dim=-1) <= AT_GOAL
    return at_goal & (clearance(driven, where.obstacle) > 0)


def ways(where: Scenes) -> tuple[Tensor, Tensor]:
    """The shortest paths with MARGIN on either side of the obstacle, and their lengths.

    [2, n, WAYPOINTS, 2] and [2, n]; first counter-clockwise around it, then clockwise. Each is a
    tangent to the circle of radius RADIUS + MARGIN, a part of that circle, and a tangent again, or
    a straight line if that is free on this side. Waypoints have equal distances along it.
    """
    both = [_way(where, turn) for turn in (1.0, -1.0)]
    paths, lengths = zip(*both, strict=True)
    return torch.stack(paths), torch.stack(lengths)


def _way(where: Scenes, turn: float) -> tuple[Tensor, Tensor]:
    radius = RADIUS + MARGIN
    a, b = (end - where.obstacle for end in (where.start, where.goal))
    far_a, far_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    # Seen from the centre, a tangent point lies acos(radius / distance) away from its end.
    open_a, open_b = (radius / far_a).acos(), (radius / far_b).acos()
    angle = a[:, 1:].atan2(a[:, :1])
    around = (turn * (b[:, 1:].atan2(b[:, :1]) - angle)).remainder(2 * math.pi) - open_a - open_b
    free = around <= 0  # the straight line passes on this side
    tangent_a, tangent_b = (far_a.square() - radius**2).sqrt(), (far_b.square() - radius**2).sqrt()
    arc = radius * around
    length = torch.where(free, where.distance, tangent_a + arc + tangent_b)

    share = torch.linspace(0, 1, WAYPOINTS)
    gone = length * share  # [n, WAYPOINTS] of the length
    first = angle + turn * open_a
    on_arc = radius * _unit(first + turn * (gone - tangent_a) / radius)
    before = _between(a, radius * _unit(first)[:, 0], gone / tangent_a)
    after = _between(
        radius * _unit(first + turn * around)[:, 0], b, (gone - tangent_a - arc) / tangent_b
    )
    on_circle, past_it = gone >= tangent_a, gone > tangent_a + arc
    path = torch.where(on_circle[..., None], on_arc, before)
    path = torch.where(past_it[..., None], after, path)
    path = torch.where(free[..., None], _between(a, b, share.expand_as(gone)), path)
    return path + where.obstacle[:, None], length[:, 0]


def _unit(angle: Tensor) -> Tensor:
    return torch.stack((angle.cos(), angle.sin()), -1)


def _between(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """[n, points, 2] on the line from `start` to `end` [n, 2], at shares [n, points]."""
    return torch.lerp(start[:, None], end[:, None], share[..., None])


def demonstrations(where: Scenes, generator: torch.Generator) -> Tensor:
    """An expert's path of each scene, [n, WAYPOINTS, 2]: the shorter of two ways more often.

    Both sides are right, so one scene has two kinds of answers: that is what a policy must learn.
    """
    paths, lengths = ways(where)
    first = torch.rand(len(where.start), generator=generator)
    first = first < ((lengths[1] - lengths[0]) / DETOUR).sigmoid()
    return torch.where(first[:, None, None], paths[0], paths[1])
