# SPDX-License-Identifier: BSD-3-Clause
"""Writes bash's completion of vionet-vm: python3 completion.py FILE"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import options  # noqa: E402

TEXT = """\
# bash completion of vionet-vm; generated
_vionet_vm() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    case $before in
@CASES@
    *) [[ $word == -* ]] && COMPREPLY=($(compgen -W "@OPTIONS@" -- "$word")) ;;
    esac
}
complete -o default -F _vionet_vm vionet-vm
"""


def main():
    known = [a for a in options.parser()._actions if a.option_strings]
    cases = "\n".join(f'    {a.option_strings[-1]}) COMPREPLY=($(compgen -W "{" ".join(a.choices)}" -- "$word")) ;;'
                      for a in known if a.choices)
    words = " ".join(a.option_strings[-1] for a in known)
    pathlib.Path(sys.argv[1]).write_text(TEXT.replace("@CASES@", cases).replace("@OPTIONS@", words))


if __name__ == "__main__":
    main()
