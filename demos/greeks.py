"""Prices and all first and second sensitivities of an option book, beside finite differences: error and time.

Each option is a plain Python function of its market data, which gives a price; ``ag.grad`` and ``ag.hessian`` give
delta, vega, rho, theta, gamma, vanna, volga and all the others at once. Among them are two in closed form, a vanilla
call (Black and Scholes 1973) and a call that dies at a barrier below (Merton 1973), and a call in Heston's model of
random volatility (1993), by simulation.

Heston's variance is simulated by Euler's steps with full truncation: where it falls below zero, zero counts (Lord,
Koekkoek and van Dijk 2010). Given the path of the variance, the price at the end is lognormal, so the formula of Black
and Scholes has the expectation over the rest (Willard 1997), and the mean over paths is smooth in the spot. In the
parameters of the variance it has kinks, where a path touches zero: a derivative is that of the paths as they are, and
leaves out that a few more of them would touch it; differences that step over such a place are wrong.

Differences are central, with the steps that balance truncation and rounding. Errors are relative to the largest
sensitivity of that order by a pair of inputs, each scaled by the size of its inputs.
"""

import math
import random
import time

from common import asked_for_quick

import autograd_mini as ag


def normal_cdf(x):
    return 0.5 * ag.erfc(-x / math.sqrt(2.0))


def call(spot, strike, rate, volatility, years):
    """The formula of Black and Scholes."""
    spread = volatility * ag.sqrt(years)
    d = (ag.log(spot / strike) + rate * years) / spread + 0.5 * spread
    return spot * normal_cdf(d) - strike * ag.exp(-rate * years) * normal_cdf(d - spread)


def down_and_out_call(spot, strike, rate, volatility, years, barrier):
    """A call that is worth nothing once the spot has been below the barrier, which is below the strike."""
    mirrored = call(barrier * barrier / spot, strike, rate, volatility, years)
    return (
        call(spot, strike, rate, volatility, years) - (barrier / spot) ** (2.0 * rate / volatility**2 - 1.0) * mirrored
    )


def heston_call(draws):
    """A call in Heston's model, as a function of spot, strike, rate, years, and the parameters of the variance."""

    def price(spot, strike, rate, years, variance, speed, level, chaos, correlation):
        step = years / len(draws[0])
        total = 0.0
        for path in draws:
            v, integral, martingale = variance, 0.0, 0.0
            for z in path:
                positive = ag.maximum(v, 0.0)
                shock = ag.sqrt(positive * step) * z
                integral = integral + positive * step
                martingale = martingale + shock
                v = v + speed * (level - positive) * step + chaos * shock
            moved = spot * ag.exp(correlation * martingale - 0.5 * correlation**2 * integral)
            left = ag.sqrt((1.0 - correlation**2) * integral / years)
            total = total + call(moved, strike, rate, left, years)
        return total / len(draws)

    return price


def differences(f, x):
    """Gradient and Hessian by central differences."""

    def at(*moves):
        point = list(x)
        for i, step in moves:
            point[i] += step
        return f(point)

    small, large = [[size * max(abs(v), 1e-2) for v in x] for size in (6e-6, 1e-4)]
    n = range(len(x))
    slopes = [(at((i, small[i])) - at((i, -small[i]))) / (2.0 * small[i]) for i in n]
    bends = [[0.0] * len(x) for _ in n]
    for i in n:
        for j in range(i + 1):
            a, b = large[i], large[j]
            corners = at((i, a), (j, b)) - at((i, a), (j, -b)) - at((i, -a), (j, b)) + at((i, -a), (j, -b))
            bends[i][j] = bends[j][i] = corners / (4.0 * a * b)
    return slopes, bends


def timed(f, repeats):
    """What ``f`` gives, and the least processor time in seconds that it took."""
    least = math.inf
    for _ in range(repeats):
        begin = time.process_time()
        found = f()
        least = min(least, time.process_time() - begin)
    return found, least


def errors(x, found, right):
    """The largest errors of first and second sensitivities, scaled as the docstring above says."""
    n = range(len(x))
    first = [x[i] * right[0][i] for i in n]
    second = [x[i] * x[j] * right[1][i][j] for i in n for j in n]
    wrong = [abs(x[i] * found[0][i] - first[i]) for i in n]
    bent = [
        abs(x[i] * x[j] * found[1][i][j] - y) for (i, j), y in zip([(i, j) for i in n for j in n], second, strict=True)
    ]
    return max(wrong) / max(map(abs, first)), max(bent) / max(map(abs, second))


def main():
    quick = asked_for_quick(__doc__, "fewer paths")
    rng = random.Random(0)
    paths, steps = (20, 12) if quick else (200, 24)
    draws = [[rng.gauss(0.0, 1.0) for _ in range(steps)] for _ in range(paths)]
    book = [
        ("vanilla call", call, [100.0, 105.0, 0.03, 0.2, 0.75]),
        ("down-and-out call", down_and_out_call, [100.0, 105.0, 0.03, 0.2, 0.75, 85.0]),
        (
            f"Heston call, {paths} paths of {steps} steps",
            heston_call(draws),
            [100.0, 105.0, 0.03, 0.75, 0.04, 1.5, 0.05, 0.4, -0.7],
        ),
    ]
    print("| option | price | sensitivities | first differences err by | second by | differences, times our time |")
    print("|---|---|---|---|---|---|")
    for name, price, x in book:
        f = lambda p, price=price: price(*p)  # noqa: E731
        gradient, bends = ag.value_and_grad(f), ag.hessian(f)
        (value, ours), seconds = timed(lambda: (f(x), (gradient(x)[1], bends(x))), 3)  # noqa: B023
        theirs, longer = timed(lambda: differences(f, x), 3)  # noqa: B023
        first, second = errors(x, theirs, ours)
        count = len(x) + len(x) * (len(x) + 1) // 2
        print(f"| {name} | {value:.4f} | {count} | {first:.0e} | {second:.0e} | {longer / seconds:.1f} |")
        if price is call:
            check(x, ours)


def check(x, found):
    """Hold the vanilla call's sensitivities to those that textbooks write down."""
    spot, strike, rate, volatility, years = x
    d = (math.log(spot / strike) + (rate + 0.5 * volatility**2) * years) / (volatility * math.sqrt(years))
    density = math.exp(-0.5 * d * d) / math.sqrt(2.0 * math.pi)
    right = {
        "delta": (found[0][0], 0.5 * math.erfc(-d / math.sqrt(2.0))),
        "vega": (found[0][3], spot * density * math.sqrt(years)),
        "gamma": (found[1][0][0], density / (spot * volatility * math.sqrt(years))),
        "vanna": (found[1][0][3], -density * (d - volatility * math.sqrt(years)) / volatility),
        "volga": (
            found[1][3][3],
            spot * density * math.sqrt(years) * d * (d - volatility * math.sqrt(years)) / volatility,
        ),
    }
    for name, (ours, formula) in right.items():
        if abs(ours / formula - 1.0) > 1e-11:
            raise SystemExit(f"{name} is {ours!r}, by the formula {formula!r}")


if __name__ == "__main__":
    main()
