"""Words that people bring from elsewhere, and what says the same here: a table, and nothing else.

In what is written, {value} stands for the text given, or for `example` where there was none or it does not fit; the
other names in braces are worked out of it (`VALUES` in advice.py). Of several ways the first that fits is proposed.
"""

from __future__ import annotations

from typing import NamedTuple


class Synonym(NamedTuple):
    """What a word means, and how it is written here."""

    meaning: str
    ways: tuple[str, ...]  # options, or a whole command
    example: str = ""
    also: str = ""  # another word of this table, whose way is told in brackets
    plays: bool = False  # does it change the game, so that what it needs besides is looked for?


RATE = Synonym("the learning rate", ("--optimizer.lr {value}",), "2e-4", "d-lr")
CRITIC_RATE = Synonym("the critic's learning rate", (
    "--critic-optimizer.lr {value}", "--critic-optimizer {critic_optimizer}"), "4e-4")  # fmt: skip
MADE = Synonym("the size of the latents", ("--networks.latent {value}", "--networks.networks.latent {value}"), "128")
MOVES = Synonym("how often the critic moves in a round", ("--turns.critic {value}",), "2")
LOSS = Synonym("the loss", ("--objective {objective}",), "hinge", plays=True)
SLOPE = Synonym("the gradient penalty", ("--penalties {gradient_penalty}",), "10", plays=True)
REALS = Synonym("R1, half of gamma times the squared slope at the reals,", ("--penalties {r1}",), "10", plays=True)
BATCHES = Synonym("the length, in images,", ("--images {images}",), "10000")
THOUSANDS = Synonym("the length, in images,", ("--images {thousands}",), "100")
AVERAGE = Synonym("the half-life of the average, in images,", ("--ema {half_life}",), "0.999")
HALF_LIFE = Synonym("the half-life of the average, in images,", ("--ema {thousands}",), "10")
AUGMENT = Synonym("augmentation as strong as the critic needs", ('--views "ADA()"', '--views "DiffAugment()"'),
                  plays=True)  # fmt: skip
HALF = Synonym("bfloat16 where it is safe", ("--precision bfloat16",))
FULL = Synonym("full precision", ("--precision float32",))
GPUS = Synonym("training on several GPUs", ("torchrun --nproc-per-node {value} -m saddle train {recipe}",), "2")
LOADERS = Synonym("images are decoded once into a cache, or by a thread for each core (--decode), so no workers load "
                  "them; the number of threads that calculate", ("--threads {value}",), "2")  # fmt: skip
KEPT = Synonym("decoding images once, into a cache,", ("--decode once",))
STREAMED = Synonym("decoding images on the fly, without a cache,", ("--decode on-the-fly",))
BATCH = Synonym("the batch", ("--batch {value}",), "64")
FOLDER = Synonym("the place for what is made", (
    "--out {value}", "-n 64 --out {value}", "--to {value}", "--html {value}",
    "--json {value}.json"), "runs/mine")  # fmt: skip
SIDE = Synonym("the side of the images, in pixels,", ("--size {value}",), "64")
DATA = Synonym("the data", ("--against {value}", "--data {value}"), "glyphs")
GPU = Synonym("training on a GPU", ("--device {device}",), "cuda")
CPU = Synonym("training without a GPU", ("--device cpu",))
SAVED = Synonym("how many seconds lie between two checkpoints", ("--checkpoints {value}",), "60")
BOARD = Synonym("files for TensorBoard, in the run's folder,", ("--board",))
WANDB = Synonym("Weights & Biases, under a project's name,", ("--wandb {value}",), "my-project")
ON = Synonym("a run is gone on with by its folder:", ("saddle resume {value}",), "runs/001-dcgan-glyphs")
MANY = Synonym("how many samples", ("-n {value}", "--measure fid --samples {value}"), "2000")
SHEETS = Synonym("how many sheets of samples are drawn", ("--pictures {value}",), "8")
MIRROR = Synonym("mirroring", ("--flip",))
FILM = Synonym("a film of the whole way", ("--film webp",))
PSI = Synonym("the truncation of styles", ("--truncation {value}",), "0.7")
CUTOFF = Synonym("how many layers have truncated styles", ("--cutoff {value}",), "4")
PRINCIPAL = Synonym("the principal directions of styles", ("--by pca",))
WPLUS = Synonym("a style for each layer", ("--space w+",))
WIDTH = Synonym("the width of the networks", ("--networks.width {value}",), "32")
PARTS = Synonym("playing each batch in parts", ("--accumulate {value}",), "4")
FITTING = Synonym("finding in how many parts a batch fits into memory", ("--fit",))
SHARED_OUT = Synonym("dividing large weights among torchrun's processes", ("--shard",))
AGAIN = Synonym("working activations out again instead of keeping them", ("--recompute",))
FIGURES = Synonym("measuring while it trains", ("--measure {metrics}", "--metrics {metrics}"), "fid")
FIRST_BETA = Synonym("Adam's first beta", ("--optimizer.betas {first_beta}",), "0.5")
SECOND_BETA = Synonym("Adam's second beta", ("--optimizer.betas {second_beta}",), "0.99")
PULL = Synonym("what moves the weights", ("--optimizer {optimizer}",), "adam")
CUT = Synonym("clipping of the critic's weights", ("--constraint {clip}",), "0.01", plays=True)
SOFT = Synonym("one-sided label smoothing", ("--objective {smoothed}",), "0.1", plays=True)
NOISE = Synonym("noise on what the critic sees", ("--views {noise}",), "0.1", plays=True)

