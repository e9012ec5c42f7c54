"""What the documents say is what the code does."""

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = sorted(name for name, app in get_commands().items() if app == "ecsaudit")


def settings_read() -> set[str]:
    """Every variable that settings.py asks the environment for."""
    text = (ROOT / "ecsaudit" / "settings.py").read_text()
    return set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', text))


def test_the_readme_s_table_lists_exactly_the_settings() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.M)) == settings_read()


@pytest.mark.parametrize("name", ["start", "test"])
def test_the_readme_has_its_two_commands_of_one_line(name: str) -> None:
    found = re.search(rf"<!-- {name} command -->\n```sh\n(.+)\n```\n", README)
    assert found
    assert found[1].startswith("python3 -m venv .venv && ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_stands_in_the_readme(name: str) -> None:
    assert len(load_command_class("ecsaudit", name).help) > 40
    assert name in README or name == "sample_endpoint"


def test_the_pictures_of_the_readme_are_there() -> None:
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", README)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_no_file_names_a_folder_of_somebody_s_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    pattern = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/\w")
    names = [
        name for name in listed.stdout.split("\0") if name.endswith((".py", ".md", ".html", ".toml", ".txt", ".yaml"))
    ]
    named = [
        name for name in names if (ROOT / name).exists() and pattern.search((ROOT / name).read_text(errors="replace"))
    ]
    assert named == []
