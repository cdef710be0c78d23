"""Does the Corefile in the cluster say what CoreDNS accepts?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kdoctor.configs import names
from kdoctor.masking import mask
from kdoctor.model import UNSEEN
from kdoctor.probes import apiserver
from kdoctor.probes.ask import Found
from kdoctor.probes.configfiles import told_of
from kdoctor.probes.kube import server_of
from kdoctor.settings import jsonfile

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

_MAPS = ("coredns", "rke2-coredns-rke2-coredns")


async def corefile(ask: Asking) -> Found:
    """Read CoreDNS's configmap in kube-system, with the kubeconfig's static credentials, for mistakes.

    Which nameservers its pods get instead of /etc/resolv.conf is not seen from here.
    """
    server = server_of(ask.vantage.machine)
    if isinstance(server, Found):
        return Found(UNSEEN, server.detail)
    shown = mask(server.cluster.server)
    for name in _MAPS:
        answer = await apiserver.ask_server(ask, server, f"/api/v1/namespaces/kube-system/configmaps/{name}")
        if isinstance(answer, Found):
            return Found(UNSEEN, answer.detail)
        if answer.status == 404:
            continue
        if answer.status != 200:
            return Found(
                UNSEEN, f"{shown} does not show kube-system/{name} to this login ({answer.status})", target=shown
            )
        body = jsonfile.mapping(jsonfile.parse(answer.body.decode("utf-8", "replace")))
        text = jsonfile.mapping(body.get("data")).get("Corefile")
        if isinstance(text, str):
            return told_of(names.corefile(text), f"configmap kube-system/{name}", "corefile")
    return Found("missing", f"{shown} has no configmap kube-system/coredns with a Corefile", target=shown)
