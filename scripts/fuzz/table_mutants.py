"""Mutated case lists, label tables and cohort tables, and the cases that Python reads in those that are accepted."""

import csv
import json
import random
import shutil
from pathlib import Path

from byte_mutations import mutated
from harness import Program, Tally

EXIT_CODES = {0, 2, 3, 8}
LABELS = {"astrocytoma", "ependymoma", "ms", "nmosd", "healthy"}
CELLS = (  # fmt: skip
    "", " ", "n/a", '"a"', '"', "a\tb", "c0", "c1", "../c0", "/etc/passwd", "x" * 300, "\xe9", "\0", "0", "-1", "nan", "1e999", "ms", "MS",
    "image", "case_id", "label", "in/c0.nii", "in/c9.nii", "in", "=1+1",
)
CASES = 4


def case_list(_rng):
    return [["case_id", "image"], *([f"c{i}", f"in/c{i}.nii"] for i in range(CASES))]


def label_table(rng):
    labels = ["ms", "nmosd", "astrocytoma", "healthy"]
    return [["case_id", "label", "age", "sex"], *([f"c{i}", labels[i], str(rng.randint(20, 70)), rng.choice("MF")] for i in range(CASES))]


def cohort_table(_rng):
    return [["case_id", "image", "mask", "label", "split"], *([f"c{i}", f"in/c{i}.nii", "in/c0.nii" if i == 0 else "", "ms", "train"] for i in range(CASES))]


def change_cells(rng, rows):
    row = rng.randrange(len(rows))
    column = rng.randrange(len(rows[row]))
    action = rng.randrange(5)
    if action < 2:
        rows[row][column] = rng.choice(CELLS)
    elif action == 2:
        del rows[row][column]
    elif action == 3:
        rows.insert(row, list(rng.choice(rows)))
    else:
        rows[row].append(rng.choice(CELLS))


def mutant(kind, seed, number):
    rng = random.Random(f"{seed} {kind} {number}")
    rows = TABLES[kind][0](rng)
    for _ in range(rng.choice((1, 1, 2)) if number > 2 else 0):
        change_cells(rng, rows)
    end = rng.choice(("\n", "\n", "\r\n"))
    content = (rng.choice(("", "", "\ufeff")) + "".join("\t".join(row) + end for row in rows)).encode()
    return mutated(rng, content) if number > 2 and rng.random() < 0.4 else content


def unquoted(cell):
    cell = cell.strip(" ")
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        cell = cell[1:-1].replace('""', '"').strip(" ")
    return cell


def rows_of(content: bytes):
    """The rows as dictionaries. Raises if a row is longer than the header or a column occurs twice."""
    lines = [line.rstrip("\r") for line in content.decode("utf-8-sig", errors="surrogateescape").split("\n")]
    header = [unquoted(cell) for cell in lines[0].split("\t")]
    rows = []
    for line in lines[1:]:
        cells = [unquoted(cell) for cell in line.split("\t")]
        if any(cells):
            if len(cells) > len(header):
                raise ValueError(f"row of {len(cells)} cells")
            rows.append(dict(zip(header, cells + [""] * len(header))))
    return header, rows


def expected_cases(kind, content, folder: Path):
    """The ids that an accepted table may yield. Raises if the table must be refused."""
    header, rows = rows_of(content)
    if kind == "labels":
        header = [name.lower() if name.lower() in ("case_id", "label", "age") else name for name in header]
        rows = [dict(zip(header, row.values())) for row in rows]
    named = [name for name in header if name]
    if len(set(named)) < len(named):
        raise ValueError("a column occurs twice")
    ids = [row["case_id"] for row in rows]
    if len(set(ids)) < len(ids) or not all(ids):
        raise ValueError("an id is empty or occurs twice")
    for row in rows:
        if kind == "labels" and row["label"].lower() not in LABELS:
            raise ValueError(f"label {row['label']}")
        if kind != "labels" and not (folder / row["image"]).exists():
            raise ValueError(f"image {row['image']}")
    return sorted(ids)


def listed_cases(program, result):
    return sorted(case["case_id"] for case in json.loads(result.out))


def prepared_cases(program, result):
    table = (program.folder / "table-out/prepared.tsv").read_text(encoding="utf-8", errors="replace")
    return sorted(row["case_id"] for row in csv.DictReader(table.split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE))


def evaluated_count(program, result):
    return json.loads((program.folder / "table-out/metrics.json").read_text())["cases"]["labelled"]


# kind: its table, the command that reads it, and what the command made of it
TABLES = {
    "cases": (case_list, ("scan", "--cases", "table.tsv", "--json"), listed_cases),
    "labels": (label_table, ("evaluate", "--predictions", "predictions", "--labels", "table.tsv", "-o", "table-out"), evaluated_count),
    "cohort": (cohort_table, ("prepare", "--cohort", "table.tsv", "-o", "table-out", "--models", "package"), prepared_cases),
}


def check(kind, program, result, content, find):
    try:
        expected = expected_cases(kind, content, program.folder)
    except Exception as error:  # whatever Python says of the table
        return find(f"wrong success: the oracle refuses this table: {error}")
    found = TABLES[kind][2](program, result)
    if kind == "labels":
        expected = len(expected)
    same = found == expected if result.code == 0 or kind != "cohort" else set(found) <= set(expected)
    if not same:
        find(f"wrong success: found {found}, oracle {expected}")
    return None


def run_batch(seed, numbers, program: Program, tally: Tally):
    """Gives each table to the command that reads it."""
    for number in numbers:
        kind = list(TABLES)[number % len(TABLES)]
        name = f"table-{number}"
        shutil.rmtree(program.folder / "table-out", ignore_errors=True)
        content = mutant(kind, seed, number)
        (program.folder / "table.tsv").write_bytes(content)
        tally.mutants += 1
        result = program.run(*TABLES[kind][1], allowed=EXIT_CODES, tally=tally, mutant=name)
        accepted = result.code in (0, 8)
        tally.codes["accepted" if accepted else f"exit {result.code}"] += 1
        if accepted:
            check(kind, program, result, content, lambda what, name=name: tally.find(name, f"{what} ({kind})"))
