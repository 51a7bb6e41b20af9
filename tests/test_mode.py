"""What holds for a flow of control: recording in threads, tasks and generators, and watchers with all that they are
told. Every test runs on both engines."""

import asyncio
import contextvars
import gc
import inspect
import math
import os
import signal
import threading
from contextlib import contextmanager, suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import native_only, textbook

import autograd_mini as ag
from autograd_mini.testing import programs
from autograd_mini.testing.program import Dialect, python

both = pytest.mark.parametrize("package", [textbook, ag] if ag.engine == "native" else [ag])


@pytest.fixture(autouse=True)
def no_block_is_left_open():
    """Or every operation from then on would have to look for it."""
    gc.collect()
    before = [package.core.mode.unusual for package in (textbook, ag)]
    yield
    gc.collect()
    assert [package.core.mode.unusual for package in (textbook, ag)] == before


def records(package):
    return bool((package.Value(1.0) * 2.0).args)


@contextmanager
def recording(package, on):
    """A block in which operations record, or not, as a transform opens it."""
    block = mode_of(package).Block(records=on)
    block.open()
    try:
        yield
    finally:
        block.close()


def mode_of(package):
    return package.core.mode


# ---- Recording. -----------------------------------------------------------------------------------------------------


@both
@given(steps=st.lists(st.sampled_from(["silent", "loud", "end"]), max_size=30))
def test_the_innermost_open_block_says_whether_operations_record(package, steps):
    stack, expected = [], [True]
    for step in steps:
        if step != "end":
            block = package.no_grad() if step == "silent" else recording(package, True)
            block.__enter__()
            stack.append(block)
            expected.append(step == "loud")
        elif stack:
            stack.pop().__exit__(None, None, None)
            expected.pop()
        assert records(package) is expected[-1]
    while stack:
        stack.pop().__exit__(None, None, None)
    assert records(package)


@both
@given(order=st.permutations(range(4)), kinds=st.lists(st.booleans(), min_size=4, max_size=4))
def test_blocks_that_end_out_of_order_hold_until_they_end(package, order, kinds):
    """As those of generators that are run by turns do."""
    blocks = [recording(package, kind) for kind in kinds]
    for block in blocks:
        block.__enter__()
    still = list(range(4))
    for i in order:
        blocks[i].__exit__(None, None, None)
        still.remove(i)
        assert records(package) is (kinds[still[-1]] if still else True)


@both
def test_one_no_grad_may_be_entered_many_times_also_by_several_threads(package):
    silent, seen = package.no_grad(), []
    entered, leave = threading.Event(), threading.Event()

    def other():
        with silent:
            entered.set()
            leave.wait()
            seen.append(records(package))
        seen.append(records(package))

    thread = threading.Thread(target=other)
    thread.start()
    entered.wait()
    assert records(package)
    with silent, silent:
        pass
    assert records(package)
    leave.set()
    thread.join()
    assert seen == [False, True]


@both
def test_a_task_that_waits_within_no_grad_leaves_the_gradients_of_others_alone(package):
    async def evaluates():
        with package.no_grad():
            await asyncio.sleep(0)
            assert not records(package)
            await asyncio.sleep(0)
        assert records(package)

    async def trains():
        await asyncio.sleep(0)
        x = package.Value(3.0)
        (x * x).backward()
        return x.grad, package.grad(lambda v: v * v)(3.0)

    async def main():
        return (await asyncio.gather(evaluates(), trains()))[1]

    assert asyncio.run(main()) == (6.0, 6.0)


@both
def test_the_effect_of_a_block_ends_with_it_in_tasks_that_inherited_it(package):
    async def main():
        go_on = asyncio.Event()

        async def child():
            within = records(package)
            await go_on.wait()
            return within, records(package)

        with package.no_grad():
            task = asyncio.create_task(child())
            await asyncio.sleep(0)
        go_on.set()
        return await task

    assert asyncio.run(main()) == (False, True)


