"""Teaches a perceptron to steer a car round a real race track by gradients through the whole simulated drive, and lets
it drive two roads it has never seen: the streets of Monaco and a country road that a car recorded by GPS.

The car is a kinematic bicycle: position, heading, speed and the angle of its front wheels, which follow the command
with a delay. Every step of a ride of a minute is part of one graph, so ``backward`` tells each weight what it did to
the distance from the middle of the road at every later moment. The pedal follows the same rule whoever steers. Judges
are two standard controllers, their constants searched over grids on the track that the net learnt on, and a linear
controller that sees what the net sees and learns as it does.
"""

import csv
import itertools
import math
import random
from typing import Any, NamedTuple

from common import DATA, asked_for_quick, pyplot, save

import autograd_mini as ag
from autograd_mini import nn, optim

DT, WHEELBASE, DELAY = 0.1, 2.7, 0.25  # s, m, s until the wheels are within 1/e of the commanded angle
MAX_STEER, MAX_SPEED = 0.5, 25.0  # rad, m/s
PATIENCE = 0.5  # s, in which the pedal corrects the speed
GRIP, BRAKE, MAX_PEDAL = 5.0, 1.5, 3.0  # m/s2, to the side and along, for which speeds are chosen, and the most along
LONGEST_LAP = 5000  # steps, after which a car that has lost its way gives up
SMOOTHING = 5  # m, over which the corners of the recorded lines are rounded
# The constants of the standard controllers that are tried. Like the net's learning rates they are chosen by laps of
# the track it learns on; the other roads are for the last line of each report alone.
PURSUIT = ([0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1], [0.0, 0.5, 1.0, 2.0])
STANLEY = ([0.3, 0.5, 0.7, 1.0, 1.5, 2.0], [0.0, 0.25, 0.5, 0.75, 1.0], [0.2, 0.25, 0.3, 0.35, 0.4, 0.5])
PREVIEW = [0.0, 0.2, 0.4, 0.6, 0.9, 1.2, 1.6]  # s, how far ahead the driver sees the bends


def metre_by_metre(corners):
    """Points of a closed polygon, about one for every metre."""
    ends = corners[1:] + corners[:1]
    points, due = [], 0.0
    for (x, y), (x_end, y_end) in zip(corners, ends, strict=True):
        side = math.dist((x, y), (x_end, y_end))
        while due < side:
            points.append((x + due / side * (x_end - x), y + due / side * (y_end - y)))
            due += 1.0
        due -= side
    return points


def smooth(numbers):
    """Means of a closed row of numbers, with Gaussian weights."""
    reach = range(-4 * SMOOTHING, 4 * SMOOTHING + 1)
    weights = [math.exp(-0.5 * (k / SMOOTHING) ** 2) for k in reach]
    total = sum(weights)
    return [
        sum(w * numbers[(i + k) % len(numbers)] for w, k in zip(weights, reach, strict=True)) / total
        for i in range(len(numbers))
    ]


class Track:
    """A closed road as a point for every metre: position, direction, curvature (1/m, left is positive), and speed."""

    def __init__(self, name):
        with open(DATA / "tracks.csv", newline="") as file:
            corners = [(float(row["x_m"]), float(row["y_m"])) for row in csv.DictReader(file) if row["track"] == name]
        self.x, self.y = map(smooth, zip(*metre_by_metre(corners), strict=True))
        self.length = n = len(self.x)
        self.heading, self.curvature = [], []
        for i in range(n):
            (x0, x1, x2), (y0, y1, y2) = ([c[i - 1], c[i], c[(i + 1) % n]] for c in (self.x, self.y))
            dx, dy, ddx, ddy = (x2 - x0) / 2, (y2 - y0) / 2, x2 - 2 * x1 + x0, y2 - 2 * y1 + y0
            self.heading.append(math.atan2(dy, dx))
            self.curvature.append((dx * ddy - dy * ddx) / (dx * dx + dy * dy) ** 1.5)
        self.speed = [min(MAX_SPEED, math.sqrt(GRIP / max(abs(k), 1e-9))) for k in self.curvature]
        for i in range(2 * n - 1, -1, -1):  # twice round, so that there is time to brake for every bend ahead
            self.speed[i % n] = min(self.speed[i % n], math.sqrt(self.speed[(i + 1) % n] ** 2 + 2 * BRAKE))

    def angle_ahead(self, i, distance):
        """The angle of the wheels that follows the bend ``distance`` metres ahead of point ``i``."""
        return math.atan(WHEELBASE * self.curvature[(i + round(distance)) % self.length])


