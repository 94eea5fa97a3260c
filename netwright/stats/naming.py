"""What the name of a table's column says: an error, an accuracy, a cost, a name."""

from __future__ import annotations

import re

__all__ = ["is_accuracy", "is_cost", "is_error", "is_identifier", "is_loss", "is_response", "plain_name", "words_of"]

_ERROR_WORDS = frozenset(("err", "error", "errors", "mistakes"))
_ACCURACY_WORDS = frozenset(
    ("acc", "acc1", "acc5", "accuracies", "accuracy", "auc", "auroc", "f1", "miou", "top1", "top5")
)
_LOSS_WORDS = frozenset(("logloss", "loss", "losses", "nll", "perplexity"))
_SCORE_WORDS = frozenset(("score", "scores"))
_MEASURED = frozenset(
    (
        *("datetime", "duration", "elapsed", "energy", "fps", "latency", "runtime", "seconds", "secs", "throughput"),
        *("timestamp", "walltime"),
    )
)
_AMOUNT = re.compile(
    r"((n|num|number_of|total|trainable)_)?(k|m|g|mega|giga)?_?(acts|activations|flops|macs|madds|multadds|params|parameters)"
    r"(_(k|m|g|mb|count))?"
)
_LABELS = frozenset(
    (
        *("attempts", "comment", "description", "file", "finished", "label", "name", "note", "notes", "number", "path"),
        *("session", "started", "tag", "tags", "title", "trial", "url"),
        # what Ray Tune and W&B write beside the configuration
        *("checkpoint_dir_name", "created", "done", "experiment_tag", "hostname", "iterations_since_restore"),
        *("logdir", "node_ip", "pid", "should_checkpoint", "sweep", "training_iteration", "user", "wandb"),
        *("episodes_total", "time_since_restore", "time_this_iter_s", "time_total_s", "timesteps_total"),
        *("timesteps_since_restore",),
    )
)
_INDICES = frozenset(("hash", "id", "ids", "idx", "index", "uid", "uuid"))
_SPLITS = frozenset(("fold", "is_test", "is_train", "is_val", "is_valid", "split"))


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case: max and accuracy of `MaxAccuracy`, macs of `MACs`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", "_", name)
    return [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]


def plain_name(name: str) -> str:
    """`val_acc`, of `valAcc` and `Val acc`."""
    return "_".join(words_of(name))


def is_accuracy(name: str) -> bool:
    """A share of what is right: higher is better."""
    words = set(words_of(name))
    return bool(words & _ACCURACY_WORDS) and not words & (_ERROR_WORDS | _LOSS_WORDS | _SCORE_WORDS)


def is_error(name: str) -> bool:
    """A share of what is wrong: lower is better."""
    return bool(set(words_of(name)) & _ERROR_WORDS)


def is_loss(name: str) -> bool:
    """What a training minimizes: lower is better, and no share."""
    return bool(set(words_of(name)) & _LOSS_WORDS) and not is_error(name) and not is_accuracy(name)


def is_response(name: str) -> bool:
    """An error, an accuracy or a loss, of any split, seed or epoch."""
    return bool(set(words_of(name)) & (_ERROR_WORDS | _ACCURACY_WORDS | _LOSS_WORDS | _SCORE_WORDS))


def is_cost(name: str) -> bool:
    """What a network costs, or how long something took."""
    words = words_of(name)
    return (
        bool(set(words) & _MEASURED)
        or _AMOUNT.fullmatch("_".join(words)) is not None
        or words[-1:] in (["time"], ["hours"], ["minutes"])
    )


def is_identifier(name: str) -> bool:
    """Which row it is: a name, an index, a seed, a split."""
    words = words_of(name)
    plain = "_".join(words)
    return (
        name.startswith("_")  # W&B's own: _step, _runtime
        or plain in _LABELS | _SPLITS
        or words[-1:] == []
        or words[-1] in _INDICES
        or {"seed", "unnamed"} & {*words} != set()
    )