@both
def test_a_copied_context_knows_when_a_block_has_ended(package):
    with package.no_grad():
        context = contextvars.copy_context()
        assert not context.run(records, package)
    assert context.run(records, package)
    with package.no_grad():
        assert context.run(records, package)
        assert not records(package)


@both
def test_threads_begin_in_the_usual_mode(package):
    seen = []
    with package.no_grad():
        thread = threading.Thread(target=lambda: seen.append(records(package)))
        thread.start()
        thread.join()
    assert seen == [True]


@both
def test_a_thread_that_ends_within_a_block_takes_it_along(package):
    def work():
        package.no_grad().__enter__()
        mode_of(package).watching(mode_of(package).Watcher()).__enter__()

    gc.collect()
    before = mode_of(package).unusual
    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    gc.collect()
    assert mode_of(package).unusual == before


@both
def test_a_transform_records_in_any_case_and_only_while_it_runs(package):
    with package.no_grad():
        assert package.grad(lambda x: x * x * x)(2.0) == 12.0
        assert not records(package)
        assert package.grad(lambda x: x * package.grad(lambda y: x * y)(2.0))(3.0) == 6.0
        with pytest.raises(ZeroDivisionError):
            package.grad(lambda x: 1 / (x - x))(1.0)
        assert not records(package)
    assert records(package)


@both
def test_an_inner_grad_of_floats_is_a_float_after_a_trace_ended_by_an_exception(package):
    with pytest.raises(KeyError):
        package.grad(lambda x: {}[x])(1.0)
    assert type(package.grad(lambda x: x * x)(1.0)) is float


# ---- As a decorator. ------------------------------------------------------------------------------------------------


@both
def test_a_decorated_function_is_silent_and_keeps_its_name_and_signature(package):
    @package.no_grad()
    def evaluate(x, *, scale=1.0):
        """Its docstring."""
        return (x * scale).args

    assert evaluate(package.Value(1.0), scale=2.0) == ()
    assert (evaluate.__name__, evaluate.__doc__) == ("evaluate", "Its docstring.")
    assert str(inspect.signature(evaluate)) == "(x, *, scale=1.0)"
    assert records(package)


@both
def test_a_decorated_generator_is_silent_in_each_of_its_steps_and_its_caller_is_not(package):
    said = []

    @package.no_grad()
    def steps():
        try:
            said.append(records(package))
            got = yield 1
            said.append((records(package), got))
            try:
                yield 2
            except KeyError:
                said.append(records(package))
            yield 3
            return "end"
        finally:
            said.append(records(package))

    generator = steps()
    assert inspect.isgeneratorfunction(steps)
    assert (next(generator), records(package)) == (1, True)
    assert (generator.send("x"), records(package)) == (2, True)
    assert (generator.throw(KeyError("k")), records(package)) == (3, True)
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == "end"
    assert said == [False, (False, "x"), False, False]
    other = steps()
    next(other)
    other.close()
    assert said[-1] is False
    assert records(package)


@both
def test_an_exception_of_a_decorated_generator_is_its_callers(package):
    @package.no_grad()
    def steps():
        yield 1
        raise LookupError("no more")

    generator = steps()
    next(generator)
    with pytest.raises(LookupError, match="no more"):
        next(generator)
    assert records(package)


@both
def test_decorated_coroutines_and_asynchronous_generators_are_silent_in_each_step(package):
    @package.no_grad()
    async def once():
        before = records(package)
        await asyncio.sleep(0)
        return before, records(package)

    @package.no_grad()
    async def many():
        try:
            got = yield records(package)
            yield records(package), got
            yield 3
        finally:
            said.append(records(package))

    async def other():
        return [records(package) for _ in range(5) if not await asyncio.sleep(0)]

    async def main():
        assert (await asyncio.gather(once(), other())) == [(False, False), [True] * 5]
        generator = many()
        assert (await generator.asend(None), records(package)) == (False, True)
        assert (await generator.asend("x"), records(package)) == ((False, "x"), True)
        await generator.aclose()
        assert [x async for x in many()] == [False, (False, None), 3]
        generator = many()
        await generator.asend(None)
        with pytest.raises(KeyError):
            await generator.athrow(KeyError("k"))

    said = []
    asyncio.run(main())
    assert said == [False] * 3


