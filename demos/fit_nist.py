"""Fits NIST's 27 nonlinear regression problems from both starting points, with exact derivatives and with differences.

The National Institute of Standards and Technology certifies the parameters of each to eleven digits. Every model is a
plain Python function of x and the parameters. SciPy's Levenberg-Marquardt (MINPACK's ``lm``) gets its Jacobian from
``ag.jacobian``; where it ends, Newton's equations for the lowest sum of squares are solved with ``ag.hessian``. Beside
it, the same Levenberg-Marquardt with differences, which is what SciPy does when it is given no derivative.

A digit is right as counted by NIST: -log10 of the relative error, of the worst parameter, 11 at most. Calls are
evaluations of the whole model, by whichever method.
"""

import math
import re
import warnings

from common import DATA, asked_for_quick, need

import autograd_mini as ag
from autograd_mini import cos, exp, sin


def saturation(x, b):
    return b[0] * (1 - exp(-b[1] * x))


def decay(x, b):
    return exp(-b[0] * x) / (b[1] + b[2] * x)


def peaks(x, b):
    return (
        b[0] * exp(-b[1] * x) + b[2] * exp(-((x - b[3]) ** 2) / b[4] ** 2) + b[5] * exp(-((x - b[6]) ** 2) / b[7] ** 2)
    )


def cubics(x, b):
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def exponentials(x, b):
    return b[0] * exp(-b[1] * x) + b[2] * exp(-b[3] * x) + b[4] * exp(-b[5] * x)


def oscillation(x, b):
    w = 2 * math.pi * x
    year = b[1] * cos(w / 12) + b[2] * sin(w / 12)
    return b[0] + year + b[4] * cos(w / b[3]) + b[5] * sin(w / b[3]) + b[7] * cos(w / b[6]) + b[8] * sin(w / b[6])


MODELS = {
    "Bennett5": lambda x, b: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": saturation,
    "Chwirut1": decay,
    "Chwirut2": decay,
    "DanWood": lambda x, b: b[0] * x ** b[1],
    "ENSO": oscillation,
    "Eckerle4": lambda x, b: b[0] / b[1] * exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": peaks,
    "Gauss2": peaks,
    "Gauss3": peaks,
    "Hahn1": cubics,
    "Kirby2": lambda x, b: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "Lanczos1": exponentials,
    "Lanczos2": exponentials,
    "Lanczos3": exponentials,
    "MGH09": lambda x, b: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda x, b: b[0] * exp(b[1] / (x + b[2])),
    "MGH17": lambda x, b: b[0] + b[1] * exp(-x * b[3]) + b[2] * exp(-x * b[4]),
    "Misra1a": saturation,
    "Misra1b": lambda x, b: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda x, b: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda x, b: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda x, b: b[0] - b[1] * x[0] * exp(-b[2] * x[1]),  # of the logarithm of y
    "Rat42": lambda x, b: b[0] / (1 + exp(b[1] - b[2] * x)),
    "Rat43": lambda x, b: b[0] / (1 + exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda x, b: b[0] - b[1] * x - ag.atan(b[2] / (x - b[3])) / math.pi,
    "Thurber": cubics,
}


def read(name):
    """The two starting points, the certified parameters, and the observations as pairs (x, y)."""
    lines = (DATA / "nist" / f"{name}.dat").read_text(encoding="ascii").splitlines()
    numbers = [re.fullmatch(r"\s*b\d+\s*=" + r"\s+(\S+)" * 4 + r"\s*", line) for line in lines]
    first, second, certified, _ = zip(*(map(float, found.groups()) for found in numbers if found), strict=True)
    begin = max(i for i, line in enumerate(lines) if line.startswith("Data:")) + 1
    rows = [[float(x) for x in line.split()] for line in lines[begin:] if line.strip()]
    if name == "Nelson":
        return first, second, certified, [(row[1:], math.log(row[0])) for row in rows]
    return first, second, certified, [(row[1], row[0]) for row in rows]


def digits(found, certified):
    errors = [abs(x - right) / abs(right) for x, right in zip(found, certified, strict=True)]
    return min(11.0, *(-math.log10(max(error, 1e-99)) for error in errors))


class Problem:
    """Residuals of a model at given parameters, and how often they were computed."""

    def __init__(self, model, observations):
        self.model, self.observations, self.calls = model, observations, 0

    def residuals(self, b):
        self.calls += 1
        try:
            return [self.model(x, b) - y for x, y in self.observations]
        except (ArithmeticError, ValueError):  # outside of the model's domain: a bad place
            return [1e30] * len(self.observations)

    def squares(self, b):
        return ag.sum([r * r for r in self.residuals(b)])

    def levenberg_marquardt(self, start, jacobian):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # steps that lead nowhere overflow in SciPy, and are undone
            return need("scipy.optimize").least_squares(
                self.residuals, start, jacobian, method="lm", x_scale=[abs(b) for b in start],
                ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=20_000,
            ).x  # fmt: skip

    def newton(self, b):
        """Where the gradient of the sum of squares is zero, from a point near it."""
        units = [abs(x) for x in b]  # those of parameters are far apart

        def squares(u):
            return self.squares([x * unit for x, unit in zip(u, units, strict=True)])

        root = need("scipy.optimize").root(
            ag.grad(squares), [x / unit for x, unit in zip(b, units, strict=True)], jac=ag.hessian(squares), tol=1e-15
        )
        return [x * unit for x, unit in zip(root.x, units, strict=True)]


def fit(name, start, certified, observations):
    """Digits and calls: with our derivatives, and with differences."""
    exact, rough = Problem(MODELS[name], observations), Problem(MODELS[name], observations)
    found = exact.newton(exact.levenberg_marquardt(start, ag.jacobian(exact.residuals)))
    return (
        digits(found, certified),
        exact.calls,
        digits(rough.levenberg_marquardt(start, "2-point"), certified),
        rough.calls,
    )


def main():
    quick = asked_for_quick(__doc__, "only the problems with at most three parameters")
    print(
        "| problem | parameters | first start: digits, calls | by differences "
        "| second start: digits, calls | by differences |"
    )
    print("|---|---|---|---|---|---|")
    reached = [0, 0, 0, 0]
    for name in MODELS:
        *starts, certified, observations = read(name)
        if quick and len(certified) > 3:
            continue
        cells = []
        for i, start in enumerate(starts):
            found = fit(name, start, certified, observations)
            cells += [f"{found[0]:.1f}, {found[1]}", f"{found[2]:.1f}, {found[3]}"]
            reached[2 * i] += found[0] >= 8
            reached[2 * i + 1] += found[2] >= 8
        print(f"| {name} | {len(certified)} | {' | '.join(cells)} |", flush=True)
    print(f"| eight digits | | {' | '.join(map(str, reached))} |")


if __name__ == "__main__":
    main()
