"""What surrounds the example for AWS Lambda: its page in docs/, the template, and the image."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_tls.connect import secret
from rds_tls.connect.request import CONNECT_TIMEOUT
from rds_tls.diagnosis import probe
from rds_tls.diagnosis.causes import CAUSES
from rds_tls.drivers import _second_look
from tests.support import ROOT
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType
from tests.support.programs import run
from tests.support.trust_store import REGION, TrustStore, environment

EXAMPLE = ROOT / "examples" / "lambda"
HANDLER = (EXAMPLE / "handler.py").read_text("utf-8")
DOCKERFILE = (EXAMPLE / "Dockerfile").read_text("utf-8")
PAGE = (ROOT / "docs" / "lambda.md").read_text("utf-8")


def test_page_has_the_example_and_what_is_run() -> None:
    """Each block of Python in docs/lambda.md is the handler, or what the tests run beside it."""
    first, *others = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert first == HANDLER
    beside = (ROOT / "tests" / "examples" / "lambda_snapstart.py").read_text("utf-8").replace("example.", "")
    for line in (line for block in others for line in block.splitlines() if line):
        name = line.removeprefix("from snapshot_restore_py import ")
        assert name in beside
    assert others != []


def test_page_links_known_causes() -> None:
    """Each id that the page names or links is one of the table of causes."""
    ids = set(re.findall(r"troubleshooting\.md#([\w-]+)", PAGE)) | set(re.findall(r"`\[([a-z-]+)\]`", PAGE))
    assert {"other-name", "no-answer", "login-refused"} <= ids <= set(CAUSES)


def test_page_names_the_times_of_the_code() -> None:
    """The waits that the page lists are those of the code."""
    download = run(
        "roots/programs/total_timeouts.py", environ={**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "orders"}
    ).split()[0]
    assert f"| {download} s on Lambda | `RDS_TLS_TOTAL_TIMEOUT` |" in PAGE
    assert f"| {CONNECT_TIMEOUT:g} s; 4 in the handler above |" in PAGE
    assert _second_look._SECONDS == probe.SECONDS == 5
    assert "| 5 s each | |" in PAGE
    attempts, dialling, reading = (getattr(secret, name) for name in ("_ATTEMPTS", "_CONNECT_TIMEOUT", "_READ_TIMEOUT"))
    assert f"| {attempts} attempts, each {dialling} s to connect and {reading} s for the answer | |" in PAGE


class Cloud(yaml.SafeLoader):
    """CloudFormation's YAML: its functions by their short names, as in its long form."""


def function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Read a function of one text, of which the template has no other kind."""
    assert isinstance(node, yaml.ScalarNode)
    return {suffix: loader.construct_scalar(node)}


Cloud.add_multi_constructor("!", function)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The template, read."""
    read: dict[str, Any] = yaml.load((EXAMPLE / "template.yaml").read_text("utf-8"), Loader=Cloud)  # noqa: S506 - safe
    return read


def values(tree: Any) -> Iterator[Any]:  # noqa: ANN401 - any part of a template
    """Give every dictionary in a template."""
    if isinstance(tree, dict):
        yield tree
    for each in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from values(each)


def test_template_refers_to_what_it_has(template: dict[str, Any]) -> None:
    """Each name that a function of the template refers to is a parameter, a resource or AWS's own."""
    known = {*template["Parameters"], *template["Resources"]}
    used: set[str] = set()
    for each in values(template):
        used |= {each["Ref"]} if "Ref" in each else set()
        used |= set(re.findall(r"\$\{(.+?)\}", each["Sub"])) if "Sub" in each else set()
    assert {name for name in used if not name.startswith("AWS::")} <= known
    assert set(template["Parameters"]) <= used


