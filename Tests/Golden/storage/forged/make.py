"""HDF5 files that are well formed and hold what no checkpoint has; each is a few kilobytes. Written with h5py 3."""
import h5py, numpy as np


def file(name, **options):
    return h5py.File(f"{name}.h5", "w", userblock_size=512, libver=("earliest", "v110"), **options)


with file("soft_link") as f:
    f["x"] = np.ones(4, "f4")
    f["y"] = h5py.SoftLink("/x")
with file("external_link") as f:
    f["y"] = h5py.ExternalLink("soft_link.h5", "/x")
with file("cycle") as f:
    f.create_group("a")["back"] = f["/"]
with file("two_names") as f:
    f["x"] = np.ones(4, "f4")
    f["y"] = f["x"]
with file("packed") as f:  # 4 GB of zeros
    f.create_dataset("x", (1 << 30,), "f4", chunks=(1 << 24,), compression="gzip", compression_opts=9)
with file("never_written") as f:  # claims 4 TB
    f.create_dataset("x", (1 << 40,), "f4")
with file("external_storage") as f:
    f.create_dataset("x", (4,), "f4", external=[("elsewhere.bin", 0, 16)])
with file("reference") as f:
    f["x"] = np.ones(4, "f4")
    f.create_dataset("y", (1,), h5py.ref_dtype)[0] = f["x"].ref
with file("named_type") as f:
    f["t"] = np.dtype("f4")
