"""A worker of `onfh watch` that does what the name of a study says, and notes in OUT that it worked on it."""

import json
import os
import signal
import sys
import time
from pathlib import Path

from onfh_nnunet.nnunet.worker_process import end_with_parent


def main():
    end_with_parent()
    job = json.loads(Path(sys.argv[1]).read_text())
    with Path(job["out"], "worked").open("a") as log:
        log.write(f"{job['study']} {os.getpid()}\n")
    if job["study"].startswith("deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    if job["study"].startswith("held") and not Path(job["out"], "go").exists():
        time.sleep(600)
    away = job["study"].startswith("away") and not Path(job["out"], "go").exists()
    state, stop = ("waiting", None) if away else ("done", None)
    if job["study"].startswith("stop"):
        state, stop = "waiting", ["the model", "is damaged", "Export it again"]
    sys.stdout.write(json.dumps({"state": state, "reason": "as its name says", "stop": stop}) + "\n")


if __name__ == "__main__":
    main()
