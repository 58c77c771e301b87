"""One step of gpu_check.py: time limit, programs and result files."""

import json
import os
import signal
import statistics
import subprocess
import time

from gpu_machine import HERE, PROGRAM, RESULTS


class Check:
    """One step: its time limit, its files and its rows of the table."""

    def __init__(self, step, device, size, end):
        self.step, self.device, self.size, self.end = step, device, size, end
        self.rows, self.failures, self.records = [], [], []
        for kind in ("txt", "json"):
            (RESULTS / f"{step}.{kind}").write_text("")

    def left(self):
        return self.end - time.monotonic()

    def run(self, command, env=None, share=1.0, text=None):
        """Returns the lines of JSON that a program prints, even if it fails or is stopped at its time limit."""
        limit = self.left() * share
        name = " ".join(str(word) for word in command[1:6])
        if limit < 1:
            return [self.failed(f"{name}: no time left")]
        with open(RESULTS / f"{self.step}.txt", "a+") as log:
            log.write(f"$ {name}\n")
            log.flush()
            start = log.tell()
            process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.PIPE, text=True,
                env={**os.environ, **(env or {})}, cwd=HERE, start_new_session=True)
            done = communicated(process, text, limit)
            log.seek(start)
            lines = log.read().splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        if done is None:
            found.append(self.failed(f"{name}: stopped after {limit:.0f} s"))
        elif done not in (0, 1) or (done == 1 and not any("agrees" in row for row in found)):
            found.append(self.failed(f"{name}: {told(lines)[:300]}"))
        return found

    def ours(self, *arguments, **options):
        return self.run([str(PROGRAM), *arguments], **options)

    def failed(self, reason):
        self.failures.append(reason)
        return {"error": reason}

    def row(self, what, ours, *peers):
        """Adds a row to the table: what, Semivox, PyTorch with TF32, with bf16, ratio of Semivox to TF32."""
        self.rows.append([self.step, what, ours, *peers, *["–"] * (3 - len(peers))])
        self.keep()

    def record(self, **values):
        self.records.append(values)
        self.keep()

    def keep(self):
        (RESULTS / f"{self.step}.json").write_text(json.dumps(
            {"rows": self.rows, "failures": self.failures, "records": self.records}, indent=1))


def communicated(process, text, limit):
    """Returns the exit code, or None at the time limit; the program may then save its results."""
    try:
        process.communicate(text, timeout=limit)
        return process.returncode
    except subprocess.TimeoutExpired:
        for order in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(process.pid, order)
                process.wait(timeout=5)
                return None
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break
        return None


def told(lines):
    """Returns the message of a program that failed: a panic with its cause, or the last line of its output."""
    panics = [at for at, line in enumerate(lines) if "panicked at" in line]
    if panics:
        return " ".join(lines[panics[0]:panics[0] + 2])
    return next((line for line in reversed(lines) if line.strip()), "no message")


def median(found):
    return statistics.median(found["seconds"])


def seconds(found, memory=True):
    if "seconds" not in found:
        return f"not measured: {found.get('error', 'no figure')}"
    peak = f", {found['peak_bytes'] / 1e9:.2f} GB" if memory else ""
    return f"{median(found) * 1e3:.2f} ms{peak}"


def share(ours, theirs):
    both = "seconds" in ours and "seconds" in theirs
    return f"{median(ours) / median(theirs):.2f}" if both else "–"
