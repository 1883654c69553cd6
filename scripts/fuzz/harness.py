"""Running the program on mutants: what no input may cause, whatever it is."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
for folder in ("tests/cli", "tests/reference", "scripts/phantom"):
    if str(REPOSITORY / folder) not in sys.path:
        sys.path.append(str(REPOSITORY / folder))

from dicom_series import IDENTITY  # noqa: E402

SECONDS_PER_RUN = 300
SANITIZER_SIGNS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "UndefinedBehaviorSanitizer")


@dataclass
class Tally:
    """What became of the mutants of one kind."""

    mutants: int = 0
    codes: Counter = field(default_factory=Counter)  # error code, or `accepted`, of each mutant
    findings: list = field(default_factory=list)

    def find(self, mutant, what):
        self.findings.append(f"{mutant}: {what}")


@dataclass
class Result:
    code: int
    out: str
    err: str


class Program:
    """The executable, run in a folder with relative paths, so that an absolute path in a message is a leak."""

    def __init__(self, path, folder: Path):
        self.path = str(Path(path).resolve())
        self.folder = folder.resolve()
        self.sanitizer_logs = self.folder / "sanitizer"
        self.sanitizer_logs.mkdir(exist_ok=True)

    def _environment(self):
        logs = f"log_path={self.sanitizer_logs}/report:exitcode=99"
        return {**os.environ, "SLURM_CPUS_PER_TASK": "1", "OMP_NUM_THREADS": "1", "ASAN_OPTIONS": logs, "UBSAN_OPTIONS": f"{logs}:print_stacktrace=1"}

    def run(self, *arguments, allowed, tally: Tally, mutant, timeout=SECONDS_PER_RUN) -> Result:
        """Runs it; a death, a hang, an exit code outside `allowed`, a sanitizer report or a leak becomes a finding."""
        command = [self.path, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, cwd=self.folder, env=self._environment(), timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            tally.find(mutant, f"hang: {' '.join(command[1:])} took longer than {timeout} s")
            return Result(-1, "", "")
        result = Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        if result.code not in allowed:
            how = f"death by signal {-result.code}" if result.code < 0 else f"exit code {result.code}"
            tally.find(mutant, f"{how} of {' '.join(command[1:])}: {result.err[-400:]}")
        self._look_for_reports(result, tally, mutant)
        look_for_leaks(result.err, self.folder, tally, mutant)
        return result

    def _look_for_reports(self, result, tally, mutant):
        for log in self.sanitizer_logs.iterdir():
            text = log.read_text(errors="replace")
            tally.find(mutant, f"sanitizer report: {text[:1500]}")
            log.unlink()
        if any(sign in result.err for sign in SANITIZER_SIGNS):
            tally.find(mutant, f"sanitizer report: {result.err[-1500:]}")


def look_for_leaks(text, folder, tally, mutant):
    """Absolute paths and the planted identities of the DICOM seeds."""
    if str(folder) in text:
        tally.find(mutant, f"absolute path in a message: {text[max(0, text.index(str(folder)) - 200) :][:500]}")
    for value in IDENTITY.values():
        if value in text:
            tally.find(mutant, f"identity '{value}' in a message or report")


def strict_json(text):
    """JSON without NaN and infinities."""

    def refuse(constant):
        raise ValueError(f"{constant} in JSON")

    return json.loads(text, parse_constant=refuse)


def report_of(out: Path, name, folder, tally: Tally):
    """A case's report; none, and a finding, if there is none or it is no valid JSON."""
    try:
        text = (out / name / "report.json").read_text(encoding="utf-8")
        look_for_leaks(text, folder, tally, name)
        return strict_json(text)
    except (OSError, ValueError) as error:
        tally.find(name, f"no valid report: {error}")
        return None


def note_outcome(name, report, tally: Tally):
    """Counts the case and returns whether it was accepted."""
    if report["status"] != "failed":
        tally.codes["accepted"] += 1
        return True
    code = report["error"]["code"]
    tally.codes[code] += 1
    if code in ("internal_error", "reader_timeout"):
        tally.find(name, f"{code}: {report['error']['message']}")
    return False
