"""The environment of child processes: an allow-list, so that no secret reaches a process that reads hostile files."""

from collections.abc import Mapping
from urllib.parse import urlsplit

_NAMES = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LANGUAGE"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "GLIBC_TUNABLES", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    )
)
_PROXIES = frozenset(
    (
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    )
)
"""The address of a proxy may contain a password."""
_PREFIXES = (
    *("PYTHON", "LC_", "XDG_", "MALLOC_", "DYLD_"),
    *("CUDA_", "CUDNN_", "CUBLAS_", "NVIDIA_", "NCCL_", "GLOO_", "UCX_", "FI_"),
    *("HIP_", "HSA_", "ROCR_", "ROCM_", "MIOPEN_"),
    *(
        "TORCH",
        "PYTORCH_",
        "TRITON_",
        "OMP_",
        "KMP_",
        "GOMP_",
        "MKL_",
        "OPENBLAS_",
        "DNNL_",
        "ONEDNN_",
        "ORT_",
    ),
)
_CREDENTIALS_OF_S3 = ("AWS_",)


def child_environment(
    environment: Mapping[str, str], storage: str, *, is_downloading: bool = False
) -> dict[str, str]:
    """Return the variables that Python, the libraries that compute and the storage need, and no others.

    Args:
        environment: the variables of this process.
        storage: URL of the storage that the child reads; a bucket needs the credentials of S3 and the proxies.
        is_downloading: whether the child downloads files, such as those of built-in datasets, and needs the proxies.
    """
    is_bucket = urlsplit(storage).scheme == "s3"
    prefixes = _PREFIXES + (_CREDENTIALS_OF_S3 if is_bucket else ())
    names = _NAMES | _PROXIES if is_bucket or is_downloading else _NAMES
    return {name: value for name, value in environment.items() if name in names or name.startswith(prefixes)}
