"""Teaches a perceptron to steer a car round a real race track by gradients through the whole simulated drive, and lets
it drive two roads it has never seen: the streets of Monaco and a country road that a car recorded by GPS.

The car is a kinematic bicycle: position, heading, speed and the angle of its front wheels, which follow the command with
a delay. Every step of a ride of a minute is part of one graph, so ``backward`` tells each weight what it did to the
distance from the middle of the road at every later moment. The pedal follows the same rule whoever steers. Judges are
two standard controllers, their constants searched over grids on the track that the net learnt on.
"""

import csv
import itertools
import math
import random

from common import DATA, asked_for_quick, pyplot, save

import autograd_mini as ag
from autograd_mini import nn, optim

DT, WHEELBASE, DELAY = 0.1, 2.7, 0.25  # s, m, s until the wheels are within 1/e of the commanded angle
MAX_STEER, MAX_SPEED = 0.5, 25.0  # rad, m/s
GRIP, MAX_PEDAL = 5.0, 3.0  # m/s2 to the side, for which speeds are chosen, and along
SMOOTHING = 5  # m, over which the corners of the recorded lines are rounded
PREVIEW = [0.0, 0.2, 0.4, 0.6, 0.9, 1.2, 1.6]  # s, how far ahead the driver sees the bends


class Track:
    """A closed road as a point for every metre: position, direction, curvature (1/m, left is positive), and speed."""

    def __init__(self, name):
        with open(DATA / "tracks.csv", newline="") as file:
            corners = [(float(row["x_m"]), float(row["y_m"])) for row in csv.DictReader(file) if row["track"] == name]
        ends = corners[1:] + corners[:1]
        self.length = round(sum(map(math.dist, corners, ends)))
        points, due, passed = [], 0.0, 0.0
        for a, b in zip(corners, ends, strict=True):
            side = math.dist(a, b)
            while due < passed + side and len(points) < self.length:
                t = (due - passed) / side
                points.append((a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])))
                due += 1.0
            passed += side
        self.length = n = len(points)

        reach = range(-4 * SMOOTHING, 4 * SMOOTHING + 1)
        weights = [math.exp(-0.5 * (k / SMOOTHING) ** 2) for k in reach]
        total = sum(weights)
        self.x, self.y = (
            [sum(w * points[(i + k) % n][axis] for w, k in zip(weights, reach, strict=True)) / total for i in range(n)]
            for axis in (0, 1)
        )
        self.heading, self.curvature = [], []
        for i in range(n):
            (x0, x1, x2), (y0, y1, y2) = ([c[i - 1], c[i], c[(i + 1) % n]] for c in (self.x, self.y))
            dx, dy, ddx, ddy = (x2 - x0) / 2, (y2 - y0) / 2, x2 - 2 * x1 + x0, y2 - 2 * y1 + y0
            self.heading.append(math.atan2(dy, dx))
            self.curvature.append((dx * ddy - dy * ddx) / (dx * dx + dy * dy) ** 1.5)
        self.speed = [min(MAX_SPEED, math.sqrt(GRIP / max(abs(k), 1e-9))) for k in self.curvature]
        for i in range(2 * n - 1, -1, -1):  # twice round: brake in time for the bends ahead
            self.speed[i % n] = min(self.speed[i % n], math.sqrt(self.speed[(i + 1) % n] ** 2 + MAX_PEDAL))

    def angle_ahead(self, i, distance):
        """The angle of the wheels that follows the bend ``distance`` metres ahead of point ``i``."""
        return math.atan(WHEELBASE * self.curvature[(i + round(distance)) % self.length])


def simulate(track, steer, i, steps=None, offset=0.0):
    """Drive from point ``i``, ``offset`` metres to the left of the middle: ``steps`` steps, or one lap.

    ``steer`` gives the commanded angle from (track, nearest point, distance to the left, angle to the left, speed,
    present angle). Returns a list of (point, x, y, distance to the left, angle of the wheels). Numbers may be Values.
    """
    heading, speed, wheels, last = track.heading[i], track.speed[i], 0.0, i + track.length
    x, y = track.x[i] - offset * math.sin(heading), track.y[i] + offset * math.cos(heading)
    ride = []
    while len(ride) < (steps or 20_000) and (steps or i < last):
        here = (plain(x), plain(y))
        while distance_to(track, i + 1, here) < distance_to(track, i, here):
            i += 1
        at = i % track.length
        sine, cosine = math.sin(track.heading[at]), math.cos(track.heading[at])
        dx, dy = x - track.x[at], y - track.y[at]
        left = cosine * dy - sine * dx
        turn = heading - track.heading[at] - track.curvature[at] * (cosine * dx + sine * dy)
        turn = turn - math.tau * round(turn / math.tau)
        ride.append((i, x, y, left, wheels))

        command = steer(track, at, left, turn, speed, wheels)
        pedal = MAX_PEDAL * math.tanh((track.speed[at] - speed) / DT / 5 / MAX_PEDAL)
        x, y = x + DT * speed * ag.cos(heading), y + DT * speed * ag.sin(heading)
        heading = heading + DT * speed / WHEELBASE * ag.tan(wheels)
        speed = speed + DT * pedal
        wheels = wheels + (command - wheels) * (1 - math.exp(-DT / DELAY))
    return ride


