"""Species counterpoint: worksheets solved and checked, rules as `docs/counterpoint.md` has them."""

from cambiata.counterpoint.checker import Breach, Checked, check, check_file
from cambiata.counterpoint.rules import RULES, Rule
from cambiata.counterpoint.solver import Solution, SolveReport, solve, solve_file

__all__ = [
    "RULES",
    "Breach",
    "Checked",
    "Rule",
    "Solution",
    "SolveReport",
    "check",
    "check_file",
    "solve",
    "solve_file",
]
