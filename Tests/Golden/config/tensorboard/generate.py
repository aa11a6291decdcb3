"""Event files written by TensorBoard's own classes: before.bin of a run, after.bin of the same resumed from step 2, and hparams.bin, which begins
with a configuration as SummaryWriter.add_hparams and add_text of PyTorch put it.

Checks with TensorBoard's reader that the second makes it forget what the first says about later steps.
Written with tensorboard 2.21.0:  python generate.py
"""
import json
import pathlib
import shutil
import struct
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.hparams.api_pb2 import Experiment, HParamInfo, MetricInfo, MetricName
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

HERE = pathlib.Path(__file__).parent
TIME = 1700000000.5


def record(**fields):
    data = Event(wall_time=TIME, **fields).SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def head(step):
    return record(file_version="brain.Event:2") + record(step=step, session_log=SessionLog(status=SessionLog.START))


def scalars(step, values):
    return record(step=step, summary=Summary(value=[Summary.Value(tag=t, simple_value=v) for t, v in values]))


def text(step, tag, content):
    tensor = TensorProto(dtype="DT_STRING", tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]), string_val=[content.encode()])
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    return record(step=step, summary=Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)]))


def train(step, loss):
    return scalars(step, [
        ("train/loss", loss), ("train/learning_rate", 1e-4 * step), ("train/grad_norm", 0.5), ("train/epoch", step / 8),
        ("speed/tokens_per_second", 1234.5), ("speed/seconds_per_step", 0.25), ("speed/memory_gib", 1.5),
    ])


def evaluation(prefix, step, loss, perplexity):
    return scalars(step, [(f"{prefix}/loss", loss), (f"{prefix}/perplexity", perplexity)])


def plugin(tag, **content):
    data = HParamsPluginData(**content).SerializeToString(deterministic=True)
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="hparams", content=data))
    return record(summary=Summary(value=[Summary.Value(tag=tag, metadata=metadata)]))


CONFIGURATION = {"a": {"off": False, "rate": 0.5}, "list": [1, 2], "name": "crêpe", "none": None, "steps": 3}
LEAVES = {"a.off": False, "a.rate": 0.5, "list": "[1,2]", "name": "crêpe", "steps": 3}


def hyperparameters():
    kinds = {bool: "DATA_TYPE_BOOL", float: "DATA_TYPE_FLOAT64", int: "DATA_TYPE_FLOAT64", str: "DATA_TYPE_STRING"}
    metrics = ["eval/loss", "eval/perplexity", "train/loss"]
    experiment = Experiment(hparam_infos=[HParamInfo(name=k, type=kinds[type(v)]) for k, v in LEAVES.items()],
                            metric_infos=[MetricInfo(name=MetricName(tag=m)) for m in metrics])
    start = SessionStartInfo(start_time_secs=TIME)
    for key, value in LEAVES.items():
        if isinstance(value, bool): start.hparams[key].bool_value = value
        elif isinstance(value, str): start.hparams[key].string_value = value
        else: start.hparams[key].number_value = value
    shown = "\n".join("    " + line for line in json.dumps(CONFIGURATION, indent=2, ensure_ascii=False).replace("[\n    1,\n    2\n  ]", "[1, 2]").split("\n"))
    return (head(0) + plugin("_hparams_/experiment", experiment=experiment) + plugin("_hparams_/session_start_info", session_start_info=start)
            + text(0, "configuration/text_summary", shown)
            + plugin("_hparams_/session_end_info", session_end_info=SessionEndInfo(status="STATUS_SUCCESS", end_time_secs=TIME)))


(HERE / "hparams.bin").write_bytes(hyperparameters())
before = head(0)
before += evaluation("eval_dense", 0, 0.0, 1.0) + evaluation("eval", 0, 0.0, 1.0)
before += train(1, 4.0) + train(2, 3.0) + train(3, 2.5)
before += text(3, "sample", "**Once upon a\ntime**\n\nthere was a crêpe " + "very " * 60)
before += text(3, "warning", "the loss jumped")
after = head(3) + train(3, 2.25)
(HERE / "before.bin").write_bytes(before)
(HERE / "after.bin").write_bytes(after)

with tempfile.TemporaryDirectory() as folder:
    shutil.copy(HERE / "before.bin", f"{folder}/events.out.tfevents.1700000000.heal")
    events = EventAccumulator(folder).Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(1, 4.0), (2, 3.0), (3, 2.5)]
    assert events.Tensors("sample")[0].tensor_proto.string_val[0].startswith(b"**Once")
    shutil.copy(HERE / "after.bin", f"{folder}/events.out.tfevents.1700000001.heal")
    events = EventAccumulator(folder).Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(1, 4.0), (2, 3.0), (3, 2.25)], events.Scalars("train/loss")
    assert [(e.step, e.value) for e in events.Scalars("eval_dense/perplexity")] == [(0, 1.0)]
