# SPDX-License-Identifier: BSD-3-Clause
"""Where a test's commands run, and which function they find there: see README.md here."""
