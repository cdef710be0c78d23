"""What minikube says in the languages that it ships is known without its English reason id, and so are its ids."""

from __future__ import annotations

import pytest

from kdoctor.rules.book import open_book
from kdoctor.rules.match import match

BOOK = open_book(())
SAID = {
    "insufficient-resources": (
        "⛔  请求的 CPU 数量 8 大于可用的 CPU 值 4",
        "⛔  要求された CPU 数 8 は利用可能な CPU 数 4 より大きいです",
        "⛔  Docker에서 사용할 수 있는 CPU가 2개 미만이지만, Kubernetes는 최소 2개가 필요합니다",
        "⛔  Le nombre de processeurs demandés 8 est supérieur au nombre de processeurs disponibles de 4",
        "⛔  Docker tiene menos de 2 CPUs disponibles, pero Kubernetes requiere al menos 2",
        "⛔  Docker hat nur 1500MiB verfügbar, weniger als nötig",
        "⛔  sterownik docker ma tylko 1500MiB dostępnej przestrzeni",
    ),
    "driver-not-found": (
        "🤷  未找到 'kvm2' 驱动程序提供程序：virsh",
        "🤷  'kvm2' プロバイダーが見つかりません: virsh",
        "❌  미지원 또는 누락된 드라이버: parallels",
        "🤷  Le fournisseur 'kvm2' n'a pas été trouvé : virsh",
        '❌  El controlador "hyperkit" no se puede utilizar en linux/amd64',
        "👎  Kein möglicher Treiber gefunden. Versuchen Sie --driver",
        "👎  Nie znaleziono żadnego możliwego sterownika.",
    ),
    "driver-root-refused": (
        '"docker" 驱动程序不应与 root 权限一起使用。',
        "「docker」ドライバーは root 権限で使用すべきではありません。",
        '"docker" 드라이버는 root 권한으로 실행되면 안 됩니다',
    ),
    "docker-daemon-down": (
        "找到 Docker，但 Docker 服务没有运行。尝试重新启动。",
        "도커를 찾았으나 docker service 가 실행중이지 않습니다",
        "Docker trouvé, mais le service docker ne fonctionne pas.",
    ),
    "profile-corrupt": (
        '未找到配置文件 "lab"。运行 "minikube profile list" 命令查看所有配置文件。',
        "Die VM, für welche Minikube konfiguriert wurde, existiert nicht mehr.",
    ),
    "k8s-version-unavailable": ("当前版本的 minikube 不支持 Kubernetes 1.40.0",),
    "k8s-registry-blocked": ("uzyskanie dostępu do Google Container Registry poprzez minikube nie powiodło się.",),
}


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in SAID.items() for text in texts])
def test_minikube_in_other_languages(rule: str, text: str) -> None:
    assert [one.rule.id for one in match(BOOK, text)][:1] == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "请求的内存分配（1900MB）小于推荐的最小值 2048MB。部署可能失败。",  # a warning
        "L'allocation de mémoire demandée (1900 Mo) est inférieure au minimum recommandé de 2048 Mo.",
        "サービスが見つかりません",
        "用户服务不健康，请稍后再试",
        "chmod: 正在更改 '/srv/data' 的权限: 不允许的操作",
    ],
)
def test_warnings_and_the_words_of_others_are_no_failures(text: str) -> None:
    assert match(BOOK, text) == []