def test_template_lets_the_role_connect_as_one_user(template: dict[str, Any]) -> None:
    """The policy has the one action, for the resource id and the user, in whatever partition."""
    function = template["Resources"]["Function"]["Properties"]
    ((statement,),) = (policy["Statement"] for policy in function["Policies"])
    assert statement["Action"] == "rds-db:connect"
    names = re.findall(r"\$\{(.+?)\}", statement["Resource"]["Sub"])
    given = {
        "AWS::Partition": "aws-cn",
        "AWS::Region": "cn-north-1",
        "AWS::AccountId": "123456789012",
        "DatabaseResourceId": "cluster-ABCDEFGHIJKL01234",
        "DatabaseUser": "app",
    }
    assert set(names) == set(given)
    arn = re.sub(r"\$\{(.+?)\}", lambda found: given[found[1]], statement["Resource"]["Sub"])
    assert arn == "arn:aws-cn:rds-db:cn-north-1:123456789012:dbuser:cluster-ABCDEFGHIJKL01234/app"
    pattern = template["Parameters"]["DatabaseResourceId"]["AllowedPattern"]
    ids = ("cluster-ABCDEFGHIJKL01234", "db-ABCDEFGHIJKL01234", "prx-0123456789abcdef0", "orders", "cluster-orders")
    assert [bool(re.search(pattern, each)) for each in ids] == [True, True, True, False, False]


def test_template_sets_what_the_handler_reads(template: dict[str, Any]) -> None:
    """The function's environment has every variable of the handler but the secret's, which stands for a user's."""
    variables = template["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    read = set(re.findall(r"DATABASE_\w+", HANDLER))
    assert set(variables) == read - {"DATABASE_SECRET"}


def test_template_waits_longer_than_the_handler(template: dict[str, Any]) -> None:
    """Lambda ends the function after all that it may wait for, as the page adds it up."""
    (connecting,) = map(int, re.findall(r"connect_timeout=(\d+)", HANDLER))
    (dead,) = map(int, re.findall(r"tcp_user_timeout=(\d+)", HANDLER))
    looks = _second_look._SECONDS + probe.SECONDS
    timeout = template["Resources"]["Function"]["Properties"]["Timeout"]
    assert timeout > 2 * connecting + 1.5 + looks  # a first connection
    assert timeout > dead / 1000 + connecting + looks  # one in place of a dead one
    assert f"{timeout} seconds are enough for the handler above" in PAGE


def test_template_is_about_this_folder(template: dict[str, Any]) -> None:
    """The image is the one of the Dockerfile, in the same Python as the page's wheels."""
    metadata = template["Resources"]["Function"]["Metadata"]
    assert (EXAMPLE / metadata["DockerContext"] / metadata["Dockerfile"]).is_file()
    (version,) = re.findall(r"^FROM public\.ecr\.aws/lambda/python:(.+)$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"--python-version (\S+)", PAGE)) == {version}


def test_image_has_what_it_starts() -> None:
    """What the Dockerfile copies is there, what it starts is the handler, and what it fetches is what is looked at."""
    copied = re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE)
    assert all((EXAMPLE / name).is_file() for name in copied)
    ((module, name),) = re.findall(r'^CMD \["(\w+)\.(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    assert f"{module}.py" in copied
    assert f"def {name}(" in (EXAMPLE / f"{module}.py").read_text("utf-8")
    (looked_at,) = re.findall(r"^ENV RDS_TLS_BUNDLE_DIR=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"directory='(.+?)'", DOCKERFILE) == [looked_at]


def test_image_brings_newer_roots_along(tmp_path: Path) -> None:
    """The Dockerfile's own line fetches the region's roots, readable by the user that Lambda runs a function as."""
    (program,) = re.findall(r'python -c "(.+)"', DOCKERFILE)
    roots = tmp_path / "roots"
    with LocalHttps(tmp_path) as https:
        store = TrustStore(https, tmp_path / "cache")
        store.publish(REGION, Authority(REGION, KeyType.ECC384).root_pem)
        environ = environment(store, REGION=REGION)
        command = [sys.executable, "-c", program.replace("/opt/rds-roots", str(roots))]
        subprocess.run(command, env=environ, cwd=ROOT, check=True, timeout=60)
    files = [roots, *roots.glob("*.pem")]
    assert [path.stat().st_mode & 0o007 for path in files] == [0o005, 0o004]
