"""Two event files of one run, written by TensorBoard's own classes: before.bin, and after.bin of the run resumed from step 2.

Checks with TensorBoard's reader that the second makes it forget what the first says about later steps.
Written with tensorboard 2.21.0:  python generate.py
"""
import pathlib
import shutil
import struct
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
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