class Step(NamedTuple):
    """A moment of a ride; what depends on a driver's Values is a Value."""

    point: int  # of the track, the nearest one, counted on over the laps
    x: Any
    y: Any
    left: Any  # m from the middle of the road, to the left
    wheels: Any  # angle to the left


def simulate(track, steer, point, steps=None, offset=0.0):
    """Drive from ``point``, ``offset`` metres to the left of the middle: ``steps`` steps, or one lap.

    ``steer`` gives the commanded angle from the track, the nearest point, how far and by what angle the car is to the
    left of it, the speed, and the present angle of the wheels.
    """
    heading, speed, wheels, last = track.heading[point], track.speed[point], 0.0, point + track.length
    x, y = track.x[point] - offset * math.sin(heading), track.y[point] + offset * math.cos(heading)
    ride = []
    while len(ride) < (steps or LONGEST_LAP) and (steps or point < last):
        here = (plain(x), plain(y))
        while distance(track, point + 1, here) < distance(track, point, here):
            point += 1
        at = point % track.length
        sine, cosine = math.sin(track.heading[at]), math.cos(track.heading[at])
        dx, dy = x - track.x[at], y - track.y[at]
        left = cosine * dy - sine * dx
        turn = heading - track.heading[at] - track.curvature[at] * (cosine * dx + sine * dy)
        turn = turn - math.tau * round(turn / math.tau)
        ride.append(Step(point, x, y, left, wheels))

        command = steer(track, at, left, turn, speed, wheels)
        pedal = MAX_PEDAL * math.tanh((track.speed[at] - speed) / PATIENCE / MAX_PEDAL)
        x, y = x + DT * speed * ag.cos(heading), y + DT * speed * ag.sin(heading)
        heading = heading + DT * speed / WHEELBASE * ag.tan(wheels)
        speed = speed + DT * pedal
        wheels = wheels + (command - wheels) * (1 - math.exp(-DT / DELAY))
    return ride


def plain(x):
    return x.data if isinstance(x, ag.Value) else x


def distance(track, point, here):
    return math.dist((track.x[point % track.length], track.y[point % track.length]), here)


def rms(ride):
    """The root of the mean square of the distances to the middle, in metres."""
    return math.sqrt(sum(plain(step.left) ** 2 for step in ride) / len(ride))


class Driver(nn.Module):
    """Two gains, which alone make a sluggish driver, and a perceptron whose correction is nothing at first.

    ``hidden`` has the sizes of its hidden layers; without any it is linear.
    """

    def __init__(self, hidden, rng):
        self.gains = [ag.Value(0.03), ag.Value(0.5)]  # per m and per rad away from the middle and its direction
        self.net = nn.MLP(4 + len(PREVIEW), [*hidden, 1], activation="tanh", rng=rng)
        for weight in self.net.layers[-1].parameters():
            weight.data = 0.0

    def __call__(self, track, at, left, turn, speed, wheels):
        seen = [track.angle_ahead(at, speed * t) / 0.2 for t in PREVIEW]
        correction = self.net([left, turn / 0.2, wheels / 0.2, speed / MAX_SPEED, *seen])
        return MAX_STEER * ag.tanh(correction - ag.sumprod(self.gains, [left, turn]))


class Ride(nn.Module):
    """What is trained: from where a ride begins to its distances to the middle of the road, one for each step."""

    def __init__(self, driver, track, steps):
        self.driver, self.track, self.steps = driver, track, steps

    def __call__(self, start):
        point, offset = start
        return [step.left for step in simulate(self.track, self.driver, point, self.steps, offset)]


