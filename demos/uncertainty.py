"""Propagates measurement errors, with their correlations, through formulas: to first order and to second.

A result f(x) of measured quantities x with covariances C has, to first order, the variance g C g, where g is the
gradient of f. To second order its mean moves by half the trace of H C, where H is the Hessian, and half the trace of
H C H C is added to its variance (for errors that are normally distributed).

The first example is H.2 of the Guide to the Expression of Uncertainty in Measurement: resistance, reactance and
impedance from a voltage, a current and a phase that were measured together. The Guide prints the results; the package
``uncertainties``, which knows the first order alone, is asked too. In the second example, a projectile's range, the
errors are so large that the second order counts; the judge is a simulation.
"""

import math
import random
import statistics

from common import asked_for_quick, need

import autograd_mini as ag

GUIDE = {"R": (127.732, 0.071), "X": (219.847, 0.295), "Z": (254.260, 0.236)}  # as printed in H.2


def impedance(x):
    """Resistance, reactance and the size of the impedance, in ohms, from volts, amperes and radians."""
    voltage, current, phase = x
    return [voltage / current * ag.cos(phase), voltage / current * ag.sin(phase), voltage / current]


def projectile(x):
    """How far a projectile flies, in metres, from its speed in m/s and its angle in radians."""
    speed, angle = x
    return speed**2 * ag.sin(2 * angle) / 9.81


def covariances(deviations, correlations):
    """The matrix of covariances; ``correlations`` by pairs of places."""
    n = len(deviations)
    return [
        [
            deviations[i] * deviations[j] * (1.0 if i == j else correlations.get((min(i, j), max(i, j)), 0.0))
            for j in range(n)
        ]
        for i in range(n)
    ]


def product(a, b):
    return [
        [math.fsum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a
    ]


def trace(a):
    return math.fsum(row[i] for i, row in enumerate(a))


def first_order(jacobian, c):
    """The covariances of results."""
    return product(product(jacobian, c), [list(column) for column in zip(*jacobian, strict=True)])


def second_order(f, x, c):
    """Mean and standard deviation of a result."""
    value, slopes = ag.value_and_grad(f)(x)
    bent = product(ag.hessian(f)(x), c)
    variance = first_order([slopes], c)[0][0] + 0.5 * trace(product(bent, bent))
    return value + 0.5 * trace(bent), math.sqrt(variance)


def simulated(f, x, c, count):
    """Mean and standard deviation of ``f`` at so many random points around ``x``, for uncorrelated errors."""
    rng = random.Random(0)
    found = [f([rng.gauss(m, math.sqrt(c[i][i])) for i, m in enumerate(x)]) for _ in range(count)]
    return statistics.fmean(found), statistics.stdev(found)


def main():
    quick = asked_for_quick(__doc__, "a shorter simulation")
    uncertainties = need("uncertainties")
    x, deviations = [4.9990, 19.661e-3, 1.04446], [0.0032, 0.0095e-3, 0.00075]
    c = covariances(deviations, {(0, 1): -0.36, (0, 2): 0.86, (1, 2): -0.65})
    values, jacobian = impedance(x), ag.jacobian(impedance)(x)
    ours = first_order(jacobian, c)

    voltage, current, phase = uncertainties.correlated_values(x, c)
    umath = need("uncertainties.umath")
    theirs = [voltage / current * umath.cos(phase), voltage / current * umath.sin(phase), voltage / current]
    print("| quantity in ohms | value | deviation | of uncertainties | of the Guide |")
    print("|---|---|---|---|---|")
    for i, (name, (value, deviation)) in enumerate(GUIDE.items()):
        found = math.sqrt(ours[i][i])
        print(f"| {name} | {values[i]:.3f} | {found:.3f} | {theirs[i].std_dev:.3f} | {value:.3f}, {deviation:.3f} |")
    difference = max(abs(math.sqrt(ours[i][i]) / theirs[i].std_dev - 1.0) for i in range(3))
    print(f"largest relative difference between our deviations and those of uncertainties: {difference:.1e}")

    x, c = [50.0, math.radians(40.0)], covariances([5.0, math.radians(8.0)], {})
    value, slopes = ag.value_and_grad(projectile)(x)
    print()
    print("| range in metres | mean | deviation |")
    print("|---|---|---|")
    print(f"| to first order | {value:.1f} | {math.sqrt(first_order([slopes], c)[0][0]):.1f} |")
    print("| to second order | {:.1f} | {:.1f} |".format(*second_order(projectile, x, c)))
    print("| simulated | {:.1f} | {:.1f} |".format(*simulated(projectile, x, c, 20_000 if quick else 1_000_000)))


if __name__ == "__main__":
    main()
