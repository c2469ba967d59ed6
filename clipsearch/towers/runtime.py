"""The one place that imports ONNX Runtime, and the ways to open a session of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnxruntime


def import_onnxruntime() -> Any:
    """Import ONNX Runtime with its telemetry off.

    Without the variable it writes a device id and a queue of events under ~/.cache at the first
    inference, and `disable_telemetry_events()` comes too late.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def open_session(model: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open an ONNX file, optimised in memory: for work that pays for the seconds it takes."""
    return _session(model, session_options(threads))


def open_quickly(model: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open a file that was optimised before, as it is: its weights stay mapped, not copied."""
    options = session_options(threads)
    options.graph_optimization_level = import_onnxruntime().GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    return _session(model, options)


def write_optimised(model: Path, target: Path, weights_name: str) -> None:
    """Write `model` optimised for this machine, its weights in a file beside `target`."""
    options = session_options(1)
    options.optimized_model_filepath = str(target)
    entries = {
        "session.optimized_model_external_initializers_file_name": weights_name,
        "session.optimized_model_external_initializers_min_size_in_bytes": "1024",
        "session.disable_prepacking": "1",
    }
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    _session(model, options)


def session_options(threads: int) -> Any:
    """Options for `threads` threads that sleep between calls; only errors are logged."""
    options = import_onnxruntime().SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _session(model: Path, options: Any) -> onnxruntime.InferenceSession:
    session: onnxruntime.InferenceSession = import_onnxruntime().InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )
    return session