def train(driver, track, quick):
    """Rides of a few seconds first, as errors at the start of a long one drown all else; then of a minute."""
    rng = random.Random(1)
    stages = [(40, 24, 4)] if quick else [(60, 48, 5), (200, 24, 10), (600, 16, 25)]
    for steps, rides, epochs in stages:
        starts = [(rng.randrange(track.length), rng.uniform(-1, 1)) for _ in range(rides)]
        optimizer = optim.Adam(driver.parameters(), lr=0.02)
        scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        data = [(start, [0.0] * steps) for start in starts]
        history = ag.fit(Ride(driver, track, steps), nn.mse_loss, data, optimizer, epochs=epochs, batch_size=4,
                         scheduler=scheduler, max_norm=0.1, progress=False)  # fmt: skip
        print(f"  rides of {steps * DT:.0f} s: RMS {math.sqrt(history['loss'][0]):.3f} m in the first epoch, "
              f"{math.sqrt(history['loss'][-1]):.3f} m in the last")  # fmt: skip


def pure_pursuit(seconds, metres):
    """Aims along an arc at the point of the road that is so far ahead (Coulter 1992)."""

    def steer(track, at, left, turn, speed, wheels):
        ahead = speed * seconds + metres
        goal = (at + round(ahead)) % track.length
        # The goal as the car sees it, from the road's directions; the car stands ``left`` of point ``at``.
        sine, cosine = math.sin(track.heading[at]), math.cos(track.heading[at])
        dx, dy = track.x[goal] - track.x[at] + left * sine, track.y[goal] - track.y[at] - left * cosine
        alpha = math.atan2(dy, dx) - track.heading[at] - turn
        return clipped(math.atan(2 * WHEELBASE * math.sin(alpha) / math.hypot(dx, dy)))

    return steer


def stanley(gain, turning, seconds):
    """Stanley's rule at the front axle (Thrun et al. 2006) with a gain of its own for the direction, and with the bend
    so many seconds ahead added, which makes up for the delay of the wheels."""

    def steer(track, at, left, turn, speed, wheels):
        front = left + WHEELBASE * math.sin(turn)
        return clipped(track.angle_ahead(at, speed * seconds) - turning * turn - math.atan(gain * front / speed))

    return steer


def clipped(angle):
    return max(-MAX_STEER, min(MAX_STEER, angle))


def best_constants(rule, grids, track):
    """The constants of ``rule`` with the least error on a lap of ``track``."""
    return min(itertools.product(*grids), key=lambda constants: rms(simulate(track, rule(*constants), 0)))


def laps(tracks, steer):
    """A lap of each track."""
    with ag.no_grad():
        return [simulate(track, steer, 0) for track in tracks]


TITLES = {"Monaco": "Monaco, held out", "Visnjan": "A road round Višnjan, recorded by GPS, held out"}
CORNERS = [0.47, 0.0, 0.5, 0.45], [-0.13, 0.58, 0.42, 0.37]  # where in the maps there is room
COLOURS = {"before": "#d55e00", "after": "#0072b2", "pure pursuit": "#e69f00", "Stanley": "#009e73"}


def draw_road(axes, track, rides, title, corner):
    """The road with both of the net's rides, and in an inset at ``corner`` its sharpest bend."""
    bend = max(range(track.length), key=lambda i: abs(track.curvature[i]))
    inset = axes.inset_axes(corner)
    for part in (axes, inset):
        xs, ys = [*track.x[::6], track.x[0]], [*track.y[::6], track.y[0]]
        part.plot(xs, ys, color="#999999", linewidth=2.5, label="middle of the road")
        for name in ("before", "after"):
            xs, ys = zip(*[(plain(step.x), plain(step.y)) for step in rides[name][::2]], strict=True)
            part.plot(xs, ys, color=COLOURS[name], linewidth=1.2, label=name)
        part.set(aspect="equal", xticks=[], yticks=[])
        part.spines[:].set_visible(part is inset)
    inset.set(xlim=(track.x[bend] - 26, track.x[bend] + 26), ylim=(track.y[bend] - 26, track.y[bend] + 26))
    inset.set_title("the sharpest bend, 52 m wide", fontsize=8)
    axes.indicate_inset_zoom(inset, edgecolor="black")
    x, y = min(track.x), min(track.y)
    axes.plot([x, x + 200], [y - 60, y - 60], color="black", linewidth=2)
    axes.text(x + 100, y - 70, "200 m", ha="center", va="top", fontsize=8)
    axes.set_title(title, fontsize=10)


