"""Detection of driver, CUDA toolkit, Vulkan, PyTorch and packed files for gpu_check.py."""

import ctypes
import ctypes.util
import glob
import importlib.util
import json
import lzma
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"
PROGRAM = HERE / "device"


def compiled_in():
    told = subprocess.run([str(PROGRAM), "cli", "device", "--json"], capture_output=True, text=True)
    return json.loads(told.stdout)["devices"] if told.returncode == 0 else []


def no_wgpu():
    if "wgpu" not in compiled_in():
        return "this build has no wgpu"
    places = ["/usr/share/vulkan/icd.d/*.json", "/etc/vulkan/icd.d/*.json"]
    drivers = os.environ.get("VK_ICD_FILENAMES") or any(glob.glob(place) for place in places)
    if not ctypes.util.find_library("vulkan") or not drivers:
        return "no Vulkan loader with a driver"
    return ""


def toolkit():
    """Sets environment variables so that the program finds the driver and the CUDA toolkit off the usual paths."""
    nvcc = shutil.which("nvcc")
    places = [os.environ.get("CUDA_PATH"), "/usr/local/cuda",
              nvcc and str(pathlib.Path(nvcc).resolve().parent.parent)]
    found = next((place for place in places if place and os.path.isdir(f"{place}/include")), None)
    libraries = ["/usr/local/nvidia/lib64", "/usr/local/nvidia/lib"]
    if found:
        os.environ["CUDA_PATH"] = found
        libraries.append(f"{found}/lib64")
    before = os.environ.get("LD_LIBRARY_PATH", "")
    os.environ["LD_LIBRARY_PATH"] = ":".join([*libraries, *filter(None, [before])])


def no_device(name):
    """Returns why the device cannot be used, or an empty text if it can."""
    if not name.startswith("cuda"):
        return no_wgpu() if name.startswith("wgpu") else ""
    for library in ["libcuda.so.1", *glob.glob("/usr/local/nvidia/lib*/libcuda.so.1")]:
        try:
            driver, count = ctypes.CDLL(library), ctypes.c_int()
        except OSError:
            continue
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value:
            return ""
        return "the NVIDIA driver finds no GPU"
    return "no NVIDIA driver (libcuda.so.1)"


def unpack():
    packed = HERE / "device.xz"
    if not PROGRAM.exists() and packed.exists():
        with lzma.open(packed) as source, open(PROGRAM, "wb") as target:
            shutil.copyfileobj(source, target)
    PROGRAM.chmod(0o755)


def no_torch(device):
    """Returns why PyTorch cannot be used, or an empty text if it can."""
    if not device.startswith(("cpu", "cuda")):
        return f"PyTorch has no device {device}"
    return "" if importlib.util.find_spec("torch") else "no PyTorch in this python3"
