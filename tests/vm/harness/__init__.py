# SPDX-License-Identifier: BSD-3-Clause
"""The parts of tests/vm/run: options, the image that boots, QEMU's command line, one session."""
