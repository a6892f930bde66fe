from __future__ import annotations

from gwt.steps import Steps, finish


def counted(log: list[int]) -> Steps[str]:
    for number in range(3):
        log.append(number)
        yield
    return "done"


def test_finish_runs_to_the_end_and_gives_the_result() -> None:
    log: list[int] = []
    assert finish(counted(log)) == "done"
    assert log == [0, 1, 2]


def test_work_without_pauses_is_fine_too() -> None:
    def none() -> Steps[int]:
        return 7
        yield

    assert finish(none()) == 7
