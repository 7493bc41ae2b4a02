from __future__ import annotations

import threading
import time

from affect_core.turns import Turns


def test_who_comes_back_at_once_waits_behind_the_others() -> None:
    turns, order = Turns(1), list[int]()

    def take(number: int) -> None:
        with turns:
            order.append(number)

    threads = []
    with turns:
        for number in range(3):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            while len(turns._waiting) <= number:
                time.sleep(0.001)
    take(3)
    for thread in threads:
        thread.join(20)
    assert order == [0, 1, 2, 3]


def test_no_more_than_so_many_at_a_time() -> None:
    turns, inside, most = Turns(2), list[int](), list[int]()

    def work(number: int) -> None:
        with turns:
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.005)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert max(most) == 2
    with turns, turns:
        pass


def test_a_turn_that_is_lent_comes_back_behind_who_has_it_then() -> None:
    turns, order = Turns(1), list[str]()

    def borrow() -> None:
        with turns:
            order.append("borrower")
            while not turns._waiting:
                time.sleep(0.001)

    borrower = threading.Thread(target=borrow)
    with turns:
        with turns.lent():
            borrower.start()
            while not order:
                time.sleep(0.001)
        order.append("lender")
        assert turns._free == 0
    borrower.join(20)
    assert order == ["borrower", "lender"]
    assert turns._free == 1
