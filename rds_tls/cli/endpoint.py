"""``rds-tls endpoint``: what names mean, and whose roots verify them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rds_tls.cli import _common
from rds_tls.diagnosis.explain import explain, with_proposal
from rds_tls.endpoint import parse_endpoint, root_set
from rds_tls.errors import EndpointError, RdsTlsError
from rds_tls.roots.lookup import obtain_anchors
from rds_tls.settings import process_settings

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("hosts", nargs="+", metavar="HOST", help="endpoints")
    parser.add_argument("--region", help="the region, for names that have none")
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print what each name means; 1 where one is no endpoint, or has no trust anchors."""
    found = [_described(host, chosen.region) for host in chosen.hosts]
    if chosen.json:
        _common.write_json(found)
    else:
        _common.show("\n\n".join(map(_printed, found)), 10)
    return 1 if any("cause" in each for each in found) else 0


def _described(host: str, region: str | None) -> dict[str, Any]:
    described: dict[str, Any] = {}
    try:
        endpoint = parse_endpoint(host)
        described = {
            "host": endpoint.host,
            "kind": endpoint.kind.value,
            "identifier": endpoint.identifier,
            "region": endpoint.region or region,
            "partition": endpoint.partition,
        }
        return {**described, "trust": str(obtain_anchors(root_set(endpoint, region), process_settings()))}
    except RdsTlsError as error:
        shown = error.host if isinstance(error, EndpointError) else described.get("host", "")
        diagnosis = explain(error, shown)
        if diagnosis is None:  # a question that is none, as without a region
            raise
        return {"host": shown, **described, "cause": with_proposal(diagnosis, shown).to_dict()}


def _printed(described: dict[str, Any]) -> str:
    lines = [str(described["host"])]
    if "kind" in described:
        lines.append(f"  kind    {described['kind']} {described['identifier']!r}")
        lines.append(f"  region  {described['region']}, partition {described['partition']}")
    if "trust" in described:
        lines.append(f"  trust   {described['trust']}")
    if "cause" in described:
        cause = described["cause"]
        lines.append(f"  cause   {cause['meaning']} [{cause['id']}]")
        lines += [f"  note    {fact}" for fact in cause["facts"]]
        lines.append(f"  fix     {cause['fix']}")
    return "\n".join(lines)
