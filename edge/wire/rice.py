"""A list of whole numbers in as few bits as we can find, losslessly: the heart of the chunk.

Differences of neighbouring samples are small and gather around one value. Rice coding spends one unary quotient and
`k` plain bits on each; the best `k` is found by counting, not by guessing. Lists that hug their minimum (counters) or
spread evenly (jitter of a timetable) have forms of their own, a constant list costs a byte whatever its length. An
outlier does not poison its list: the unary part is capped, and what exceeds it is written after the list.

    4 bits of form, then
    0        nothing: all are 0
    1..7     zigzag, Rice with k = 0..6
    8..9     the minimum (signed small), then distances from it, Rice with k = 0..1
    10..14   the minimum (signed small), then distances from it in 0..4 plain bits
    15       2 bits of mode (0 zigzag, 1 from minimum, 2 plain) and k less the smallest not above (small)

All quotients of a list stand before all remainders, so that both are cut apart in bulk. The caller keeps the count.
"""

from __future__ import annotations

from operator import itemgetter

from edge.wire.bits import BitReader, fixed, signed_small, small, wide
from edge.wire.codec import CodecError

CAP = 16  # ones in a quotient; CAP of them mean that more stands after the list
_FOLDED, _RAISED, _PLAIN = range(3)
_FORMS = ((1, 6), (8, 1), (10, 4))  # of each mode: its first form, and the largest k that has a form
_EXPLICIT = 15
_FORM_BITS, _MODE_BITS = 4, 2
_LARGEST_K = 128
_TABLED = 8
_UNARY = ["1" * quotient + "0" for quotient in range(CAP + 1)]
_BITS = [[fixed(number, width) for number in range(1 << width)] for width in range(_TABLED + 1)]
_NUMBER = {text: number for texts in _BITS[1:] for number, text in enumerate(texts)}


def write(numbers: list[int]) -> str:
    """The shortest spelling of the list that we know; nothing for an empty list."""
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    if low == high == 0:
        return fixed(0, _FORM_BITS)
    base, width = signed_small(low), (high - low).bit_length()
    raised = [number - low for number in numbers] if low else numbers
    folded = [number << 1 if number >= 0 else ~(number << 1) for number in numbers]
    plain_cost = len(base) + width * len(numbers)
    folded_k, folded_cost = _best_k(folded)
    raised_k, raised_cost = _best_k(raised) if sum(raised) < sum(folded) else (0, plain_cost)
    if plain_cost <= min(folded_cost, raised_cost + len(base)):
        return _head(_PLAIN, width) + base + _plain(raised, width)
    if folded_cost <= raised_cost + len(base):
        return _head(_FOLDED, folded_k) + _rice(folded, folded_k)
    return _head(_RAISED, raised_k) + base + _rice(raised, raised_k)


def _head(mode: int, k: int) -> str:
    first, largest = _FORMS[mode]
    if k <= largest:
        return fixed(first + k, _FORM_BITS)
    return fixed(_EXPLICIT, _FORM_BITS) + fixed(mode, _MODE_BITS) + small(k - largest - 1)


def _best_k(numbers: list[int]) -> tuple[int, int]:
    """(k, bits) of the cheapest Rice code. Without outliers the cost is convex in k, so walking downhill finds the
    best; with outliers a second walk starts where the bulk of the numbers is."""
    mean, top = sum(numbers) // len(numbers), max(numbers)
    best = _descend(numbers, top, max(mean.bit_length() - 1, 0))
    if top >> best[0] > 6:
        median = sorted(numbers)[len(numbers) // 2]
        best = min(best, _descend(numbers, top, median.bit_length()), key=itemgetter(1))
    return best


def _descend(numbers: list[int], top: int, k: int) -> tuple[int, int]:
    cost, right = _cost(numbers, top, k), _cost(numbers, top, k + 1)
    step = 1 if right < cost else -1
    if step == 1:
        k, cost = k + 1, right
    while k + step >= 0 and (further := _cost(numbers, top, k + step)) < cost:
        k, cost = k + step, further
    return k, cost


def _cost(numbers: list[int], top: int, k: int) -> int:
    quotients = [number >> k for number in numbers] if k else numbers
    base = len(numbers) * (k + 1)
    if top >> k < CAP:
        return base + sum(quotients)
    beyond = [quotient - CAP for quotient in quotients if quotient >= CAP]
    return base + sum(min(quotient, CAP) for quotient in quotients) + sum(len(wide(more)) for more in beyond)


def _plain(numbers: list[int], width: int) -> str:
    if 0 < width <= _TABLED:
        texts = _BITS[width]
        return "".join([texts[number] for number in numbers])
    return "".join([fixed(number, width) for number in numbers])


def _rice(numbers: list[int], k: int) -> str:
    mask = (1 << k) - 1
    quotients = [number >> k for number in numbers] if k else numbers
    remainders = _plain([number & mask for number in numbers], k) if k else ""
    if max(quotients) < CAP:
        return "".join([_UNARY[quotient] for quotient in quotients]) + remainders
    unary = "".join([_UNARY[min(quotient, CAP)] for quotient in quotients])
    return unary + remainders + "".join([wide(quotient - CAP) for quotient in quotients if quotient >= CAP])


def read(bits: BitReader, count: int) -> list[int]:
    """The `count` numbers that `write` wrote. Time and memory stay within what `count` and the bits allow.

    Raises CodecError for bits that cannot be a list.
    """
    form = bits.fixed(_FORM_BITS) if count else 0
    if form == 0:
        return [0] * count
    mode, k = _form(bits, form)
    if mode == _FOLDED:
        return [code >> 1 ^ -(code & 1) for code in _read_rice(bits, count, k)]
    low = bits.signed_small()
    raised = _read_plain(bits, count, k) if mode == _PLAIN else _read_rice(bits, count, k)
    return [low + number for number in raised] if low else raised


def _form(bits: BitReader, form: int) -> tuple[int, int]:
    if form == _EXPLICIT:
        mode, beyond = bits.fixed(_MODE_BITS), bits.small()
        if mode >= len(_FORMS) or beyond > _LARGEST_K:
            raise CodecError("no such form of list")
        return mode, _FORMS[mode][1] + 1 + beyond
    mode = _PLAIN if form >= _FORMS[_PLAIN][0] else _RAISED if form >= _FORMS[_RAISED][0] else _FOLDED
    return mode, form - _FORMS[mode][0]


def _read_plain(bits: BitReader, count: int, width: int) -> list[int]:
    if not width:
        return [0] * count
    block = bits.slice(count * width)
    if width <= _TABLED:
        number = _NUMBER
        return [number[block[at : at + width]] for at in range(0, len(block), width)]
    return [int(block[at : at + width], 2) for at in range(0, len(block), width)]


def _read_rice(bits: BitReader, count: int, k: int) -> list[int]:
    quotients = _read_unary(bits, count)
    numbers = quotients
    if k:
        numbers = [quotient << k | rest for quotient, rest in zip(quotients, _read_plain(bits, count, k), strict=True)]
    if CAP in quotients:
        for index, quotient in enumerate(quotients):
            if quotient == CAP:
                numbers[index] += bits.wide() << k
    return numbers


def _read_unary(bits: BitReader, count: int) -> list[int]:
    window = bits.text[bits.at : bits.at + count * (CAP + 1)]
    runs = window.split("0", count)
    if len(runs) <= count:
        raise CodecError("the bits end within a list")
    bits.at += len(window) - len(runs.pop())
    quotients = list(map(len, runs))
    if max(quotients) > CAP:
        raise CodecError("a quotient beyond the cap")
    return quotients
