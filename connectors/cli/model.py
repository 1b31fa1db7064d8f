"""The model that writes answers: `model serve` runs vLLM, `model check` tries an endpoint."""

import asyncio
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from connectors.cli.command import Invocation, command
from connectors.cli.console import plain
from llm.errors import UsageError

if TYPE_CHECKING:
    from llm.probing import Ability
    from llm.serving import Command, Machine

PANEL = "Service"
_SIGNS = {True: ("✓", "green"), None: ("?", "yellow"), False: ("✗", "red")}

Model = Annotated[
    str | None, typer.Argument(metavar="MODEL", help="A folder, or a name at a hub.", show_default="llm.model")
]
Name = Annotated[str | None, typer.Option(help="What clients call it.", show_default="llm.model, else MODEL")]
Host = Annotated[str, typer.Option(help="127.0.0.1 serves this machine only; 0.0.0.0 the network.")]
Port = Annotated[int, typer.Option(min=1, max=65535)]
Context = Annotated[
    int | None,
    typer.Option("--context", min=512, metavar="TOKENS", help="Longest prompt.", show_default="what fits"),
]
Python = Annotated[
    str | None, typer.Option(metavar="FILE", help="The interpreter that has vLLM.", show_default="that of vllm")
]
Print = Annotated[bool, typer.Option("--print", metavar="", help="Print the command instead of running it.")]
Extra = Annotated[list[str] | None, typer.Argument(metavar="[-- FLAGS]", help="More flags for vLLM itself.")]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    model = typer.Typer(
        help="Run the model that writes answers, or try an endpoint.", no_args_is_help=True, rich_markup_mode="rich"
    )
    command(model, PANEL, json=False, company=False, service=True)(serve)
    command(model, PANEL, company=False)(check)
    app.add_typer(model, name="model", rich_help_panel=PANEL)


async def serve(
    call: Invocation,
    model: Model = None,
    extra: Extra = None,
    name: Name = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    length: Context = None,
    python: Python = None,
    show: Print = False,
) -> None:
    """Run vLLM with flags that suit this machine, and start it again whenever it ends.

    It takes as few of the GPUs as hold the model, and serves a copy on each of the rest; without a GPU it runs on the
    CPU, which is for trying things out. A key set by ANSWERDESK_LLM_API_KEY is asked of its clients. vLLM lives in a
    virtual environment of its own: `pip install vllm` there.

    [not dim]Examples[/]

      [cyan]answerdesk model serve Qwen/Qwen3-8B[/]
      [cyan]answerdesk model serve /srv/models/qwen3-8b --name qwen3 --python /srv/vllm/bin/python[/]
      [cyan]answerdesk model serve Qwen/Qwen3-8B --print -- --max-num-seqs 64[/]

    [not dim]Next:[/] [cyan]answerdesk model check[/] says what it can do and how fast it is.
    """
    from llm.serving import Wanted, find_python, look_around
    from llm.serving import command as vllm_command
    from llm.supervising import supervise

    settings = call.settings.llm
    chosen = model or settings.model
    if not chosen:
        raise UsageError("Which model? Name a folder or a hub's model, such as: answerdesk model serve Qwen/Qwen3-8B")
    chosen = _as_folder(chosen)
    served = name or settings.model or Path(chosen).name
    machine = look_around()
    how = vllm_command(
        Wanted(chosen, served, host, port, python or ("python" if show else find_python()), length, extra or ()),
        machine,
    )
    if show:
        call.out.print(_shell(how), soft_wrap=True)
        return
    call.note(f"Starting vLLM for {served} on {_described(machine)} ...")
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    address = f"{how.health.removesuffix('/health')}/v1"
    with _stop_signals() as stopping:
        await supervise(how, {"VLLM_API_KEY": key} if key else {}, lambda: _announce(call, served, address), stopping)


