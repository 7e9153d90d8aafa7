import subprocess
import sys

_PROGRAM = """
import importlib, pkgutil, sys, schemas, shared, workers
for package in (schemas, shared, workers):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(*sorted({"torch", "tensorboard", "training"} & {name.split(".")[0] for name in sys.modules}))
"""


def test_no_module_of_the_pipeline_imports_torch_or_training() -> None:
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PROGRAM], capture_output=True, text=True, timeout=110, check=False
    )

    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == []
