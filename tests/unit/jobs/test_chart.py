"""The loss curves in the terminal."""

from jobs.terminal.chart import draw, squeeze


def test_a_falling_loss_falls_on_the_screen() -> None:
    assert draw([(1, 3.0), (2, 2.0), (3, 1.0)], title="loss", height=3) == (
        "loss  3.00 ┤╮",
        "           │╰╮",
        "      1.00 ┤ ╰",
        "      step  1  3",
    )


def test_a_rise_and_a_plateau_are_drawn() -> None:
    lines = draw([(1, 1.0), (2, 3.0), (3, 3.0)], title="loss", height=3)
    assert lines[:3] == ("loss  3.00 ┤╭─", "           ││", "      1.00 ┤╯")


def test_a_constant_loss_is_one_line() -> None:
    assert draw([(1, 0.5), (2, 0.5)], title="loss")[0] == "loss  0.50 ┤─"


def test_a_lone_value_has_one_step() -> None:
    assert draw([(7, 1.5)], title="loss") == ("loss  1.50 ┤─", "      step  7")


def test_more_values_than_columns_are_averaged_but_for_the_ends() -> None:
    line = list(enumerate([1.0, 3.0, 3.0, 5.0, 4.0, 7.0]))
    assert squeeze(line, 0, 5, 3) == [1.0, 4.0, 7.0]
    many = [(step, float(step)) for step in range(1000)]
    assert len(draw(many, title="loss", width=40)[0]) <= 60


def test_a_step_that_was_not_measured_lies_between_its_neighbours() -> None:
    assert squeeze([(0, 1.0), (4, 3.0)], 0, 4, 5) == [1.0, 1.5, 2.0, 2.5, 3.0]


def test_validation_stands_at_its_step_and_on_the_same_axis() -> None:
    lines = draw(
        [(step, 3.0) for step in range(1, 12)], [(6, 5.0), (11, 1.0)], title="loss", height=3
    )
    assert lines == (
        "loss  5.00 ┤     ●",
        "           │──────────",
        "      1.00 ┤         ●",
        "      step  1       11",
    )
