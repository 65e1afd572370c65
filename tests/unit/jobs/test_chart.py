"""The loss curve in the terminal."""

from jobs.terminal.chart import draw, squeeze


def test_a_falling_loss_falls_on_the_screen() -> None:
    assert draw([3.0, 2.0, 1.0], title="loss", height=3).lines == (
        "loss  3.00 ┤╮",
        "           │╰╮",
        "      1.00 ┤ ╰",
    )


def test_a_rise_and_a_plateau_are_drawn() -> None:
    lines = draw([1.0, 3.0, 3.0], title="loss", height=3).lines
    assert lines == ("loss  3.00 ┤╭─", "           ││", "      1.00 ┤╯")


def test_a_constant_loss_is_one_line() -> None:
    assert draw([0.5, 0.5], title="loss").lines == ("loss  0.50 ┤─",)


def test_more_values_than_columns_are_averaged_but_for_the_ends() -> None:
    assert squeeze([1.0, 3.0, 2.0, 4.0, 5.0, 7.0], 3) == [1.0, 3.0, 7.0]
    assert len(draw([float(x) for x in range(1000)], title="loss", width=40).lines[0]) <= 60
