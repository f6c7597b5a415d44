#!/bin/bash
# Two machines of eight GPUs, as often as needed: `sbatch examples/scale/slurm.sh`. The run's folder is on a shared disk.
#SBATCH --job-name=faces
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --time=04:00:00
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@120

# Two minutes before its time is over the script hears SIGUSR1; so it does when you say `scancel --batch --signal=USR1 JOB`.
# srun passes SIGTERM on to torchrun, which passes it on to the processes: they save the run and leave.
again=
trap 'again=yes; kill -TERM "$step"' USR1

first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun torchrun \
    --nnodes "$SLURM_NNODES" --nproc-per-node 8 --max-restarts 3 \
    --rdzv-backend c10d --rdzv-endpoint "$first:29500" --rdzv-id "$SLURM_JOB_ID" \
    -m saddle train r3gan --data photos/ --out runs/faces --resume auto --grace 20s &
step=$!
wait "$step"
while kill -0 "$step" 2>/dev/null; do wait "$step"; done
wait "$step"
code=$?

# The run is not over, so the job is put into the queue once more; the same command goes on.
[ -n "$again" ] && scontrol requeue "$SLURM_JOB_ID"
exit "$code"
