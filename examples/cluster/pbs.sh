#!/bin/sh
# Workers of a sweep as a job array of PBS (Torque has #PBS -t for -J):
#
#     qsub -v SWEEP=/shared/sweeps/my examples/cluster/pbs.sh
#
#PBS -J 1-8
#PBS -l select=1:ncpus=4
#PBS -l walltime=02:00:00
#PBS -r y

# A requeued or resubmitted worker continues where its trials saved. PBS sends SIGTERM before
# SIGKILL; exec, so that gan-sweep gets it.
exec gan-sweep worker "$SWEEP"