async def check(
    call: Invocation,
    address: Annotated[str | None, typer.Argument(metavar="ADDRESS", show_default="llm.base_url")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", show_default="llm.model, else the first")] = None,
) -> None:
    """Say what an endpoint can do, and how fast it is: streaming, prefix cache, cancelling, structured output, speed.

    Takes some seconds of the model's time. The exit code is 1 when the model can't be used.

    [not dim]Examples[/]

      [cyan]answerdesk model check[/]
      [cyan]answerdesk model check http://gpu-1:8000/v1 --model qwen3[/]

    [not dim]Next:[/] set ANSWERDESK_LLM_BASE_URL and ANSWERDESK_LLM_MODEL, then [cyan]answerdesk serve[/].
    """
    found: dict[str, list[Ability]] = {}
    for url, settings in await _asked(call, address, model):
        abilities = found.setdefault(url, [])
        if not call.shared.json:
            call.out.print(Text(url, "bold"))
        async for ability in _probed(settings):
            abilities.append(ability)
            if not call.shared.json:
                _show(call, ability)
    call.result({"endpoints": {url: [asdict(each) for each in abilities] for url, abilities in found.items()}})
    if any(abilities[0].works is False for abilities in found.values()):
        raise typer.Exit(1)


def _as_folder(model: str) -> str:
    return str(Path(model).absolute()) if Path(model).is_dir() else model


async def _asked(call: Invocation, address: str | None, model: str | None) -> list[tuple[str, Any]]:
    """The endpoints to try, each with the settings to try it with."""
    from pydantic import ValidationError

    from llm.settings import LLMSettings

    given = call.settings.llm.model_dump() | ({"base_url": address} if address else {})
    try:
        settings = LLMSettings(**given | ({"model": model} if model else {}))
    except ValidationError:
        raise UsageError(f"{address} is no address such as http://127.0.0.1:8000/v1") from None
    if not settings.endpoints:
        raise UsageError("Which endpoint? Name its address, such as: answerdesk model check http://127.0.0.1:8000/v1")
    return [
        (
            str(url),
            settings.model_copy(update={"base_url": str(url), "model": settings.model or await _first(settings)}),
        )
        for url in settings.endpoints
    ]


async def _first(settings: Any) -> str:
    """The first model that is served; any name will do where none can be told, and the probe says so."""
    from llm.endpoint import EndpointChat
    from llm.errors import ModelError

    endpoint = EndpointChat(settings, settings.endpoints[0])
    try:
        return next(iter(await endpoint.models()), "model")
    except ModelError:
        return "model"
    finally:
        await endpoint.close()


def _probed(settings: Any) -> Any:
    from llm.probing import probe

    return probe(settings, settings.endpoints[0])


def _show(call: Invocation, ability: "Ability") -> None:
    sign, style = _SIGNS[ability.works]
    call.out.print(Text.assemble((f"{sign} {ability.name:<18}", style), plain(ability.told)))
    if ability.advice:
        call.out.print(Text.assemble(" " * 20, ("→ ", "bold"), plain(ability.advice)))


def _announce(call: Invocation, name: str, address: str) -> None:
    call.out.print(Text.assemble("\n  ", (name, "bold"), " is served at  ", (address, "bold cyan"), "\n"))
    call.out.print(Text(f"  ANSWERDESK_LLM_BASE_URL={address} ANSWERDESK_LLM_MODEL={name}", "dim"), soft_wrap=True)
    call.out.print(Text("  Ctrl-C stops it.", "dim"))


def _shell(how: "Command") -> Text:
    variables = [f"{name}={shlex.quote(value)}" for name, value in how.variables.items()]
    return Text(" ".join([*variables, shlex.join(how.arguments)]))


def _described(machine: "Machine") -> str:
    if machine.gpus:
        first = machine.gpus[0]
        return f"{len(machine.gpus)} x {first.name} ({first.memory_gb:.0f} GB)"
    return f"{machine.cores} CPU cores ({machine.free_gb:.0f} GB free)"


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stopping.set)
    try:
        yield stopping
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)