@both
def test_a_with_around_a_yield_holds_for_the_caller_until_the_generator_goes_on(package):
    """By Python's own rules, as the docstring says."""

    def leaks():
        with package.no_grad():
            yield

    generator = leaks()
    next(generator)
    assert not records(package)
    next(generator, None)
    assert records(package)


@both
@pytest.mark.parametrize("what", [3, None, int])
def test_what_is_no_function_is_not_decorated(package, what):
    with pytest.raises(TypeError, match=r"no_grad\(\) decorates a function, got .*; write it above a def"):
        package.no_grad()(what)


@both
def test_who_asks_is_told_how_many_blocks_are_unusual_now_and_whenever_that_changes(package):
    mode, told = mode_of(package), []
    mode.on_change(told.append)
    try:
        with package.no_grad(), recording(package, True), mode.watching(mode.Watcher()):
            pass
    finally:
        mode._listeners.pop()
    assert told == [0, 1, 2, 1, 0]


# ---- Watchers. ------------------------------------------------------------------------------------------------------


def listener(package):
    class Listener(mode_of(package).Watcher):
        """Keeps what it was told."""

        def __init__(self):
            self.heard = []

        def recorded(self, node, op, args):
            self.heard.append(("recorded", op.name, node.data, [getattr(a, "data", a) for a in args]))

        def raised(self, op, args, error):
            self.heard.append(("raised", op.name, type(error).__name__, [getattr(a, "data", a) for a in args]))

        def compared(self, sign, x, y, outcome):
            self.heard.append(("compared", sign, x.data, getattr(y, "data", y), outcome))

        def detached(self, node, way):
            self.heard.append(("detached", node.data, way))

        def before_sweep(self, sweep):
            numbers = [getattr(c, "data", c) for c in sweep.numbers]
            self.heard.append(("before", [v.data for v in sweep.nodes], numbers, sweep.on_values, sweep.is_forward))

        def swept(self, sweep, found):
            self.heard.append(("swept", [(v.data, getattr(x, "data", x)) for v, x in found.items()]))

        def failed(self, sweep, error):
            self.heard.append(("failed", type(error).__name__))

    return Listener()


def heard(package, run):
    """What a watcher is told of a run, and what the run gives."""
    ear = listener(package)
    with mode_of(package).watching(ear), suppress(ArithmeticError, ValueError, package.StaleGraphError):
        run(package)
    return ear.heard


def all_events(package):
    x, y = package.Value(2.0), package.Value(-1.0)
    z = x * y + package.sumprod((x, 3), (y, 0.5)) + package.sum([x])
    with package.no_grad():
        package.tanh(x)
        package.sumprod((x, 3), (y, 0.5))
    for raises in (lambda: package.log(y), lambda: x / 0, lambda: y**0.5):
        with pytest.raises((ValueError, ZeroDivisionError)):
            raises()
    [x < y, y <= 3, x == x, x != 2.0, x > 1, y <= 3, bool(z), not y]
    [x.item(), y.data, z.detach(), round(x), math.floor(x), math.ceil(y), math.trunc(y)]
    z.backward(0.5)
    serving = package.core.serving
    serving.adjoints([z, x], [1.0, 2.0])
    serving.pull([z], [1.0], [x, y])
    serving.push([x], [1.0], [z])
    serving.push([x], [x], [z], on_values=True)
    serving.pull([z], [x], [x], on_values=True)
    package.grad(package.grad(lambda v: v * v * v))(2.0)
    x.data = 5.0
    z.backward()


EVENTS = {"recorded", "raised", "compared", "detached", "before", "swept", "failed"}


