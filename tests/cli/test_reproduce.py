"""The table of `clfw reproduce` compares nothing that cannot be compared."""

import pytest

from clfw.cli.reproduce import figures, print_rows


@pytest.mark.parametrize(
    ("verdict", "said"), [("not comparable", "not comparable"), ("holds", "+3.00 points")]
)
def test_a_difference_stands_only_between_comparable_figures(
    verdict: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = figures([0.75], 0.72, verdict == "holds")
    assert (cell["difference"] is None) == (verdict == "not comparable")
    row = {
        "recipe": "r", "source": "sample", "splits": {"test": cell}, "seconds": 1.0,
        "verdict": verdict,
    }  # fmt: skip
    print_rows([row])
    header, line = capsys.readouterr().out.splitlines()
    assert line[header.index("difference") :].startswith(said)
