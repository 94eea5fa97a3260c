"""manifests/README.md: what it links to, names and types is there."""

import re
from pathlib import Path

import yaml

from netwright.cli.main import parser_of

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"


def test_what_the_readme_shows_is_there() -> None:
    text = (MANIFESTS / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!#|https?:)([^)\s]+)\)", text)
    assert len(links) > 5
    assert [each for each in links if not (MANIFESTS / each).exists()] == []
    commands = re.findall(r"^netwright (\w+) (.*?)(?:  +#.*)?$", text, flags=re.MULTILINE)
    assert {command for command, _ in commands} == {"client", "export", "serve"}
    for command, words in commands:
        parser_of(command).parse_args(words.split())  # SystemExit where a flag does not exist
    for path in re.findall(r"(?<![\w/])manifests/[\w./-]+", text):
        assert (ROOT / path.rstrip(".")).exists(), path
    snippet = re.search(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert snippet
    job = yaml.safe_load(snippet[1])[0]
    assert job["authorization"]["credentials_file"].endswith("/netwright-token/token")
    deployment = yaml.safe_load((MANIFESTS / "kubernetes" / "deployment.yaml").read_text(encoding="utf-8"))
    secret = deployment["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]
    assert secret == {"name": "netwright-token", "key": "token"}
    assert f"create secret generic {secret['name']} --from-literal={secret['key']}=" in text
