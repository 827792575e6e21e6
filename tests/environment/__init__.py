# SPDX-License-Identifier: BSD-3-Clause
"""Where a case runs its commands, and with which function: see README.md here."""
