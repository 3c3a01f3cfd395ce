import shutil
import subprocess
from pathlib import Path

import pytest

from local.results import tools_mix

SOURCE = Path(__file__).parents[3] / "images" / "tools" / "c" / "draw-orders.c"
FEW = [(1, 31, 0, 100), (2, 32, 0, 300), (3, 365, 7, 101)]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_the_command_draws_what_is_expected(tmp_path):
    command = tmp_path / "draw-orders"
    subprocess.run(["gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-o", command, SOURCE], check=True)
    drawn = subprocess.run([command, str(tools_mix.ORDERS), str(tools_mix.SEED)], capture_output=True, text=True).stdout
    header, *lines = drawn.splitlines()
    assert header == "order,day,region,cents"
    assert [tuple(map(int, line.split(","))) for line in lines] == list(tools_mix.orders())
    for words in ([], ["1"], ["-1", "2"], ["1x", "2"], ["", "2"], ["99999999999999999999999", "2"]):
        assert subprocess.run([command, *words], capture_output=True).returncode == 2


def test_months_and_regions_are_worked_out_by_hand():
    assert tools_mix.by_month(FEW) == [[1, 1, 100], [2, 1, 300], [12, 1, 101]]
    assert tools_mix.by_region([*FEW, (4, 1, 7, 103)]) == [
        [0, 2, 400, 200, pytest.approx(141.4213562)],
        [7, 2, 204, 102, pytest.approx(1.4142136)],
    ]
