"""The command line. The engine is imported where it is used: servers start fast."""

from __future__ import annotations

import argparse
import copy
import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from executor.files import Files
from training import command as training
from web import options as server

if TYPE_CHECKING:
    from executor.bind import Problem
    from executor.graph import Graph
    from executor.hashes import Hashes
    from executor.node import NodeSpec
    from executor.plan import Plan
    from executor.sweep import Sweep
    from executor.workflow.document import Document

OK, FAILED, INVALID, CANCELLED = 0, 1, 2, 130


class Refused(Exception):
    """The command cannot be carried out as it was given; the message says why, for people."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line. Returns the exit code: 0 ok, 1 failed, 2 invalid, 130 cancelled."""
    options = _parser().parse_args((sys.argv[1:] if arguments is None else arguments) or ["serve"])
    try:
        return options.command(options)
    except (Refused, server.OptionError, training.Refused) as error:
        print(f"mezzotint: {error}", file=sys.stderr)
        return INVALID
    except KeyboardInterrupt:
        print("mezzotint: cancelled", file=sys.stderr)
        return CANCELLED


def console() -> NoReturn:
    """The `mezzotint` script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file may hold characters that the terminal lacks
            stream.reconfigure(errors="backslashreplace")
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe has gone, as in `nodes | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    raise SystemExit(code)


def _engine(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """A command on a graph: a file that holds none is its user's error."""

    def carry_out(options: argparse.Namespace) -> int:
        from executor.assign import Unassignable
        from executor.graph import GraphError
        from executor.sweep import SweepError
        from executor.workflow.lenient import WorkflowError

        try:
            return command(options)
        except (WorkflowError, GraphError, SweepError, Unassignable) as error:
            raise Refused(str(error)) from None

    return carry_out


# --- serve ---------------------------------------------------------------------------------------


def serve(options: argparse.Namespace) -> int:
    """Serve the page and the API until Ctrl-C."""
    _use_settings(options)
    config = server.config(options)
    from web.serve import serve

    serve(config)
    return OK


# --- run -----------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> int:
    """Run the outputs of a graph that are sound."""
    from executor.assign import assign, seed_all
    from executor.check import check, sound
    from executor.graph import read
    from executor.run import execute
    from executor.sweep_options import parse
    from executor.terminal import Terminal, json_lines

    _use_settings(options)
    _try_device(options)
    document = _load(options.file)
    files, specs = _files(options), _specs()
    api = _flat(document, specs, files)
    if options.seed is not None:
        seed_all(api, specs, options.seed)
    assign(api, specs, options.set)
    graph = read(api)
    wanted = _wanted(options, graph, specs)
    sweep = parse(api, options.sweep, specs, files, grid=options.grid)
    if sweep:
        graph, wanted = read(sweep.graph), sweep.targets(wanted)
    problems = check(graph, specs, files)
    able = sound(graph, problems, wanted)
    told = sweep.problems(problems) if sweep else problems
    _print_problems([p for p in told if p.kind != "prompt_no_outputs" or not options.output], sys.stderr)
    if not able or (sweep and able != wanted):  # a value of a sweep that does not fit is found before any of them runs
        return INVALID
    plan = _plan(graph, specs, able, files, options, sweep)
    changed = options.set or options.seed is not None  # then the editor's form would show what did not run
    extra = {"workflow": document.workflow} if document.workflow and not changed else {}
    report = json_lines if options.json_events else Terminal(files)
    outcome = execute(
        plan, files=files, cache=_cache(options, files), emit=report, extra_pnginfo=extra, force=options.no_cache
    )
    if outcome.cancelled:
        return CANCELLED
    if sweep and options.grid:
        _save_grid(sweep, plan, outcome.shown, files)
    return OK if outcome.ok and able == wanted else FAILED


def _use_settings(options: argparse.Namespace) -> None:
    from diffusion.settings import Settings, use

    try:
        use(Settings(options.precision, options.device))
    except ValueError as error:
        raise Refused(f"--device: {error}") from None


def _try_device(options: argparse.Namespace) -> None:
    if options.device in ("auto", "cpu"):
        return
    import diffusion

    try:
        diffusion.placement.device()
    except ValueError as error:
        raise Refused(f"--device: {error}") from None


def _plan(
    graph: Any, specs: Mapping[str, NodeSpec], targets: list[str], files: Files, options: Any, sweep: Sweep | None
) -> Plan:
    from executor.check import InvalidGraph
    from executor.plan import make_plan

    try:
        return make_plan(graph, specs, targets, files, salt=f"{options.precision} {options.device}", sweep=sweep)
    except InvalidGraph as error:
        raise Refused(str(error)) from None


