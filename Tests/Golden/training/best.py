"""best.json: what transformers' Trainer takes for the best evaluation, and when its EarlyStoppingCallback stops."""
import json, pathlib, random, types
import transformers
from transformers import EarlyStoppingCallback, Trainer

SAVE = transformers.trainer_utils.SaveStrategy.STEPS


def run(values, greater, patience, threshold):
    args = types.SimpleNamespace(metric_for_best_model="loss", greater_is_better=greater, save_strategy=SAVE)
    trainer = types.SimpleNamespace(args=args, state=transformers.TrainerState())
    control, callback = transformers.TrainerControl(), EarlyStoppingCallback(patience, threshold)
    steps = []
    for number, value in enumerate(values, 1):
        trainer.state.global_step = number
        # As in Trainer._maybe_log_save_evaluate: the callback looks first.
        callback.on_evaluate(args, trainer.state, control, {"eval_loss": value})
        Trainer._determine_best_metric(trainer, {"eval_loss": value}, None)
        steps.append({"best": trainer.state.best_metric, "best_step": trainer.state.best_global_step,
                      "count": callback.early_stopping_patience_counter, "stops": control.should_training_stop})
    return {"values": values, "greater_is_better": greater, "patience": patience, "threshold": threshold, "steps": steps}


random.seed(0)
cases = []
for greater in (False, True):
    for threshold in (0.0, 0.25):
        for length in (1, 4, 12, 12):
            # Eighths are exact, and meet the threshold exactly.
            cases.append(run([random.randrange(8, 25) / 8 for _ in range(length)], greater, random.randrange(1, 4), threshold))
cases.append(run([3.0, 2.875, 2.75, 2.625, 2.5], False, 2, 0.25))  # each gain is too small, yet each is the best
cases.append(run([1.0, 1.0, 1.0], False, 2, 0.0))
path = pathlib.Path(__file__).with_name("best.json")
path.write_text(json.dumps({"transformers": transformers.__version__, "cases": cases}, indent=1) + "\n")
