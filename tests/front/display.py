# SPDX-License-Identifier: BSD-3-Clause
"""What a user sees of a terminal's output."""

import pyte


class Display(pyte.Screen):
    """With what curses uses and pyte has not: to scroll the lines between the margins."""

    def scroll_up(self, count=1):
        self.scroll(count, self.index, lambda margins: margins.bottom)

    def scroll_down(self, count=1):
        self.scroll(count, self.reverse_index, lambda margins: margins.top)

    def scroll(self, count, by_one, place):
        at = self.cursor.y
        self.cursor.y = place(self.margins or pyte.screens.Margins(0, self.lines - 1))
        for _ in range(count or 1):
            by_one()
        self.cursor.y = at


class Stream(pyte.ByteStream):
    csi = pyte.ByteStream.csi | {"S": "scroll_up", "T": "scroll_down"}
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}
