"""``python -m exchange``: conversations out of a store, and in from other products.

Exit codes: 0; 1 when it failed, or when nobody knows what a file is; 2 for a command line that cannot be read; 130 for
an import that was stopped.
"""

import os

import typer

from .commands import export_command, import_command, migrate
from .commands.common import collect_seldom

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Conversations out of a store of Threadkeep's or of any app with its data layer, and in."""
    os.umask(0o077)  # what is written is for its owner only


app.command("export")(export_command)
app.command("import")(import_command)
app.add_typer(migrate, name="migrate")

if __name__ == "__main__":
    collect_seldom()
    app(prog_name="python -m exchange")
