"""The group ``ringfence api``: which API, by which key, and what becomes of errors."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click

from ringfence.client import ApiError, Client, ClientError
from ringfence.entry.api.output import Output

DEFAULT_URL = "http://127.0.0.1:8080"


class _Command(click.Command):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--json"], is_flag=True, expose_value=False, callback=_choose_json,
                help="Print what the API answers, as JSON.",
            )
        )  # fmt: skip


def _choose_json(ctx: click.Context, _: click.Parameter, chosen: bool) -> None:
    if chosen:
        ctx.find_object(Output).as_json = True  # type: ignore[union-attr]


class _Group(click.Group):
    """Commands whose errors of the API are one line on standard error, and exit status 1."""

    command_class = _Command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ApiError as error:
            _end(f"{error.code}: {error.message}", error)
        except ClientError as error:
            _end(f"connection_failed: {error}")
        except BrokenPipeError:
            raise
        except (ValueError, OSError) as error:
            _end(f"invalid_input: {error}")


class Commands(click.Group):
    """A group whose commands take ``--json``."""

    command_class = _Command


def _end(text: str, error: ApiError | None = None) -> NoReturn:
    click.echo(f"ringfence: {text}", err=True)
    for problem in error.details.get("problems", []) if error is not None else []:
        if isinstance(problem, dict):
            shown = " ".join(str(value) for value in problem.values() if value not in (None, ""))
            click.echo(f"  {shown}", err=True)
    sys.exit(1)


@click.group("api", cls=_Group)
@click.option(
    "--url",
    envvar="RINGFENCE_URL",
    default=DEFAULT_URL,
    show_default=True,
    help="Where the API is, without /api/v1. [env: RINGFENCE_URL]",
)
@click.option(
    "--key",
    envvar="RINGFENCE_API_KEY",
    help="API key. Better in the environment, where other users cannot read it. "
    "[env: RINGFENCE_API_KEY]",
)
@click.option("--purpose", help="What personal data is opened for. Default: the key's first.")
@click.option("--ca-file", type=click.Path(exists=True), help="Certificates to trust (PEM).")
@click.pass_context
def api_command(
    ctx: click.Context,
    url: str,
    key: str | None,
    purpose: str | None,
    ca_file: str | None,
) -> None:
    """Use the REST API of this or another installation, as the holder of an API key.

    Needs no access to the installation's files or database. The other commands do.
    """

    def connect() -> Client:
        if not key:
            raise click.UsageError("set RINGFENCE_API_KEY to an API key")
        return Client(url, key, purpose=purpose, ca_file=ca_file)

    ctx.obj = Output(connect)
    ctx.call_on_close(ctx.obj.close)
