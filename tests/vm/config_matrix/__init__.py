# SPDX-License-Identifier: BSD-3-Clause
"""The parts of tests/vm/matrix: the wires, the devices, the checks of each configuration."""