HALF_OF_PAIRS = Synonym("which half of images side by side is translated", ("--source {half}",), "BtoA")
ERROR = Synonym("the weight of the mean absolute error", ("--l1 {value}",), "100")
CYCLE = Synonym("the weight of the error after there and back", ("--cycle {value}",), "10")
STAY = Synonym("how much pictures of the wanted kind should stay", ("--identity {value}", "--identity"), "0.5")
POOL = Synonym("how many earlier pictures the critic is shown too", ("--pool {value}",), "50")
CONTRAST = Synonym("the weight of the patches' contrast", ("--contrast {value}",), "1")
PATCHES = Synonym("how many patches are compared", ("--patches {value}",), "256")
HEAT = Synonym("what likeness is divided by", ("--temperature {value}",), "0.07")
FIELD = Synonym("the pixels of a side that each score sees", ("--networks.field {field}",), "3")
BLOCKS = Synonym("how many residual blocks there are", ("--networks.blocks {value}",), "6")
UNDROPPED = Synonym("a generator without dropout", ("--networks.dropout 0",))
BANDS = Synonym("how many channels images have", ("--channels {value}",), "3")
FADE = Synonym("a rate that stays, and then falls to nothing, over shares of the run,",
               ('--optimizer.lr "Linear(2e-4, 0.0, after=0.5)"',))  # fmt: skip

TRANSLATION: dict[str, Synonym] = {
    **dict.fromkeys(("direction", "which-direction"), HALF_OF_PAIRS),
    **dict.fromkeys(("lambda-l1", "l1-weight", "l1-lambda", "lambda-pixel"), ERROR),
    **dict.fromkeys(("lambda-a", "lambda-b", "lambda-cyc", "lambda-cycle", "cycle-weight"), CYCLE),
    **dict.fromkeys(("lambda-identity", "lambda-idt", "lambda-id", "nce-idt"), STAY),
    **dict.fromkeys(("pool-size", "buffer-size"), POOL),
    **dict.fromkeys(("lambda-nce", "nce-weight"), CONTRAST),
    "num-patches": PATCHES,
    "nce-t": HEAT,
    **dict.fromkeys(("n-layers-d", "n-layers"), FIELD),
    **dict.fromkeys(("n-blocks", "n-residual-blocks", "num-residual-blocks"), BLOCKS),
    "no-dropout": UNDROPPED,
    **dict.fromkeys(("input-nc", "output-nc", "nc", "in-channels", "out-channels"), BANDS),
    **dict.fromkeys(("lr-policy", "n-epochs-decay", "niter-decay", "decay-epoch", "decay-epochs"), FADE),
}  # of those who come from pix2pix, CycleGAN and CUT

