"""The rules that keep the house in order: which folder may import which, and what must not be imported at all."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOUSE = ("executor", "nodes", "diffusion", "training", "web", "main")
MAY_IMPORT = {
    "executor": set[str](),
    "diffusion": set[str](),
    "nodes": {"executor", "diffusion"},
    "training": {"executor", "diffusion"},
    "web": {"executor"},
}


def imports(path: Path, package: str) -> Iterator[str]:
    """The modules of ours that a file imports, wherever in the file it does so."""
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield statement.module or package if statement.level == 0 else package


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_point_one_way(folder: str):
    allowed = MAY_IMPORT[folder] | {folder}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in imports(path, folder)
        if (top := name.split(".")[0]) in HOUSE and top not in allowed
    ]
    assert not wrong


def test_nodes_use_only_the_declaring_half_of_the_engine():
    modules = ("node", "types", "files", "lists", "output_files", "workflow.metadata")
    allowed = {f"executor.{module}" for module in modules}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "nodes").rglob("*.py")
        for name in imports(path, "nodes")
        if name.startswith("executor") and name not in allowed
    ]
    assert not wrong


@pytest.mark.parametrize("module", ["main", "nodes", "executor.run", "executor.workflow", "diffusion"])
def test_torch_is_not_imported_where_nothing_is_computed(module: str):
    code = f"import sys, {module}; print('torch' in sys.modules, 'PIL' in sys.modules, 'scipy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False", "False"]


@pytest.mark.parametrize("module", ["main", "web.serve"])
def test_the_web_process_imports_no_engine(module: str):
    code = (
        f"import sys, {module}; print(*({{'torch', 'numpy', 'PIL', 'networkx', 'nodes', 'yaml'}} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for folder in (*MAY_IMPORT, "."):
        for path in (ROOT / folder).glob("*.py"):
            for item in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{path.relative_to(ROOT)}:{item.lineno} {item.name}", item


def test_functions_are_short():
    long = [where for where, f in functions() if (f.end_lineno or 0) - f.lineno + 1 > 60]
    assert not long


def test_functions_are_annotated():
    def bare(f: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        given = [a for a in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs) if a.arg not in ("self", "cls")]
        return any(a.annotation is None for a in given) or (f.returns is None and f.name != "__init__")

    assert not [where for where, f in functions() if bare(f)]


def test_modules_are_small():
    sizes = {
        p.relative_to(ROOT): len(p.read_text("utf-8").splitlines())
        for f in MAY_IMPORT
        for p in (ROOT / f).rglob("*.py")
    }
    assert not {path: lines for path, lines in sizes.items() if lines > 400}


def test_no_path_of_a_machine_is_in_the_project():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    forbidden = ["/".join(["", "work", ""]), "/".join(["", "home", ""]), "/".join(["", "root", ""])]
    texts = [f for f in listed.stdout.split() if f.endswith((".py", ".md", ".toml", ".txt", ".yaml", ".yml", "run"))]
    wrong = [f"{f}: {word}" for f in texts for word in forbidden if word in (ROOT / f).read_text(encoding="utf-8")]
    assert not wrong