@both
def test_a_watcher_is_told_of_every_event(package):
    told = heard(package, all_events)
    assert {event[0] for event in told} == EVENTS
    assert ("recorded", "tanh", math.tanh(2.0), [2.0]) in told
    assert ("raised", "log", "ValueError", [-1.0]) in told
    assert [e[1:] for e in told if e[0] == "compared"] == [
        ("<", 2.0, -1.0, False),
        ("<=", -1.0, 3, True),
        ("==", 2.0, 2.0, True),
        ("!=", 2.0, 2.0, False),
        (">", 2.0, 1, True),
        ("<=", -1.0, 3, True),
        ("!=", -0.5, 0.0, True),
        ("!=", -1.0, 0.0, True),
    ]
    ways = [e[2] for e in told if e[0] == "detached"]
    assert ways[:7] == ["item", "data", "detach", "round", "floor", "ceil", "trunc"]
    assert [e[1:] for e in told if e[0] == "before"][0] == ([-0.5], [0.5], False, False)
    assert told[-2:] == [("before", [-0.5], [1.0], False, False), ("failed", "StaleGraphError")]


@native_only
def test_both_engines_tell_the_same_events():
    assert heard(ag, all_events) == heard(textbook, all_events)


@native_only
@given(programs(tame=False))
def test_both_engines_tell_the_same_events_of_random_programs(program):
    def run(package):
        out = program.run(
            Dialect(python, {"ag": package, "Fraction": Fraction}),
            [package.Value(x) for x in program.inputs],
        )
        out.backward()

    same = [repr(heard(package, run)) for package in (textbook, ag)]
    assert same[0] == same[1]


@both
def test_what_is_watched_computes_what_it_computes_otherwise(package):
    def run():
        x, y = package.Value(0.5), package.Value(1.5)
        z = package.exp(x) * y + package.sumprod((x, y), (y, 2))
        z.backward()
        z.backward(2.0)
        return x.grad, y.grad, z.grad, package.grad(package.grad(lambda v: package.sin(v) * v))(0.3)

    alone = run()
    with mode_of(package).watching(listener(package)):
        assert run() == alone


@both
def test_several_watchers_are_told_the_outermost_first_and_each_until_its_block_ends(package):
    first, second = listener(package), listener(package)
    order = []
    first.recorded = lambda *what: order.append("first")
    second.recorded = lambda *what: order.append("second")
    x = package.Value(1.0)
    outer, inner = mode_of(package).watching(first), mode_of(package).watching(second)
    outer.__enter__()
    inner.__enter__()
    x * 2  # noqa: B018
    outer.__exit__(None, None, None)  # before the inner one
    x * 2  # noqa: B018
    inner.__exit__(None, None, None)
    x * 2  # noqa: B018
    assert order == ["first", "second", "second"]


@both
@pytest.mark.parametrize("event", ["recorded", "raised", "compared", "detached", "before_sweep", "swept"])
def test_what_a_watcher_raises_is_what_happens_and_nothing_is_half_done(package, event):
    class Refuses(mode_of(package).Watcher):
        pass

    def refuse(*what):
        raise LookupError("refused")

    setattr(Refuses, event, staticmethod(refuse))
    x = package.Value(-2.0)
    y = x * x
    y.backward()
    ear = listener(package)
    runs = {
        "recorded": lambda: y + 1.0,
        "raised": lambda: package.log(x),
        "compared": lambda: x < 1.0,
        "detached": lambda: x.item(),
        "before_sweep": lambda: y.backward(),
        "swept": lambda: y.backward(),
    }
    with mode_of(package).watching(ear), mode_of(package).watching(Refuses()):
        with pytest.raises(LookupError, match="refused"):
            runs[event]()
        if event in ("before_sweep", "swept"):
            with pytest.raises(LookupError, match="refused"):
                package.grad(lambda v: v * v)(1.0)
            with pytest.raises(LookupError, match="refused"):
                package.grad(package.grad(lambda v: v * v))(1.0)
    assert (x.grad, y.grad) == (-4.0, 1.0)
    # Whoever was told that a sweep begins is told how it ends.
    begun = [e for e in ear.heard if e[0] == "before"]
    ended = [e for e in ear.heard if e[0] in ("swept", "failed")]
    assert len(begun) == len(ended)
    y.backward()
    assert x.grad == -8.0


