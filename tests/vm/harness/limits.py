# SPDX-License-Identifier: BSD-3-Clause
"""How long things may take. tests/CMakeLists.txt reads the numbers too."""

BOOT_LIMIT = 300  # seconds until the command in the guest starts; --timeout begins with that
