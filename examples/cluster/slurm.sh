#!/bin/sh
# Workers of a sweep as a job array of SLURM, for those who want another script than the one that
# `gan-sweep my.toml --slurm` submits:
#
#     gan-sweep my.toml --dry-run                       # look at the trials
#     gan-sweep my.toml --slurm --tasks 8 --sbatch="--partition=gpu --gres=gpu:1 --time=2:00:00"
#
# or, with this file, after the folder of the sweep exists:
#
#     sbatch --export=ALL,SWEEP=/shared/sweeps/my examples/cluster/slurm.sh
#
#SBATCH --array=1-8
#SBATCH --requeue
#SBATCH --time=02:00:00
#SBATCH --cpus-per-task=4
#SBATCH --open-mode=append
# Two minutes before the limit: the trials save, and the task requeues itself.
#SBATCH --signal=B:USR1@120

# exec: the signals are for gan-sweep.
exec gan-sweep worker "$SWEEP"