@both
def test_a_sweep_that_a_watcher_refuses_has_failed_for_those_that_were_told_of_it(package):
    first, last = listener(package), listener(package)

    class Refuses(mode_of(package).Watcher):
        def before_sweep(self, sweep):
            raise LookupError

    watching = mode_of(package).watching
    y = package.Value(2.0) * 3.0
    with watching(first), watching(Refuses()), watching(last), pytest.raises(LookupError):
        y.backward()
    assert [e[0] for e in first.heard] == ["before", "failed"]
    assert last.heard == []


@both
def test_every_watcher_is_told_of_a_failure_also_if_one_raises_then(package):
    class Refuses(mode_of(package).Watcher):
        def failed(self, sweep, error):
            raise LookupError("while it failed")

    first, last = listener(package), listener(package)
    watching = mode_of(package).watching
    x = package.Value(2.0)
    y = x * 3.0
    x.data = 4.0
    with watching(first), watching(Refuses()), watching(last), pytest.raises(LookupError, match="while it failed"):
        y.backward()
    assert [e[0] for e in first.heard] == [e[0] for e in last.heard] == ["before", "failed"]


@both
def test_what_a_watcher_does_itself_is_told_to_nobody_but_to_those_it_asks(package):
    inner, order = listener(package), []

    class Computes(mode_of(package).Watcher):
        def recorded(self, node, op, args):
            order.append(op.name)
            node * node  # noqa: B018
            with mode_of(package).watching(inner):
                node + 1.0  # noqa: B018

    ear = listener(package)
    with mode_of(package).watching(ear), mode_of(package).watching(Computes()):
        package.exp(package.Value(0.0))
    assert order == ["exp"]
    assert [e[1] for e in ear.heard] == ["exp"]
    assert [e[1] for e in inner.heard] == ["add"]


@both
def test_watchers_may_come_and_go_during_a_sweep(package):
    """A watcher that was told of the beginning is told of the end unless its block ended meanwhile; no other one is."""
    early, late = listener(package), listener(package)
    outer, inner = mode_of(package).watching(early), mode_of(package).watching(late)

    def slope(out, x):
        if swapping:
            inner.__enter__()
            outer.__exit__(None, None, None)
        return 2.0

    swapping = False

    @package.operation(partials=(slope,))
    def changes(x):
        return x

    x = package.Value(3.0)
    y = changes(x) * 1.0
    swapping = True
    outer.__enter__()
    y.backward()
    inner.__exit__(None, None, None)
    assert x.grad == 2.0
    assert [e[0] for e in early.heard] == ["before"]
    assert late.heard == []


@both
def test_watchers_cannot_change_what_a_sweep_found(package):
    class Spoils(mode_of(package).Watcher):
        def swept(self, sweep, found):
            with pytest.raises(TypeError):
                found[next(iter(found))] = "spoilt"

    x = package.Value(3.0)
    with mode_of(package).watching(Spoils()):
        (x * x).backward()
    assert x.grad == 6.0


@both
def test_a_watcher_sees_its_own_flow_alone(package):
    ear = listener(package)

    def other():
        package.Value(1.0) * 2.0  # noqa: B018

    with mode_of(package).watching(ear):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert ear.heard == []


@both
def test_watching_leaves_nothing_to_the_collector(package):
    def run():
        with mode_of(package).watching(listener(package)), package.detect_anomaly():
            x = package.Value(2.0)
            (x * x).backward()
            with pytest.raises(ZeroDivisionError):
                x / 0  # noqa: B018

    run()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(100):
        run()
    gc.collect()
    assert len(gc.get_objects()) - before < 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_does_not_wait_for_the_locks_of_threads_that_it_has_not():
    lock = mode_of(ag).Lock()
    held, done = threading.Event(), threading.Event()

    def hold():
        with lock.lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        with lock.lock:
            os._exit(0)
    done.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