def _cache(options: argparse.Namespace, files: Files) -> Any:
    from executor.cache import Cache
    from executor.store import Disk

    return Cache(disk=None if options.no_cache else Disk(files.base / "cache"))


def _wanted(options: argparse.Namespace, graph: Graph, specs: Mapping[str, NodeSpec]) -> list[str]:
    """The nodes to run."""
    from executor.assign import node_id
    from executor.check import outputs

    return [node_id(graph, name) for name in options.output or ()] or outputs(graph, specs)


def _save_grid(sweep: Sweep, plan: Plan, shown: Mapping[str, Mapping[str, Any]], files: Files) -> None:
    """All pictures of a sweep in one, the values of the last axis from left to right."""
    from PIL import Image

    from diffusion import labels
    from executor import output_files
    from executor.sweep_grid import places

    found, data = places(sweep, plan, shown, files), io.BytesIO()
    pictures = [Image.open(path).convert("RGB") if path else Image.new("RGB", (8, 8)) for path in found.pictures]
    try:
        labels.grid(pictures, found.columns, found.rows, 0, "", labels.THEMES["light"], found.axes).save(data, "PNG")
    except ValueError as error:
        raise Refused(f"--grid: {error}") from None
    (saved,) = output_files.save(files, "output", "grid", "png", [data.getvalue()])
    print(files.root("output") / saved["filename"])


# --- train ---------------------------------------------------------------------------------------


def train(options: argparse.Namespace) -> int:
    """Train a model, or an adapter for one."""
    return training.train(options, _files(options))


# --- check, nodes, convert -----------------------------------------------------------------------


def check_file(options: argparse.Namespace) -> int:
    """Say all that is wrong with a graph."""
    from executor.check import check
    from executor.graph import read

    document = _load(options.file)
    files, specs = _files(options), _specs()
    api = _flat(document, specs, files)
    problems = check(read(api), specs, files)
    errors = [p for p in problems if p.severity == "error"]
    if options.json:
        print(json.dumps([vars(p) for p in problems], indent=2, default=str))
    else:
        _print_problems(problems, sys.stdout)
        print(f"{options.file}: nodes {len(api)}, errors {len(errors)}, warnings {len(problems) - len(errors)}")
    can = not options.reproduce or _reproduce(document, files, sys.stderr if options.json else sys.stdout)
    return INVALID if errors or not can else OK


def _reproduce(document: Document, files: Files, stream: Any) -> bool:
    """Say which of what a picture was made with is here."""
    from executor.reproduce import reproduce

    verdict = reproduce(document, files, _hashes(files))
    print("\n".join(verdict.lines), file=stream)
    return verdict.can


def _print_problems(problems: Sequence[Problem], stream: Any) -> None:
    for problem in problems:
        print(f"{problem.severity}: {problem}", file=stream)


def list_nodes(options: argparse.Namespace) -> int:
    """List the node types, or describe one."""
    from executor.describe import describe, lines
    from executor.nearest import nearest

    files, specs = _files(options), _specs()
    if options.name:
        if options.name not in specs:
            raise Refused(f"there is no node type {options.name!r}{nearest(options.name, list(specs))}")
        info = describe(specs[options.name], files)
        print(json.dumps(info, indent=2) if options.json else "\n".join(lines(info)))
    elif options.markdown:
        from executor.reference import markdown
        from nodes.absent import ABSENT

        print(markdown(specs, ABSENT, files), end="")
    elif options.json:
        print(json.dumps({name: describe(spec, files) for name, spec in sorted(specs.items())}))
    else:
        width = max(map(len, specs))
        for spec in sorted(specs.values(), key=lambda s: (s.category, s.name)):
            print(f"{spec.name:{width}}  {spec.category}: {spec.description.splitlines()[0]}")
    return OK


def convert(options: argparse.Namespace) -> int:
    """Write a graph in the other JSON form."""
    from executor.describe import Descriptions

    document = _load(options.file)
    files, specs = _files(options), _specs()
    form = options.to or ("workflow" if document.workflow is None else "api")
    made = _flat(document, specs, files) if form == "api" else document.editable(Descriptions(specs, files))
    print(json.dumps(made, indent=2))
    return OK


# --- what the commands share ---------------------------------------------------------------------


def _files(options: argparse.Namespace) -> Files:
    base = Path(options.base_directory)
    if not base.is_dir():
        raise Refused(f"the base directory {base} does not exist")
    out = Path(options.out) if getattr(options, "out", None) else None
    if out and out.exists() and not out.is_dir():
        raise Refused(f"--out {out} is no folder")
    return Files(base, output=out)


