"""What the package musicnn takes for four models, run by the Python of an environment that has it; see `peers`.

Reads paths from its arguments, writes one JSON object a line: seconds, processor seconds and each model's clip mean.
The package is used as its README says, a call of `extractor` for each model. A first clip, untimed, warms it up.
"""

import contextlib
import io
import json
import sys
import time

from musicnn.extractor import extractor  # type: ignore[import-untyped]  # TensorFlow is elsewhere

MODELS = ("MSD_musicnn", "MSD_vgg", "MTT_musicnn", "MTT_vgg")


def main() -> None:
    """Listen to the clips."""
    for path in (sys.argv[1], *sys.argv[1:]):
        began, began_processor = time.perf_counter(), time.process_time()
        means = {}
        for model in MODELS:
            with contextlib.redirect_stdout(io.StringIO()):
                taggram, _ = extractor(path, model, extract_features=False)
            means[model] = taggram.mean(axis=0).tolist()
        spent = {"seconds": time.perf_counter() - began, "processor_s": time.process_time() - began_processor}
        print(json.dumps({**spent, "means": means}), flush=True)


if __name__ == "__main__":
    main()
