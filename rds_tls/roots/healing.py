"""After a rotation: newer roots for a server whose chain ends in one that is not among the anchors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls import log
from rds_tls.errors import DownloadError
from rds_tls.roots.background import SCHEDULE
from rds_tls.roots.lookup import find, in_background, in_words, remember, remembered_as, renewed
from rds_tls.roots.pem import BEGIN_CERTIFICATE, END_CERTIFICATE

if TYPE_CHECKING:
    from rds_tls.endpoint import RootSet
    from rds_tls.roots.anchors import Anchors

# Why the last look for newer roots failed.
_troubles: dict[RootSet, str] = {}


def heal(failed: Anchors) -> Anchors | None:
    """Look for newer roots, after a server's chain ended in a root that is not among the anchors.

    Within ten minutes this downloads once for each region and process; threads that fail together wait for that one
    download. Nothing is relaxed: the new roots pass the same checks as ever.

    Args:
        failed: the anchors that did not know the root.

    Returns:
        Other anchors, with which one more attempt makes sense; None when there are none.
    """
    if not failed.may_be_renewed:
        return None
    try:
        return _newer(failed)
    except Exception as error:  # noqa: BLE001 - whatever it is, the error to be seen is the one of the handshake
        _troubles[failed.roots] = error.what if isinstance(error, DownloadError) else in_words(error)
        log.warning("the %s could not be renewed: %s", failed.roots, in_words(error))
        return None


def trouble_with(failed: Anchors) -> str:
    """Say why no newer roots could be had when somebody last looked for them; empty where nothing went wrong."""
    return _troubles.get(failed.roots, "") if failed.may_be_renewed else ""


def _newer(failed: Anchors) -> Anchors | None:
    """Give the anchors that another thread or process has put in place meanwhile, else download them."""
    roots, settings = failed.roots, failed.settings
    with SCHEDULE.lock_for(roots):
        current, previous = find(roots, settings)
        if current is None or _same_anchors(current, failed):
            if not SCHEDULE.claim(("heal", roots)):
                return None
            current = renewed(roots, settings, previous, unconditional=True)
            _troubles.pop(roots, None)
        if _same_anchors(current, failed):
            return None
        log.info("healed: now the %s", current)
        return remember(current)


def heal_later(identity: tuple[str, str]) -> None:
    """Heal in the background, for a caller that cannot wait: contexts that are built afterwards have the newer roots.

    Args:
        identity: which anchors did not know the root; whoever asked for them, their settings decide.
    """
    for failed in remembered_as(identity):
        in_background("heal later", failed, lambda failed=failed: heal(failed))  # type: ignore[misc]


def _same_anchors(one: Anchors, other: Anchors) -> bool:
    """Say whether two files hold the same anchors."""
    return one.digest == other.digest or _blocks(one) == _blocks(other)


def _blocks(anchors: Anchors) -> set[bytes]:
    """Give the PEM blocks of anchors, to compare one with another whatever else the files say."""
    return {block.partition(END_CERTIFICATE)[0] for block in anchors.pem().split(BEGIN_CERTIFICATE)[1:]}
