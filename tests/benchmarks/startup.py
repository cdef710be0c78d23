"""How much longer `kdoctor explain --no-probe` of one line takes than a typer program that only prints it.

    python -m tests.benchmarks.startup [RUNS]

Both run with this interpreter and its packages. Prints the median wall times and their ratio.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINE = (
    'Error response from daemon: Get "https://registry-1.docker.io/v2/": '
    "proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused"
)
BARE = """import typer
app = typer.Typer()
@app.command()
def main(text: str) -> None:
    print(text)
app()
"""


def seconds(command: list[str], env: dict[str, str]) -> float:
    """Return the wall time of one run."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    return time.perf_counter() - began


def measure(runs: int = 15) -> tuple[float, float]:
    """Return the median seconds of the bare program and of kdoctor, run in turn."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bare.py"
        script.write_text(BARE)
        env = {**os.environ, "XDG_CACHE_HOME": folder}
        bare = [sys.executable, str(script), LINE]
        ours = [sys.executable, "-m", "kdoctor", "explain", "--no-probe", LINE]
        for command in (bare, ours):
            seconds(command, env)  # the first run writes bytecode and the rules' cache
        pairs = [(seconds(bare, env), seconds(ours, env)) for _ in range(runs)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def main() -> None:
    """Print the figures."""
    bare, ours = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    print(
        f"typer program {bare * 1000:.0f} ms, kdoctor explain --no-probe {ours * 1000:.0f} ms, ratio {ours / bare:.2f}"
    )


if __name__ == "__main__":
    main()