OPTIONS: dict[str, Synonym] = {
    **dict.fromkeys(("lr", "learning-rate", "learningrate", "g-lr", "lr-g", "glr", "generator-lr", "lr-gen"), RATE),
    **dict.fromkeys(("d-lr", "lr-d", "dlr", "discriminator-lr", "critic-lr", "lr-disc"), CRITIC_RATE),
    **dict.fromkeys(("beta1", "beta-1", "b1", "adam-beta1", "momentum"), FIRST_BETA),
    **dict.fromkeys(("beta2", "beta-2", "b2", "adam-beta2"), SECOND_BETA),
    **dict.fromkeys(("loss", "gan-mode", "gan-loss", "loss-type", "criterion", "adv-loss", "loss-fn"), LOSS),
    **dict.fromkeys(("n-critic", "ncritic", "critic-iters", "d-steps", "n-dis", "disc-iters", "critic-steps"), MOVES),
    "g-steps": Synonym("how often the generator moves in a round", ("--turns.generator {value}",), "2"),
    **dict.fromkeys(("nz", "latent", "latent-dim", "latent-size", "z-dim", "noise-dim", "dim-z", "z-size"), MADE),
    **dict.fromkeys(
        (
            "steps",
            "iterations",
            "iters",
            "n-iter",
            "niter",
            "max-steps",
            "max-iter",
            "num-steps",
            "total-steps",
            "train-steps",
            "num-train-steps",
        ),
        BATCHES,
    ),
    **dict.fromkeys(("kimg", "total-kimg"), THOUSANDS),
    **dict.fromkeys(
        ("n-epochs", "num-epochs", "epoch", "nepochs", "max-epochs"),
        Synonym("the length, in times through the data,", ("--epochs {value}",), "10"),
    ),
    **dict.fromkeys(("gp", "gradient-penalty", "lambda-gp", "gp-weight", "gp-lambda", "wgan-gp"), SLOPE),
    **dict.fromkeys(("r1", "r1-gamma", "gamma", "r1-weight", "lambda-r1"), REALS),
    **dict.fromkeys(("ema-decay", "ema-beta", "ema-rate", "decay", "average"), AVERAGE),
    "ema-kimg": HALF_LIFE,
    "no-ema": Synonym("doing without an average", ("--ema 0",)),
    **dict.fromkeys(
        ("augment", "aug", "augmentation", "ada", "diffaug", "diffaugment", "aug-prob", "aug-types"), AUGMENT
    ),
    **dict.fromkeys(("amp", "fp16", "half", "bf16", "mixed-precision", "use-amp", "autocast"), HALF),
    **dict.fromkeys(("no-amp", "no-fp16", "fp32", "tf32", "no-tf32"), FULL),
    **dict.fromkeys(("gpus", "num-gpus", "ngpu", "n-gpu", "gpu-ids", "world-size", "nproc"), GPUS),
    **dict.fromkeys(("workers", "num-workers", "n-workers", "n-cpu", "nworkers"), LOADERS),
    **dict.fromkeys(("cache-images", "cache", "use-cache"), KEPT),
    **dict.fromkeys(("no-cache", "stream", "streaming", "lazy", "prefetch", "prefetch-factor"), STREAMED),
    **dict.fromkeys(("batch-size", "batchsize", "bs", "batch-gpu", "train-batch-size"), BATCH),
    **dict.fromkeys(
        (
            "out",
            "to",
            "output",
            "outdir",
            "out-dir",
            "output-dir",
            "outf",
            "save-dir",
            "logdir",
            "log-dir",
            "o",
            "results-dir",
            "run-dir",
            "exp-dir",
            "workdir",
            "checkpoint-dir",
            "name",
        ),
        FOLDER,
    ),
    **dict.fromkeys(("resolution", "res", "image-size", "img-size", "imagesize", "crop-size", "load-size"), SIDE),
    **dict.fromkeys(("dataset", "dataroot", "data-path", "data-dir", "datadir", "root", "input", "train-data"), DATA),
    **dict.fromkeys(("cuda", "gpu", "use-gpu", "use-cuda"), GPU),
    **dict.fromkeys(("no-cuda", "cpu", "no-gpu"), CPU),
    **dict.fromkeys(
        ("save-every", "save-interval", "snap", "checkpoint-every", "save-freq", "checkpoint-interval"), SAVED
    ),
    **dict.fromkeys(("tensorboard", "tb", "use-tensorboard"), BOARD),
    **dict.fromkeys(("use-wandb", "wandb-project", "wandb-name", "wandb-entity", "log-wandb"), WANDB),
    **dict.fromkeys(
        ("checkpoint", "ckpt", "weights", "resume-from", "load", "netg", "network", "pretrained", "continue-train"), ON
    ),
    **dict.fromkeys(
        ("samples", "images", "num-samples", "n-samples", "nsamples", "num-images", "num", "count", "n-images"), MANY
    ),
    **dict.fromkeys(("sample-interval", "sample-every", "display-freq"), SHEETS),
    **dict.fromkeys(("gif", "video", "mp4", "movie", "animation"), FILM),
    **dict.fromkeys(("trunc", "psi", "truncation-psi", "trunc-psi"), PSI),
    **dict.fromkeys(("truncation-cutoff", "truncation-layers", "truncation-layer", "truncation-num-layers"), CUTOFF),
    **dict.fromkeys(("pca", "ganspace"), PRINCIPAL),
    **dict.fromkeys(("w-plus", "wplus", "w+", "use-wplus"), WPLUS),
    **dict.fromkeys(("mirror", "hflip", "horizontal-flip", "xflip"), MIRROR),
    **dict.fromkeys(
        ("ngf", "ndf", "channels-base", "base-channels", "cbase", "dim", "features-g", "features-d"), WIDTH
    ),
    **dict.fromkeys(
        (
            "grad-accum",
            "accumulation-steps",
            "accumulate-grad-batches",
            "gradient-accumulation-steps",
            "gradient-accumulate-every",
        ),
        PARTS,
    ),
    **dict.fromkeys(("auto-batch-size", "auto-find-batch-size", "auto-scale-batch-size", "find-batch-size"), FITTING),
    **dict.fromkeys(
        ("gradient-checkpointing", "activation-checkpointing", "grad-checkpointing", "use-checkpoint"), AGAIN
    ),
    **dict.fromkeys(("fsdp", "fully-shard", "deepspeed", "zero-stage"), SHARED_OUT),
    **dict.fromkeys(("fid", "eval-metrics", "evaluate", "calculate-fid-every"), FIGURES),
    **dict.fromkeys(("optim", "opt"), PULL),
    **dict.fromkeys(("clip", "clip-value", "weight-clip", "clip-weights"), CUT),
    **dict.fromkeys(("label-smoothing", "smoothing"), SOFT),
    **dict.fromkeys(("instance-noise", "noise"), NOISE),
    **TRANSLATION,
    **dict.fromkeys(("manual-seed", "random-seed"), Synonym("the seed", ("--seed {value}",), "0")),
    **dict.fromkeys(
        ("num-classes", "n-classes", "cond", "conditional", "class-cond"),
        Synonym("labels come with the data:", ("--labels folders",)),
    ),
    **dict.fromkeys(("class", "cls", "y"), Synonym("the class", ("--label {value}",), "0")),
    **dict.fromkeys(("verbose", "silent", "q"), Synonym("saying less", ("--quiet",))),
}

