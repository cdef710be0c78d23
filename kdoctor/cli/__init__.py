"""The command line: parsing here, the work in `kdoctor.run`, the looks in `kdoctor.report`."""

from __future__ import annotations

import contextlib
import os
import sys

from kdoctor.errors import KdoctorError

INTERRUPTED = 130
FAILED = 4


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; the one place where errors become exit statuses."""
    status = FAILED
    try:
        status = _status(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `kdoctor ... | head`
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        status = INTERRUPTED
    raise SystemExit(status)


def _status(arguments: list[str] | None) -> int:
    import typer

    from kdoctor.cli.app import app

    try:
        code = app(args=arguments, prog_name="kdoctor", standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    except typer.Abort:
        return INTERRUPTED
    except KdoctorError as error:
        _say(str(error))
        return error.exit_status
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  (the boundary)
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            # a usage error of click's, which typer carries under a name of its own since 0.20
            error.show()
            return int(error.exit_code)
        from kdoctor.cli.crash import log

        where = log(error)
        _say(f"kdoctor itself failed ({type(error).__name__}); please report it" + (f" with {where}" if where else ""))
        return FAILED
    return code if isinstance(code, int) else 0


def _say(text: str) -> None:
    from kdoctor.masking import mask

    print(f"kdoctor: {mask(text)}", file=sys.stderr)
