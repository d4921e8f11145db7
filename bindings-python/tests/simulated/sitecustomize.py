"""For processes that the tests start: their waits are as much shorter as the simulator's are.

It is not in the package, and nothing but a folder on PYTHONPATH leads here.
"""

import contextlib
import os

with contextlib.suppress(ImportError):
    from aks_kms import _native

    _native._scale_time(float(os.environ.get("SIMULATED_TIME_SCALE", "0.01")))