def plain(x):
    return x.data if isinstance(x, ag.Value) else x


def distance_to(track, i, point):
    return math.dist((track.x[i % track.length], track.y[i % track.length]), point)


def rms(ride):
    """The root of the mean square of the distances to the middle, in metres."""
    return math.sqrt(sum(plain(left) ** 2 for _, _, _, left, _ in ride) / len(ride))


class Driver(nn.Module):
    """Two gains, which alone make a sluggish driver, and a perceptron whose correction is nothing at first."""

    def __init__(self, rng):
        self.gains = [ag.Value(0.03), ag.Value(0.5)]  # per m and per rad away from the middle and its direction
        self.net = nn.MLP(4 + len(PREVIEW), [8, 1], activation="tanh", rng=rng)
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
        ride = simulate(self.track, self.driver, int(start[0]), self.steps, start[1])
        return [left for _, _, _, left, _ in ride]


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
                         scheduler=scheduler, max_norm=1.0, progress=False)  # fmt: skip
        print(f"rides of {steps * DT:.0f} s: RMS {math.sqrt(history['loss'][0]):.3f} m in the first epoch, "
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


def best(rule, grids, track):
    """The constants of ``rule`` with the least error on a lap of ``track``."""
    return min(itertools.product(*grids), key=lambda constants: rms(simulate(track, rule(*constants), 0)))


def draw(laps, quick):
    """Both roads the net has never seen, and on Monaco's the errors and the angle of the wheels along the way."""
    plt = pyplot()
    figure = plt.figure(figsize=(11, 7.5), layout="constrained")
    maps, rows = (part.subplots(n, 1) for part, n in zip(figure.subfigures(1, 2, width_ratios=[5, 6]), (2, 3), strict=True))
    for axes, (track, before, after, _), place, zoom in zip(maps, laps, PLACES, ZOOMS, strict=True):
        inset = axes.inset_axes(place)
        for part in (axes, inset):
            part.plot([*track.x, track.x[0]], [*track.y, track.y[0]], color="#bbbbbb", linewidth=5, label="the road")
            for ride, colour, name in ((before, BEFORE, "before"), (after, AFTER, "after")):
                part.plot([plain(x) for _, x, *_ in ride], [plain(y) for _, _, y, *_ in ride], color=colour, linewidth=1.2, label=name)
            part.set_aspect("equal")
    save(figure, "drive.svg", quick)


def main():
    quick = asked_for_quick(__doc__)
    tracks = [Track(name) for name in ("Hungaroring", "Monaco", "Visnjan")]
    driver = Driver(random.Random(0))
    print(f"{driver.net} and two gains: {len(driver.parameters())} parameters")
    before = laps(tracks, driver)
    train(driver, tracks[0], quick)
    after = laps(tracks, driver)

    # Learning rates, stages and the constants of the standard controllers were all chosen on the Hungaroring.
    pursuit = best(pure_pursuit, PURSUIT_QUICK if quick else PURSUIT, tracks[0])
    rule = best(stanley, STANLEY_QUICK if quick else STANLEY, tracks[0])
    pp, st = laps(tracks, pure_pursuit(*pursuit)), laps(tracks, stanley(*rule))
    print(pursuit, rule)
    for name, *rides in zip(("Hungaroring, learnt on", "Monaco, held out", "Visnjan by GPS, held out"), before, after, pp, st, strict=True):
        print(name, [f"{rms(r):.3f} {max(abs(plain(x[3])) for x in r):.2f}" for r in rides], len(rides[1]))


def laps(tracks, steer):
    """A lap of each track."""
    with ag.no_grad():
        return [simulate(track, steer, 0) for track in tracks]

PURSUIT = ([0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1], [0.0, 0.5, 1.0, 2.0])
STANLEY = ([0.3,0.5, 0.7, 1.0,1.5,2], [0, 0.25,0.5, 0.75,1], [0.2,0.25, 0.3, 0.35,0.4,.5])

if __name__ == "__main__":
    main()