LOSSES = {
    **dict.fromkeys(("hinge",), "Hinge()"),
    **dict.fromkeys(("wgan", "wasserstein", "w"), "Wasserstein()"),
    **dict.fromkeys(("lsgan", "mse", "ls", "l2", "least-squares"), "LeastSquares()"),
    **dict.fromkeys(("vanilla", "bce", "ns", "non-saturating", "nonsaturating", "logistic", "gan", "dcgan"),
                    "NonSaturating()"),
    **dict.fromkeys(("minimax", "saturating"), "Minimax()"),
    **dict.fromkeys(("ragan", "rsgan", "relativistic"), "Relativistic(NonSaturating())"),
}  # fmt: skip
HALVES = {"atob": "left", "a2b": "left", "btoa": "right", "b2a": "right"}
FIELDS = {1: 16, 2: 34, 3: 70, 4: 142, 5: 286, 6: 574}  # of a critic of patches, by how often it halves
OPTIMIZERS = {"adam": "Adam()", "rmsprop": "RMSprop()", "sgd": "SGD()"}

COMMANDS = {"generate": "sample", "eval": "measure", "evaluate": "measure", "info": "show", "ls": "list",
            "reconstruction": "reconstruct", "embed": "encode", "latents": "encode", "anomaly": "score",
            "detect": "score", "inpaint": "complete", "fill": "complete", "style-mixing": "mix", "stylemix": "mix",
            "projector": "project", "invert": "project", "inversion": "project", "sefa": "directions",
            "server": "serve", "deploy": "serve",
            "walk": "interpolate", "latent-walk": "interpolate"}  # they run  # fmt: skip
FIGURE = "{} is a figure: saddle measure RUN --metrics {}"
OTHERS = {  # commands that are told of
    **{name: FIGURE.format(name.upper(), name) for name in ("fid", "kid", "is", "ppl", "precision", "recall")},
    "ganspace": "saddle directions RUN --by pca finds the principal directions of styles",
    "truncation": "truncation is an option of runs with styles: saddle sample RUN --truncation 0.7",
    "test": "a run is judged by saddle measure RUN, and data are looked at by saddle doctor DATA",
    "continue": "saddle resume RUN goes on with a run",
    "new": "saddle train RECIPE --out RUN begins a run",
    "plot": "saddle report RUN draws a run's curves and pictures on one page",
    "recipes": "saddle list tells of all recipes",
    "models": "saddle list tells of all recipes, and saddle list networks of networks",
    "data": "saddle list data tells of data, and saddle doctor DATA looks for what is wrong with some",
    "download": "data sets are downloaded when they are first named, as in saddle train dcgan --data mnist",
}