def _specs() -> dict[str, NodeSpec]:
    import nodes
    from executor.node import registry

    assert nodes.__name__
    return registry


def _load(file: str) -> Document:
    from executor.workflow.document import load

    try:
        return load(sys.stdin.buffer.read(), "standard input") if file == "-" else load(Path(file))
    except OSError as error:
        raise Refused(f"{file}: {error.strerror or error}") from None


def _flat(document: Document, specs: Mapping[str, NodeSpec], files: Files) -> dict[str, Any]:
    """The API graph of a document, for the caller to change; what was guessed on the way is said."""
    from executor.recorded import graph

    flat = graph(document, specs, files, _hashes(files))
    for note in flat.notes:
        print(f"warning: {note}", file=sys.stderr)
    return copy.deepcopy(flat.graph)


def _hashes(files: Files) -> Hashes:
    from executor.hashes import Hashes

    return Hashes(files.base / "cache")


# --- the parser ----------------------------------------------------------------------------------

EXAMPLES = """examples:
  python main.py                            serve the page and the API on this machine
  python main.py run workflows/text_to_image.json
  python main.py run workflows/text_to_image.json --set 2.text="a rocket" --seed 7 --out pictures
  python main.py run workflows/text_to_image.json --sweep 5.seed=1..3 --sweep 5.cfg=4,7 --grid
  python main.py run picture.png            run the graph that a picture carries
  python main.py train owl.toml             train a model, or an adapter for one
  python main.py check workflow.json        say all that is wrong with it
  python main.py nodes KSampler             what a node does, takes and gives
  python main.py convert workflow.json      the editor's form to the API's, or back
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "mezzotint",
        description="A node-graph workflow engine for diffusion models.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--base-directory", default=".", metavar="DIR", help="where models/, input/ and output/ are")
    graph = argparse.ArgumentParser(add_help=False)
    graph.add_argument("file", metavar="FILE", help="a graph in either form, or a picture with one; - is stdin")

    def command(name: str, function: Any, help: str, example: str, *parents: Any) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=f"example:\n  python main.py {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[shared, *parents],
        )
        made.set_defaults(command=function)
        return made

    serves = command("serve", serve, "serve the page and the API (what happens without a command)", "serve --port 8190")
    server.add(serves)
    _device_options(serves)
    example = 'run workflows/text_to_image.json --set 2.text="a rocket"'
    _run_options(command("run", _engine(run), "run a graph", example, graph))
    checks = command(
        "check", _engine(check_file), "say all that is wrong with a graph", "check workflow.json --json", graph
    )
    checks.add_argument("--json", action="store_true", help="print the problems as JSON")
    same = "say whether the models that a picture was made with are here"
    checks.add_argument("--reproduce", action="store_true", help=same)
    training.add(command("train", train, "train a model, or an adapter for one", "train CONFIG.toml"))
    lists = command("nodes", list_nodes, "list the node types, or describe one", "nodes KSampler")
    lists.add_argument("name", nargs="?", metavar="NAME", help="a node type")
    lists.add_argument("--json", action="store_true", help="print the description as /object_info gives it")
    lists.add_argument("--markdown", action="store_true", help="print the page that docs/nodes.md is")
    other, example = "turn one JSON form into the other", "convert workflow.json > api.json"
    converts = command("convert", _engine(convert), other, example, graph)
    converts.add_argument("--to", choices=("api", "workflow"), help="the form wanted; by default the other one")
    return parser


def _run_options(made: argparse.ArgumentParser) -> None:
    many: Any = {"action": "append", "default": []}
    made.add_argument("--set", **many, metavar="NODE.INPUT=VALUE", help="change an input; repeatable")
    values = "a,b,c or 1..10 or 0..1:0.1 or @lines.txt or @table.csv:column or @folder; repeatable: all combinations"
    made.add_argument("--sweep", **many, metavar="NODE.INPUT=VALUES", help=f"a run each: {values}")
    made.add_argument("--grid", action="store_true", help="also save all pictures of a sweep in one, with labels")
    made.add_argument("--seed", type=int, metavar="N", help="the seed of every node that has one")
    made.add_argument("--out", metavar="DIR", help="save here instead of output/")
    made.add_argument("--output", action="append", metavar="NODE", help="run only this node and what it needs")
    made.add_argument("--json-events", action="store_true", help="print every event as a line of JSON")
    made.add_argument("--no-cache", action="store_true", help="compute everything anew and keep nothing on disk")
    _device_options(made)


def _device_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--precision", choices=("auto", "fp32", "bf16", "fp16"), default="auto", help="of the denoiser")
    made.add_argument("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps")


if __name__ == "__main__":
    console()
