#!/usr/bin/env python
"""The command line: `manage.py start` runs everything; `manage.py help` lists the rest."""

import os
import sys

from django.core.management import execute_from_command_line

from ecsaudit.environment import BadSetting


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecsaudit.settings")
    try:
        execute_from_command_line(sys.argv)
    except BadSetting as error:
        sys.exit(f"ecsaudit: {error}")


if __name__ == "__main__":
    main()