def draw(roads, quick):
    """The roads that the net has never seen, and the errors and the angle of the wheels along the streets of Monaco."""
    plt = pyplot()
    plt.rcParams["path.simplify_threshold"] = 0.9  # of a pixel, for a smaller file
    figure = plt.figure(figsize=(11, 8), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[5, 6])
    upper, lower = left.subplots(2, 1)
    for axes, (name, (track, rides)), corner in zip((upper, lower), roads.items(), CORNERS, strict=True):
        draw_road(axes, track, rides, TITLES[name], corner)
    upper.legend(loc="upper left", frameon=False, fontsize=8)

    _, rides = roads["Monaco"]
    rows = right.subplots(3, 1, sharex=True)
    net, everyone = ("before", "after"), ("pure pursuit", "Stanley", "after")
    for axes, names in zip(rows, (net, everyone, net), strict=True):
        for name in names:
            ride = rides[name][::3]
            ys = [math.degrees(plain(step.wheels)) if axes is rows[2] else plain(step.left) for step in ride]
            axes.plot([step.point for step in ride], ys, color=COLOURS[name], linewidth=1, label=name)
        axes.legend(loc="upper right", fontsize=8, ncols=3)
        axes.grid(color="#dddddd", linewidth=0.5)
    rows[0].set(ylabel="m to the left of the middle")
    rows[1].set(ylabel="the same, ten times larger", ylim=(-1.2, 1.2))
    rows[2].set(ylabel="angle of the wheels, degrees", xlabel="m along the road")
    rows[0].set_title("A lap of Monaco: the gradient has learnt to steer", fontsize=10)
    rows[1].set_title("The standard controllers, tuned on the same track as the net", fontsize=10)
    save(figure, "drive.svg", quick)


def main():
    quick = asked_for_quick(__doc__)
    tracks = {name: Track(name) for name in ("Hungaroring", "Monaco", "Visnjan")}
    learn = tracks["Hungaroring"]
    rides = {}
    for name, hidden in (("after", [8]), ("linear", [])):
        driver = Driver(hidden, random.Random(0))
        rides["before"] = laps(tracks.values(), driver)  # the gains alone, whichever the net
        print(f"{driver.net} and two gains: {len(driver.parameters())} parameters")
        train(driver, learn, quick)
        rides[name] = laps(tracks.values(), driver)
    for name, rule, grids in (("pure pursuit", pure_pursuit, PURSUIT), ("Stanley", stanley, STANLEY)):
        constants = best_constants(rule, [grid[1::2] for grid in grids] if quick else grids, learn)
        print(f"best constants of {name}: {constants}")
        rides[name] = laps(tracks.values(), rule(*constants))

    roads = {}
    for i, (name, track) in enumerate(tracks.items()):
        part = {who: laps_of[i] for who, laps_of in rides.items()}
        errors = {who: rms(ride) for who, ride in part.items()}
        print(f"{name}, {'learnt on' if track is learn else 'held out'}, {len(part['after'])} steps: "
              f"RMS {errors['before']:.3f} m before, {errors['after']:.3f} m after "
              f"(linear: {errors['linear']:.3f}, pure pursuit: {errors['pure pursuit']:.3f}, "
              f"Stanley: {errors['Stanley']:.3f})")  # fmt: skip
        roads[name] = (track, part)
    del roads["Hungaroring"]
    draw(roads, quick)


if __name__ == "__main__":
    main()
