"""Deprecated: the names of this module are in `netwright.runtime` and `netwright.exports`."""

from netwright.system.deprecation import moved_names

__getattr__ = moved_names(
    "netwright.deploy",
    {
        **{
            name: f"netwright.runtime:{name}"
            for name in ("RUNTIMES", "Candidate", "ModelInfo", "Prediction", "Runtime", "find_export", "open_runtime")
        },
        **{
            name: f"netwright.exports:{name}"
            for name in ("Exported", "TritonSettings", "export", "export_triton", "write_triton")
        },
        "Labelled": "netwright.exports:Labeled",
        "labelled_images": "netwright.exports:labeled_images",
    },
)
