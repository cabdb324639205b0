# SPDX-License-Identifier: Apache-2.0

"""An independent checker of radii within which a network's class cannot change."""

__version__ = "1.0.0"
