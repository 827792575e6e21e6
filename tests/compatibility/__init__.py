# SPDX-License-Identifier: BSD-3-Clause
"""The cells of tests/grid: what is behind vionet's driver, and whose drivers are in front of vionet-softnic."""
