# SPDX-License-Identifier: Apache-2.0

"""Certificates of 1-Lipschitz neural networks that hold, from Python.

    import cpl_verify

    result = cpl_verify.audit(model, images, labels, mean=[0.49, 0.48, 0.45])
    print(result.headline)
    result.table("audit")["radius"]     # a NumPy array
    result.frame("audit")               # a pandas table

The work is done by the program `cpl-verify`, which the package holds; what is computed here, and every
figure, is what its command line gives. PyTorch is not needed: a model may be a PyTorch module, its state
dictionary, a dictionary of arrays, or the path of a file of weights.
"""

from ._api import audit, bounds, certify, load_results
from ._program import Error, program
from ._results import Result

__all__ = ["Error", "Result", "audit", "bounds", "certify", "load_results", "program"]
