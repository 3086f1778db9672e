#!/usr/bin/env bash
# Trains the runs of a table as a Slurm array, one run a task; from the checkout:
#   sbatch --array=0-26 reproduce/slurm.sh table1 --epochs 300
#   bash reproduce/table1.sh     # afterwards: the table, read from the records
# Words after the command's name are its options; `bash reproduce/table1.sh --list`
# prints what each task does (0-26 are Table 1's runs, 0-17 Table 2's). From elsewhere:
# sbatch --chdir=CHECKOUT ... A task that ended early goes on from its last epoch when it
# is requeued or submitted again. It computes with the cores of --cpus-per-task.
#SBATCH --job-name=asr
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
script=reproduce/${1:-}.sh # Slurm runs a copy of this file, in the checkout
if [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
    echo "error: submit it: sbatch --array=0-26 reproduce/slurm.sh table1 ..." >&2
elif ! [ -e reproduce/bootstrap.sh ]; then
    echo "error: $PWD is no checkout: submit from it, or give sbatch --chdir=DIR" >&2
elif ! [ -e "$script" ]; then
    echo "error: ${1:-no command} is not one of reproduce/*.sh; for example table1" >&2
else
    exec bash "$script" "${@:2}" --index "$SLURM_ARRAY_TASK_ID"
fi
exit 2
