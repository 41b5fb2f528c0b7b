"""The stages of the search: a shape, an order of columns, and how many are left out. Small ones come first. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, permutations
from math import factorial, prod

from pytest_audit_ledger.infer.chains import Entry
from pytest_audit_ledger.infer.digest_search import Clock, Ends, State, search, sizes_of
from pytest_audit_ledger.infer.pieces import Alternative, Linked, Pieces, Slot
from pytest_audit_ledger.infer.shapes import PREVIOUS, Shape

Order = tuple[str, ...]
"""Columns in the order of a payload, and `PREVIOUS` for the previous hash."""

_MOST_IN_ANY_ORDER = 3
_MOST_LEFT_OUT = 2
"""Columns that may be left out of an order that a hint gives."""
_HINTED = 0.01


@dataclass(frozen=True)
class Hit:
    """A recipe that fits one entry: its shape, its items in order, and the previous hash outside of JSON."""

    shape: Shape
    slots: tuple[Slot, ...]
    outer: Slot | None = None


class Written:
    """What a shape writes for the columns of an entry in the forms of a `level`."""

    def __init__(self, pieces: Pieces, shape: Shape, columns: Order, entry: Entry, level: int) -> None:
        """Take the columns, of which some are left out later."""
        self.shape, self.entry, self.level = shape, entry, level
        outers = outer_alternatives(pieces, shape, entry)
        self.frames = [(ends_of(pieces, shape, outside), outer) for outside, outer in outers]
        """What may be around the items."""
        self._slots = {name: pieces.slot(name, shape.in_json, level) for name in (PREVIOUS, *columns)}
        self.every = {name: pieces.alternatives(shape, slot, entry) for name, slot in self._slots.items()}

    def linked(self, order: Order) -> Linked:
        """Return the alternatives for an order of columns, once for each choice of styles."""
        return Linked([self._slots[name] for name in order], [self.every[name] for name in order], self.entry)

    def print_of(self, order: Order) -> object:
        """Return what is equal for shapes that write the same."""
        return tuple(ends for ends, _ in self.frames), tuple(
            tuple(text for text, _ in self.every[name]) for name in order
        )


@dataclass(frozen=True)
class Stage:
    """Candidates of one kind. `shapes` are those that write the same; `size`: how many candidates there are.

    `is_given`: whether a hint gives the order.
    """

    written: Written
    shapes: tuple[Shape, ...]
    orders: tuple[Order, ...]
    left_out: int
    size: int
    is_given: bool = False

    @property
    def cost(self) -> float:
        """The size, as it is weighed against that of other stages: rare shapes count more, and hints less."""
        return self.size * self.shapes[0].weight * (_HINTED if self.is_given else 1)

    def hits(self, pieces: Pieces, state: State, clock: Clock) -> Iterator[list[Hit]]:
        """Yield what fits the entry, with each of the shapes that write it. Raises TimeIsUpError."""
        shape, entry = self.written.shape, self.written.entry
        for order in self.orders:
            for alternatives in self.written.linked(order):
                for ends, outer in self.written.frames:
                    for chosen in search(alternatives, self.left_out, ends, state, entry.digest, clock):
                        kept = tuple(pieces.widened(shape, slot, entry) for slot in chosen if slot is not None)
                        yield [Hit(one, kept, outer) for one in self.shapes]


def outer_alternatives(pieces: Pieces, shape: Shape, entry: Entry) -> list[tuple[bytes, Slot | None]]:
    """Return what may stand outside of JSON for the previous hash."""
    if not shape.outside:
        return [(b"", None)]
    found: list[Alternative] = pieces.alternatives(Shape("concat"), pieces.slot(PREVIOUS, in_json=False), entry)
    return [*found]


def ends_of(pieces: Pieces, shape: Shape, outside: bytes) -> Ends:
    """Return what is around the items of a shape."""
    before, after = pieces.ends(shape)
    by = shape.by.encode()
    if shape.outside == "first":
        before = outside + by + before
    elif shape.outside == "last":
        after = after + by + outside
    return Ends(before, pieces.between(shape), after)


@dataclass(frozen=True)
class Orders:
    """The orders that are tried: of all `columns`, and those that hints give.

    `columns` are in the order of the table, with the previous hash in its place if a column has it. `only_given`: no
    others are tried, and no column is left out. `has_previous`: whether the previous hash may be among them.
    """

    columns: Order
    given: tuple[Order, ...] = ()
    only_given: bool = False
    has_previous: bool = True

    @property
    def names(self) -> Order:
        """Every name that an order has: the columns, and constants of hints."""
        return tuple(dict.fromkeys((*self.columns, *chain.from_iterable(self.given))))

    def of_all(self, shape: Shape) -> list[tuple[Order, bool]]:
        """Return the orders for a shape, and whether a hint gives them."""
        given = dict.fromkeys((placed for order in self.given for placed in self._placed(shape, order)), True)
        own = {} if self.only_given else dict.fromkeys(self._placed(shape, self.columns), False)
        return list({**own, **given}.items())

    def _placed(self, shape: Shape, columns: Order) -> Iterator[Order]:
        """Yield the orders of columns for a shape: with the previous hash first, in its place, last, or outside."""
        own = tuple(name for name in columns if name != PREVIOUS)
        is_inside = self.has_previous and not shape.outside
        if shape.is_sorted:
            yield tuple(sorted((PREVIOUS, *own) if is_inside else own, key=shape.rank))
        elif is_inside:
            yield from ((PREVIOUS, *own), columns, (*own, PREVIOUS))
        else:
            yield own

    def of_few(self, *, outside: bool) -> Mapping[int, tuple[Order, ...]]:
        """Return the orders of so many columns, with the previous hash at either end unless it is outside."""
        return self._alone if outside or not self.has_previous else self._with_previous

    @cached_property
    def _alone(self) -> Mapping[int, tuple[Order, ...]]:
        own = tuple(name for name in self.columns if name != PREVIOUS)
        return {many: tuple(permutations(own, many)) for many in range(1, min(_MOST_IN_ANY_ORDER, len(own)) + 1)}

    @cached_property
    def _with_previous(self) -> Mapping[int, tuple[Order, ...]]:
        return {
            many: tuple(placed for few in orders for placed in ((PREVIOUS, *few), (*few, PREVIOUS), few))
            for many, orders in self._alone.items()
        }


class Planner:
    """Makes the stages for one entry."""

    def __init__(self, pieces: Pieces, orders: Orders, entry: Entry) -> None:
        """Take the orders, and the entry to search on."""
        self._pieces, self._orders, self._entry = pieces, orders, entry

    def stages(self, every: Iterable[Shape], level: int) -> Collection[Stage]:
        """Return the stages of all shapes at a level, of which those that write the same are one."""
        found: dict[object, Stage] = {}
        for shape in every:
            for print_, stage in self._of_shape(shape, level):
                known = found.get(print_)
                found[print_] = replace(known, shapes=(*known.shapes, shape)) if known else stage
        return found.values()

    def _of_shape(self, shape: Shape, level: int) -> Iterator[tuple[object, Stage]]:
        written = Written(self._pieces, shape, shape.order or self._orders.names, self._entry, level)
        if shape.order:
            linked = written.linked(shape.order)
            size = prod(linked.sizes) * linked.count
            yield written.print_of(shape.order), Stage(written, (shape,), (shape.order,), 0, size, is_given=True)
            return
        in_any_order = not (shape.is_sorted or self._orders.only_given)
        for order, is_given in self._orders.of_all(shape):
            alike, linked = written.print_of(order), written.linked(order)
            sizes = sizes_of(linked.sizes)
            fewest = _MOST_IN_ANY_ORDER + (PREVIOUS in order) if in_any_order else 0
            most = 1 if self._orders.only_given else 1 + _MOST_LEFT_OUT if is_given else max(1, len(order) - fewest)
            for left_out, size in enumerate(sizes[:most]):
                whole = size * len(written.frames) * linked.count
                yield (alike, left_out), Stage(written, (shape,), (order,), left_out, whole, is_given)
        if in_any_order:
            yield from self._of_few(written)

    def _of_few(self, written: Written) -> Iterator[tuple[object, Stage]]:
        """Yield the stages with any order of few columns."""
        shape, alike = written.shape, written.print_of((PREVIOUS, *self._orders.columns))
        sizes = sizes_of([len(written.every[name]) for name in self._orders.columns if name != PREVIOUS])[::-1]
        alone = shape.outside or not self._orders.has_previous
        placed = len(written.frames) * (1 if alone else 1 + 2 * len(written.every[PREVIOUS]))
        for many, orders in self._orders.of_few(outside=bool(shape.outside)).items():
            yield (alike, orders), Stage(written, (shape,), orders, 0, placed * factorial(many) * sizes[many])
