"""Size and shape of the package.

    python benchmarks/structure.py [SRC ...]

Prints one column a source tree (``src`` where none is given): lines by kind, the longest file and
function, and circles of imports. `path_of_a_sound.py` counts what one sound runs through.
"""

import ast
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstring_lines(tree: ast.AST) -> set[int]:
    """Numbers of the lines that docstrings take."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for statement in body:
            if (
                isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            ):
                lines |= set(range(statement.lineno, (statement.end_lineno or 0) + 1))
    return lines


def count_lines(path: Path) -> tuple[list[int], set[int]]:
    """Lines of a file: all, code, docstrings, comments; and the numbers of those with code."""
    text = path.read_text()
    documented = docstring_lines(ast.parse(text))
    code: set[int] = set()
    comments: set[int] = set()
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                comments.add(token.start[0])
            elif token.type not in (
                tokenize.NL,
                tokenize.NEWLINE,
                tokenize.INDENT,
                tokenize.DEDENT,
                tokenize.ENCODING,
                tokenize.ENDMARKER,
            ):
                code |= set(range(token.start[0], token.end[0] + 1))
    code -= documented
    return [len(text.splitlines()), len(code), len(documented), len(comments)], code


def circles(package: Path) -> int:
    """How many groups of modules import each other in circles, inside functions too."""
    names = {
        "cambiata" + "".join(f".{part}" for part in path.relative_to(package).with_suffix("").parts)
        for path in package.rglob("*.py")
    }
    names = {name.removesuffix(".__init__") for name in names}
    graph: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(("cambiata", *parts)).removesuffix(".__init__")
        graph[name] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cambiata"):
                inner = {f"{node.module}.{alias.name}" for alias in node.names} & names
                graph[name] |= inner or ({node.module} & names if node.module else set())
    order: list[str] = []
    seen: set[str] = set()

    def visit(start: str, edges: dict[str, set[str]], found: list[str]) -> None:
        stack = [(start, iter(edges.get(start, ())))]
        seen.add(start)
        while stack:
            node, children = stack[-1]
            for child in children:
                if child not in seen:
                    seen.add(child)
                    stack.append((child, iter(edges.get(child, ()))))
                    break
            else:
                stack.pop()
                found.append(node)

    for name in sorted(graph):
        if name not in seen:
            visit(name, graph, order)
    back: dict[str, set[str]] = {}
    for name, others in graph.items():
        for other in others:
            back.setdefault(other, set()).add(name)
    seen.clear()
    n_circles = 0
    for name in reversed(order):
        if name not in seen:
            component: list[str] = []
            visit(name, back, component)
            n_circles += len(component) > 1
    return n_circles


def facts(source: Path) -> dict[str, str]:
    """All figures of one source tree, by what they are called."""
    package = source / "cambiata"
    paths = sorted(package.rglob("*.py"))
    counts = {path: count_lines(path) for path in paths}
    totals = [sum(count[i] for count, _ in counts.values()) for i in range(4)]
    longest = max(paths, key=lambda path: counts[path][0][1])
    spans = [
        (
            len(set(range(function.lineno, (function.end_lineno or 0) + 1)) & counts[path][1]),
            f"{path.relative_to(package)}:{function.name}",
        )
        for path in paths
        for function in functions(ast.parse(path.read_text()))
    ]
    widest = max(spans)
    return {
        "files": f"{len(paths)}",
        "lines": f"{totals[0]:,}",
        "lines of code": f"{totals[1]:,}",
        "docstring lines": f"{totals[2]:,} ({100 * totals[2] / totals[0]:.0f} %)",
        "comment lines per 100 of code": f"{100 * totals[3] / totals[1]:.1f}",
        "longest file (code)": f"{counts[longest][0][1]} ({longest.relative_to(package)})",
        "files above 400 lines of code": f"{sum(count[1] > 400 for count, _ in counts.values())}",
        "longest function (code)": f"{widest[0]} ({widest[1]})",
        "functions above 60 lines of code": f"{sum(n > 60 for n, _ in spans)}",
        "circles of imports": f"{circles(package)}",
    }


def main() -> None:
    """Print the table."""
    sources = [Path(name).resolve() for name in sys.argv[1:]] or [ROOT / "src"]
    columns = [facts(source) for source in sources]
    print("| | " + " | ".join(str(source.parent.name) for source in sources) + " |")
    print("|---|" + "---:|" * len(sources))
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(column[name] for column in columns) + " |")


if __name__ == "__main__":
    main()
