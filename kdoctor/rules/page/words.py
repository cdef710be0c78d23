"""The words of the pages themselves, in English and Chinese; rules bring their own texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageWords:
    """One language. Braces are filled with str.format by names of rules, probes and platforms."""

    means: str
    summary: str
    engines: str
    occurs_on: str
    reads: str
    apart: str
    wins_over: str
    gives_way: str
    weak: str
    context: str
    looks_alike: str
    nothing_known: str
    is_why: str
    follows_from: str
    any_of_layer: str
    walk: str
    walk_step: str
    probed: str
    asks: str
    not_probed: str
    facet: Mapping[str, str]
    decides: Mapping[str, str]
    fills: str
    others_undecided: str
    confirmed: str
    refuted: str
    says: str
    all_of: str
    any_of: str
    none_of: str
    compare: Mapping[str, str]
    or_: str
    and_: str
    not_open: str
    helps: str
    no_fix: str
    braces: str
    risk: Mapping[str, str]
    proof: Mapping[str, str]
    offered_when: str
    only_when: str
    on: str
    every_platform: str
    file: str
    restart: str
    verify: str
    references: str
    by_layer: str
    by_message: str
    by_message_intro: str
    by_layer_intro: str
    generated: str
    rule: str
    failure: str
    full_stop: str
    comma: str
    colon: str


_ENGLISH = PageWords(
    means="What it means",
    summary="Layer {layer}, severity {severity}.",
    engines="Words of",
    occurs_on="Occurs on",
    reads="How it reads",
    apart="How it is told apart",
    wins_over="Where both are in one message, this one is meant and not",
    gives_way="Where both are in one message, it gives way to",
    weak="It gives way to every other failure in the text: it is then a consequence.",
    context="Its words count only where the text is about {context}.",
    looks_alike="Looks like it, but is {other}",
    nothing_known="no known failure",
    is_why="It is the cause, and these are consequences",
    follows_from="It is the consequence of these, where they are seen as well",
    any_of_layer="any failure of the layer {layer}",
    walk="kdoctor check finds it by itself, where",
    walk_step="the step {step} ends as {outcomes}",
    probed="What is probed",
    asks="{question} {facet}",
    not_probed="Nothing is probed; the verdict stays with the text.",
    facet={
        "network": "To be seen from the puller's own network.",
        "names": "To be seen with the puller's own resolv.conf and hosts file.",
        "trust": "To be seen with the puller's own network and certificates.",
        "settings": "To be seen with the puller's own settings.",
        "none": "Asked of this machine.",
    },
    decides={
        "confirms": "confirms it",
        "refutes": "refutes it",
        "speaks for it": "speaks for it; the rest must hold as well",
        "speaks against it": "speaks against it; the rest must hold as well",
        "does not confirm it": "does not confirm it",
        "open": "decides nothing alone",
    },
    fills="Its answer fills in {uses}.",
    others_undecided="What could not be seen, or was cut off, decides nothing: the verdict is then inconclusive.",
    confirmed="Confirmed when",
    refuted="Refuted when",
    says="It then says",
    all_of="all of these hold",
    any_of="one of these holds",
    none_of="none of these holds",
    compare={
        "equal": "{name} is {value}",
        "contains": "{name} has {value}",
        "exists": "{name} is known",
        "missing": "{name} is not known",
        "above": "{name} is above {value}",
        "below": "{name} is below {value}",
        "not": "{name} is not {value}",
        "under": "{name} is {value} or a name below it",
        "internal": "{name} belongs to a private network",
        "public": "{name} belongs to no private network",
    },
    or_=" or ",
    and_=" and ",
    not_open="not (",
    helps="What helps",
    no_fix="kdoctor knows no fix for it.",
    braces="Words in braces are filled in from the text and from this machine.",
    risk={
        "safe": "safe",
        "disruptive": "interrupts what runs",
        "destructive": "deletes data",
        "weakens-trust": "weakens security",
    },
    proof={
        "lab": "proven in the fault lab",
        "source": "read in the program's source",
        "docs": "from documentation",
    },
    offered_when="Offered when {condition}.",
    only_when="only when {condition}",
    on="On {platforms}",
    every_platform="every platform",
    file="File",
    restart=" With systemd:",
    verify="Then ask again",
    references="References",
    by_layer="Known failures",
    by_message="Known failures by message",
    by_message_intro="Words by which a failure is recognised, in alphabetical order. Case does not count.",
    by_layer_intro="From the proxy in front of the puller to the cluster. By message: {link}.",
    generated="generated from the files under rules/; edits here are lost.",
    rule="Rule",
    failure="Failure",
    full_stop=".",
    comma=", ",
    colon=": ",
)

_CHINESE = PageWords(
    means="含义",
    summary="层 {layer}，严重程度 {severity}。",
    engines="出自这些程序的文本",
    occurs_on="出现在",
    reads="典型文本",
    apart="如何与相近故障区分",
    wins_over="同一条消息中两者都出现时，是本故障，而不是",
    gives_way="同一条消息中两者都出现时，让位于",
    weak="只要文本中还有其他故障，它就让位，被视为其后果。",
    context="只有当文本涉及 {context} 时，这些词语才算数。",
    looks_alike="看起来相似，其实是 {other}",
    nothing_known="别的情况（并非已知故障）",
    is_why="它是原因，下列故障是后果",
    follows_from="同时看到下列故障时，它是后果",
    any_of_layer="{layer} 层的任何故障",
    walk="kdoctor check 会自行发现它，条件是",
    walk_step="步骤 {step} 的结果为 {outcomes}",
    probed="探测内容",
    asks="{question}{facet}",
    not_probed="没有任何探测；结论只依据文本。",
    facet={
        "network": "须从拉取方自己的网络中看。",
        "names": "须用拉取方自己的 resolv.conf 和 hosts 文件看。",
        "trust": "须用拉取方自己的网络和证书看。",
        "settings": "须用拉取方自己的设置看。",
        "none": "询问的是本机。",
    },
    decides={
        "confirms": "证实",
        "refutes": "排除",
        "speaks for it": "支持；其余条件也须成立",
        "speaks against it": "反对；其余条件也须成立",
        "does not confirm it": "不能证实",
        "open": "单独不能决定",
    },
    fills="它的回答用于 {uses}。",
    others_undecided="看不到的或超时中断的结果不作为依据：结论为未能证实。",
    confirmed="证实的条件",
    refuted="排除的条件",
    says="此时会说",
    all_of="以下全部成立",
    any_of="以下之一成立",
    none_of="以下都不成立",
    compare={
        "equal": "{name} 为 {value}",
        "contains": "{name} 含有 {value}",
        "exists": "{name} 已知",
        "missing": "{name} 未知",
        "above": "{name} 大于 {value}",
        "below": "{name} 小于 {value}",
        "not": "{name} 不为 {value}",
        "under": "{name} 为 {value} 或其下的名称",
        "internal": "{name} 属于私有网络",
        "public": "{name} 不属于私有网络",
    },
    or_=" 或 ",
    and_=" 且 ",
    not_open="非 (",
    helps="解决办法",
    no_fix="kdoctor 没有对应的修复方法。",
    braces="花括号中的内容由文本和本机的情况填入。",
    risk={
        "safe": "安全",
        "disruptive": "会中断正在运行的服务",
        "destructive": "会删除数据",
        "weakens-trust": "会降低安全性",
    },
    proof={"lab": "已在故障实验室中证明", "source": "依据程序源代码", "docs": "依据文档"},
    offered_when="提供条件：{condition}。",
    only_when="仅当 {condition}",
    on="在 {platforms} 上",
    every_platform="所有平台",
    file="文件",
    restart="使用 systemd 时：",
    verify="然后再确认一次",
    references="参考资料",
    by_layer="已知故障",
    by_message="按消息查找已知故障",
    by_message_intro="用来识别故障的词语，按字母顺序排列，不区分大小写。",
    by_layer_intro="从拉取方前面的代理一直到集群。按消息查找：{link}。",
    generated="根据 rules/ 下的文件生成；在此处的修改会丢失。",
    rule="规则",
    failure="故障",
    full_stop="。",
    comma="、",
    colon="：",
)

_ASKS_CHINESE = {
    "dns.resolvers": "该位置的 resolv.conf 指定了哪些解析器？",
    "dns.lookup": "按 Go 解析器的方式（依次询问每个名称服务器，或给定的那个），这个名称能解析吗？",
    "dns.elsewhere": "除给定的解析器外，别的解析器知道这个名称吗？公共解析器只用于公共仓库。",
    "dns.system": "getaddrinfo 对这个名称怎么说？",
    "tcp.connect": "该地址（主机:端口）接受 TCP 连接吗？",
    "proxy.settings": "拉取方的设置为这个 URL 指定了哪个代理，出自哪里？",
    "proxy.listeners": "设置的代理没有应答时，本机哪个端口像代理一样应答？",
    "proxy.speaks": "代理的端口使用什么协议？",
    "proxy.tunnel": "拉取方的代理（或给定的代理）允许 CONNECT 到仓库吗？",
    "tls.handshake": "经拉取方的路径、用它的 CA 文件，与仓库的 TLS 握手能通过验证吗？",
    "registry.ping": "经拉取方的路径、不带凭据，GET /v2/ 的回答是什么？",
    "registry.token": "仓库的令牌服务器会为这个镜像发放匿名令牌吗？",
    "registry.manifest": "不带凭据（HEAD），镜像的 manifest 在那里吗？",
    "registry.platform": "镜像有适合拉取方平台的变体吗？",
    "registry.blob": "镜像的配置和一个层的开头能经重定向从 blob 主机取到吗？",
    "registry.mirrors": "拉取方对该仓库会尝试哪些镜像站，每个都能用吗？",
    "registry.control": "经拉取方的路径，能到达别的知名仓库吗？",
    "registry.substitute": "从这里看，哪个已知的公共镜像站能提供该仓库的镜像？",
    "docker.ping": "在该用户会使用的 Docker 套接字上，有容器引擎应答吗？",
    "docker.config": "daemon.json 能解析吗，守护进程接受其中的键吗？",
    "config.file": "运行时、systemd 单元或解析器的配置文件写的内容，它的程序接受吗？",
    "docker.distribution": "让守护进程自己去问仓库要这个镜像时，它怎么说？",
    "docker.insecure": "守护进程把该仓库当作不安全的（允许明文 HTTP 或不验证 TLS）吗？",
    "docker.credentials": "Docker CLI 会对该仓库使用哪些凭据，凭据助手在吗？不会运行任何助手。",
    "host.disk": "存放镜像的地方还有空间吗？",
    "host.tool": "程序已安装并在 PATH 中吗？",
    "host.swap": "正在使用 swap 吗，kubelet 的配置允许吗？",
    "host.capacity": "本机或其引擎的 CPU 和内存够该工具用吗？",
    "host.port": "本机的这个 TCP 端口空闲吗，被谁占用？",
    "host.cgroup": "该 cgroup 控制器启用了吗（v2：使用的是 cgroup v2 吗）？",
    "host.inotify": "root 的 inotify 实例用完了吗？",
    "host.virtualization": "本机有虚拟化（KVM）吗，该用户可以使用吗？",
    "kernel.config": "正在运行的内核编译时包含该工具需要的功能吗？",
    "kernel.module": "该内核模块已加载、已内建，或可以加载吗？",
    "kernel.setting": "该内核网络参数（/proc/sys/net 下的路径）开着吗？",
    "node.leftovers": "有以前集群的文件或数据妨碍该工具吗？",
    "node.name": "主机名可以作为节点名吗，能解析吗？",
    "kube.config": "kubectl 有带当前上下文的 kubeconfig 吗？",
    "kube.api": "当前上下文（或给定地址）的 API 服务器有应答吗？",
    "node.cri": "在 kubeadm 会查找的地方有容器运行时在监听吗？",
    "host.userns": "该用户可以创建用户命名空间、并且有从属 ID 的范围吗？",
    "minikube.user": "minikube 允许该用户使用它的驱动吗？",
    "node.kubelet": "本机的 kubelet 在运行吗，它的健康检查端口在监听吗？",
    "host.clock": "本机的时钟与该仓库的一致吗？",
    "kube.context": "kubectl 的当前上下文是该工具的集群吗？",
    "kube.corefile": "当前上下文的集群的 Corefile 写的内容，CoreDNS 接受吗？",
    "kube.nodes": "当前上下文的集群的节点就绪了吗？",
    "docker.image": "本地引擎有这个镜像吗，它来自仓库还是本地构建？",
    "minikube.profile": "从文件以及容器或虚拟机看，minikube profile 处于什么状态？",
    "minikube.driver": "minikube 驱动已安装且可用吗？",
    "cluster.local": "有哪些本地集群（minikube、kind、k3d、k3s），它们在运行吗？",
}


def page_words(lang: str) -> PageWords:
    """Return the words of a language; English for one that is not there."""
    return _CHINESE if lang == "zh" else _ENGLISH


def question(kind: str, english: str, lang: str) -> str:
    """Return what a kind of probe asks, in English where there is no translation."""
    return _ASKS_CHINESE.get(kind, english) if lang == "zh" else english
