#!/usr/bin/env bash
# Runs a cohort as a Slurm job array, a chunk of the cases per task, and merges the chunks at the end.
set -euo pipefail

usage() {
  cat <<'EOT'
Usage: scripts/cluster/slurm_array.sh [OPTION...] -o OUT INPUT... [-- PREDICT_OPTION...]

Submits a job array of N tasks, each `cordlesion predict INPUT... --shard I/N --resume` into
OUT-chunks/I, and a job that waits for all of them. That job submits the chunks that died (killed,
out of memory or time, node lost) once more, where they go on from the last complete case, and
merges all chunks into OUT when none is left. Start-up is paid once per chunk.

  -o OUT          folder of the merged results; the chunks and their messages go to OUT-chunks,
                  which may be deleted afterwards (with OUT, if the same command is to run again)
  --chunks N      tasks of the array [4]
  --rounds R      how often the chunks are submitted at most [3]
  --program FILE  the executable [build/release/cordlesion of this tree, else cordlesion]
  --sbatch OPTS   options of sbatch for all jobs, in one word, for example
                  --sbatch "--partition=gpu --gres=gpu:1 --cpus-per-task=4 --mem=8G --time=4:00:00"
  --help          show this text

Prints the number of the waiting job. When it has ended, OUT-chunks/log/merge.txt says how it went.
The same command again goes on where the jobs ended: complete cases are not computed again. Cases
may have come or gone, and --chunks may be another: what a chunk holds that is not its own any more
is left out. All jobs get the options of --sbatch. Cases that failed do not make a job fail.

Example:
  scripts/cluster/slurm_array.sh -o out --chunks 16 --sbatch "--cpus-per-task=4" cohort/ -- --all-nodes
EOT
}

fail() { echo "slurm_array.sh: $1" >&2; exit 2; }

# Of one chunk: its exit code in OUT-chunks/I.exit is the mark that predict came to its end.
run_chunk() {
  local code=0 i=$SLURM_ARRAY_TASK_ID
  rm -f "$work/$i.exit"
  "$program" predict "${inputs[@]}" -o "$work/$i" --shard "$i/$chunks" --resume "${options[@]}" || code=$?
  echo "$code" > "$work/$i.exit"
  [ "$code" -eq 8 ] || return "$code" # 8: complete, with cases that failed
}

# Submits the chunks named (for example 1-4 or 2,3) and the job that waits for them.
submit() { # sbatch_options is several words
  # shellcheck disable=SC2086
  local array=$1 round=$2 job
  job=$(sbatch --parsable $sbatch_options --job-name=cordlesion --array="$array" --open-mode=append \
    --output="$work/log/%a.txt" "$script" --run-chunk "$work")
  job=$(sbatch --parsable $sbatch_options --job-name=cordlesion-merge --dependency="afterany:${job%%;*}" \
    --open-mode=append --output="$work/log/merge.txt" "$script" --finish "$work" "$round")
  echo "${job%%;*}" | tee "$work/job"
}

# Merges the chunks, or submits those again that did not come to their end.
finish() {
  local round=$1 code died=() i
  for ((i = 1; i <= chunks; i++)); do
    code=$(cat "$work/$i.exit" 2> /dev/null || echo none)
    case $code in
      0 | 8) ;; # complete; 8: with failed cases
      2 | 3 | 4 | 5) fail "chunk $i ended with exit code $code, see $work/log/$i.txt; another try would not help" ;;
      *) died+=("$i") ;;
    esac
  done
  if [ ${#died[@]} -eq 0 ]; then
    echo "merging $chunks chunks into $out"
    code=0
    "$program" merge "${folders[@]}" -o "$out" --overwrite || code=$?
    [ "$code" -eq 8 ] || return "$code"
    echo "complete; some cases failed, see $out/failures.tsv"
    return 0
  fi
  [ "$round" -lt "$rounds" ] || fail "chunks ${died[*]} did not come to their end in $rounds rounds, see $work/log"
  echo "round $round: chunks ${died[*]} did not come to their end and are submitted again"
  submit "$(IFS=,; echo "${died[*]}")" $((round + 1))
}

# Jobs: the settings of the submission lie in OUT-chunks/settings.sh, for Slurm runs a copy of this script.
if [ "${1:-}" = --run-chunk ] || [ "${1:-}" = --finish ]; then
  # shellcheck source=/dev/null
  source "$2/settings.sh"
  if [ "$1" = --run-chunk ]; then run_chunk; else finish "$3"; fi
  exit
fi

script=$(realpath "$0")
program=$(dirname "$script")/../../build/release/cordlesion
[ -x "$program" ] || program=$(command -v cordlesion || true)
out="" chunks=4 rounds=3 sbatch_options="" inputs=() options=() folders=()
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) usage; exit 0 ;;
    --) shift; options=("$@"); break ;;
    -o | --chunks | --rounds | --program | --sbatch)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case "$1" in
        -o) out=$2 ;;
        --chunks) chunks=$2 ;;
        --rounds) rounds=$2 ;;
        --program) program=$2 ;;
        --sbatch) sbatch_options=$2 ;;
      esac
      shift 2 ;;
    -*) fail "unknown option $1; options of predict go after --" ;;
    *) inputs+=("$1"); shift ;;
  esac
done
[ -n "$out" ] || fail "no output folder; give one with -o"
[ ${#inputs[@]} -gt 0 ] || fail "no input"
[[ $chunks =~ ^[1-9][0-9]*$ ]] || fail "--chunks $chunks: a number from 1 expected"
[[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "--rounds $rounds: a number from 1 expected"
[ -x "$program" ] || fail "no executable cordlesion; build it or give it with --program"
command -v sbatch > /dev/null || fail "sbatch not found; this script needs Slurm"

out=$(realpath -m "$out")
work=$out-chunks
if [ -s "$work/job" ] && squeue --noheader --jobs="$(cat "$work/job")" 2> /dev/null | grep -q .; then
  fail "job $(cat "$work/job") still works on $work; wait for it to end, or cancel it"
fi
# What was merged before is replaced; results of anything else are not.
if [ ! -e "$work" ] && { [ -e "$out/run.json" ] || compgen -G "$out/*/report.json" > /dev/null; }; then
  fail "$out holds results, but not of $work, which is not there; move it away or choose another -o"
fi
mkdir -p "$work/log"
rm -f "$work"/*.exit
for ((i = 1; i <= chunks; i++)); do folders+=("$work/$i"); done
declare -p script program out work chunks rounds sbatch_options inputs options folders > "$work/settings.sh"
submit "1-$chunks" 1
