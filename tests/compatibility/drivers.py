# SPDX-License-Identifier: BSD-3-Clause
"""Whose drivers are in front of vionet-softnic."""

ALL = []
