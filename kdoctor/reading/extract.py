"""Facts that every text may hold, wherever they stand: image, registry, URL, addresses, engine.

The forms are those of Go's net and net/http errors and of the engines' envelopes
(catalogue, part A); the fact nearest before a failure is the one that it is about.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

from kdoctor.reading.engines import engine

_IMAGE_REF = (
    r"[a-zA-Z0-9][\w.-]{0,120}(?::\d{1,5}/)?(?:[\w./-]{0,200}[\w])?(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{6,64})?"
)
Searched = tuple[tuple[str, ...], str]
"""A pattern, behind words (lower case) of which every match has one: most texts need few patterns compiled."""

_QUOTED = rf"[\"'`]?\[?(?:docker://)?(?:docker\.io/library/)?(?P<v>{_IMAGE_REF})"

# Options of `docker run` and its likes whose value is the next word
_OPTION_VALUE = (
    r"(?:--(?:pull|platform|name|net(?:work)?|restart|entrypoint|user|volume|env(?:-file)?|publish|workdir|memory|cpus|gpus"
    r"|mount|hostname|add-host|dns|label|runtime|device|creds|authfile|namespace)|-[vpeuwmhn]) {1,3}[^\s-]\S{0,200}"
)
_IMAGE: tuple[Searched, ...] = (
    (("pulling image (",), rf"pulling image \([\w.-]{{1,128}}\) from {_QUOTED}"),
    (
        (
            "image",
            "push",
            "failed to resolve",
            "metadata",
            "verification failed for",
            "author of",
            "manifest",
            "access",
            "pull",
            "head request for",
            "download",
            "registry read",
        ),
        rf"(?:failed to pull (?:and unpack )?image|failed to resolve (?:ref(?:erence)?|image|source metadata for)|image with reference|failed to push to destination|pushing image to|failed to push|push permission for|(?:image )?verification failed for|failed to verify image|suggest the author of|failed to get sandbox image|back-off pulling image|pulling image|failed pulling image|container image|sandbox image|unable to find image|unable to get image|error downloading image|failed to start image|pull image|pullimage|unable to pull manifest from|trying to access|accessing|failed to pull kic(?:base)? image|error pulling image|failed to load image|couldn't parse image (?:reference|name)|image pull failed for|unable to pull(?: image)?|failed to inspect image|retrieving image|manifest head|(?:get|put|fetching) manifest|fetch image version|registry read(?:/write)? access to|read image|manifest from|head request for|error pulling(?= [\w./-]{{3,200}}:[\w.]{{1,60}} )|failed to download image|pullimage from image service failed|ensuring node image|pull access denied for|manifest for|requested image|download image|unable to download|errimagepull: ?(?=[ (:\n]{{1,3}}[\"'`]?[\w.-]{{1,120}}[:/][\w.-]))[ (:\n]{{1,3}}{_QUOTED}",
    ),
    (
        ("trying to pull",),
        r"\btrying to pull (?P<v>[a-z0-9][\w.-]{0,120}(?::\d{1,5})?/[\w./-]{1,200}:[\w][\w.-]{0,127}?)\.\.\.",
    ),
    (
        ("docker", "podman", "nerdctl", "crictl", "ctr", "skopeo", "crane"),
        rf"\b(?:(?:docker|podman)(?: image| container| manifest)?|nerdctl|crictl|ctr(?: -n \S+)?(?: images?)?|skopeo|crane) {{1,3}}(?:pull|push|run|create|inspect|copy|digest|manifest|config|export|validate)(?: {{1,3}}(?:{_OPTION_VALUE}|-{{1,2}}[\w-]+(?:=\S+)?)){{0,8}} {{1,3}}{_QUOTED}",
    ),
    (("inspect failed for",), rf"\binspect failed for\s{{1,16}}{_QUOTED}"),
    (("docker://",), rf"docker://(?![0-9a-f]{{64}}\b)(?P<v>{_IMAGE_REF})"),
    (("image",), rf"\bimage[\"']?\s?[:=]\s?{_QUOTED}"),
    (("remote=",), rf"\bremote={_QUOTED}"),
    (("pulling",), rf"\bpulling [\w.-]+ \((?P<v>{_IMAGE_REF}):?\)"),
    (("trying to pull",), rf"\btrying to pull (?:repository )?{_QUOTED}"),
    (("pulling repository",), r"\bpulling repository (?P<v>[a-z0-9][\w.-]{0,120}(?::\d{1,5})?(?:/[\w.-]{1,120}){0,6})"),
    (("cacheimage",), rf"\bcacheimage {_QUOTED} ->"),
    (("registry lookup failed",), rf"\bregistry lookup failed: {_QUOTED}"),
    (
        ("from",),
        rf"(?:^\s*(?:#?\d* ?\[.{{0,40}}\] |=> \[.{{0,60}}\] |\d{{1,4}} \| )?(?:>>> )?|`|\bstep \d+(?:/[\d.]+)? : )FROM (?:--platform=\S+ )?(?P<v>{_IMAGE_REF})",
    ),
    (
        ("load metadata", "resolve image config"),
        rf"(?:\[internal\] load metadata|resolve image config) for (?P<v>{_IMAGE_REF})",
    ),
    (("short-name",), rf"\bshort-name (?=[\"'`]){_QUOTED}"),
    (
        ("failed", "on source", "error", "cache key", "definition", "exceeded", "canceled", "unknown"),
        r"(?:failed(?: to solve)?|on source|error|cache key|definition|DeadlineExceeded|Canceled|Unknown): (?P<v>[a-z0-9][a-z0-9._/-]{1,200}(?::\d{1,5}/[a-z0-9._/-]{1,200})?:[\w][\w.-]{0,127})(?=:[ \n](?:not found|failed to|pull access|failed|unexpected|unauth|denied|error|no match)\b)",
    ),
    (
        ("failed to solve",),
        r"failed to solve: (?P<v>[a-z0-9][a-z0-9._/-]{1,200}(?::\w[\w.-]{0,127})?)(?=:\s{1,3}(?:pull access|failed to resolve source|no match for)\b)",
    ),
    (
        ("failed to resolve source",),
        r"(?P<v>[a-z0-9][a-z0-9._/-]{1,200}:\w[\w.-]{0,127}): failed to resolve source metadata",
    ),
    (("failed to copy",), r"(?P<v>[a-z0-9][a-z0-9._/-]{1,200}:\w[\w.-]{0,127}): failed to copy:"),
    (("reading manifest",), rf"\b(?:error )?reading manifest \S+ in (?P<v>{_IMAGE_REF})"),
    (("image",), rf"\bimage {_QUOTED}"),
    (("repository",), rf"\brepository {_QUOTED}(?= not found)"),
    (("push refers to",), rf"\bpush refers to (?:a )?repository \[(?P<v>{_IMAGE_REF})\]"),
    (("镜像为",), rf"镜像为 ?{_QUOTED}"),
    (
        ("pull",),
        r"\bpull(?:s|ing|ed)?(?: (?:of|the|large|image|images|(?:\(?e\.g\.,?)){1,3})? [\"'`](?P<v>[a-z0-9][\w./-]{2,200}:\w[\w.-]{0,127})[\"'`]",
    ),
    (
        ("pull",),
        r"pull (?P<v>[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){1,6}(?::\d{1,5})?/[a-z0-9][a-z0-9._/-]{0,200}:[a-z0-9_][a-z0-9_.-]{0,127})",
    ),
    (
        ("pulling", "container:"),
        r"(?:\bpulling:?|\bcontainer:) (?P<v>[a-z0-9][\w.-]{1,120}/[\w./-]{1,200}:\w[\w.-]{0,127})(?=[\s(]|$)",
    ),
    (("downloaded newer", "is up to date"), rf"(?:downloaded newer image for|image is up to date for) {_QUOTED}"),
    (("unpacking to", "naming to"), rf"\b(?:unpacking to|naming to) (?P<v>{_IMAGE_REF})"),
    (("default image tag",), rf"\bdefault image tag {_QUOTED}"),
    (("invalid argument",), rf"\binvalid argument {_QUOTED}(?=\"? for \"(?:-t, )?--tag)"),
    (("拉取",), rf"拉取(?:镜像)?(?:失败)?[：:]? ?(?=[\"'`]?[\w.-]+[:/][\w.-]){_QUOTED}"),
    (('"pu',), rf"\"(?:pull|push)\", ?{_QUOTED}"),
)
# The last resort: what is quoted before a colon and has a registry's form of name.
_QUOTED_NAME: Searched = (
    ('":', "':", "`", ": not found"),
    r"[\"'`](?P<v>[a-z0-9][\w-]{0,60}(?:\.[\w-]{1,60}){1,6}(?::\d{1,5})?/[\w./-]{1,200}:\w[\w.-]{0,127})(?:(?:\":|':|`:)(?=\s)|`(?=[\s).,;，。、])|(?=: not found\b))",
)
# After that a name with a tag that is no port, between backticks.
_IN_PROSE: Searched = (
    ("`",),
    r"`(?P<v>[a-z0-9][a-z0-9_-]{0,60}(?:[./][\w.-]{1,100}){0,6}:(?=[\w.-]{0,20}\d)(?=[\w.-]{0,40}[a-z.-])(?!(?:\d{1,3}\.){3}\d{1,3}`)\w[\w.-]{0,60})`",
)
_URL: Searched = (("://",), r"https?://[^\s\"'<>|\\`)\]}，。（]{1,400}")
_URL_PORT: Searched = (
    ("://",),
    r"(?<!proxy=)(?<!proxy=[\"'])(?<!proxy [\"'])(?<!proxy: )(?<!proxy )https?://(?:\[[0-9a-f:]{2,45}\]|[\w.-]{1,253}):(?P<v>\d{1,5})(?![\w:])",
)
_REQUEST: Searched = (("://",), r"\b(?:get|head|post|put|patch|delete) \\?\"?(?P<v>https?://)")
_PULLING = (
    ("pulling from",),
    r"(?:(?P<tag>[\w][\w.-]{0,127}|sha256:[0-9a-f]{64}): )?\bpulling from (?P<name>[a-z0-9][\w./-]{1,200}\w)(?![\w:]*:\d)",
)
_MANIFEST_URL = (
    ("/manifests/",),
    (
        r"https?://(?P<host>[\w.-]{1,253}(?::\d{1,5})?)/v2/(?P<name>[a-z0-9][\w./-]{0,200}?)"
        r"/manifests/(?P<reference>sha256:[0-9a-f]{6,64}|\w[\w.-]{0,127})"
    ),
)
# kubeadm's list of what is in the way names the ports one by one.
_PREFLIGHT_PORT: Searched = (("port-",), r"\[ERROR Port-(?P<v>\d{1,5})\\?\]")
_PATTERNS: Mapping[str, tuple[Searched, ...]] = {
    "resolver": (
        (
            ("lookup",),
            r"\blookup \S{1,255} on (?P<v>\[[0-9a-f:.%a-z]{2,60}\]:\d{1,5}|[0-9.]{7,15}:\d{1,5}|[0-9a-f:.]{2,45}:53)",
        ),
        (("->",), r"->(?P<v>(?:\[[0-9a-f:%.]{2,60}\]|[0-9.]{7,15}):53)\b"),
        ((":53",), r"\bdial (?:udp|tcp) (?P<v>(?:\[[0-9a-f:%.]{2,60}\]|[0-9.]{7,15}):53)\b"),
        (("communications error to",), r"communications error to (?P<v>[0-9a-f.:]{3,45}#53)"),
        (("server:",), r"^[\s#>]{0,8}Server:\s{1,16}(?P<v>[0-9.]{7,15}|[0-9a-f]{1,4}:[0-9a-f:.]{2,40})\s"),
    ),
    "host": (
        (("lookup",), r"\blookup\s{1,3}\"?(?P<v>[a-z0-9_][\w.-]{0,253}?)\"?(?: on |: |\.?$)"),
        (
            ("resolve", "lookup"),
            r"(?:could not|couldn't|cannot|failed to) (?:resolve|lookup)(?: proxy)?(?: host(?:name)?:?|:| proxy) '?\"?(?P<v>[a-z0-9][\w.-]{1,253})",
        ),
        (
            ("resolve", "lookup"),
            r"(?:could not|couldn't|cannot|failed to) (?:resolve|lookup) '?\"?(?P<v>[a-z0-9][\w-]{0,62}\.[\w.-]{1,190})",
        ),
        (("notfound", "ai_again"), r"\b(?:ENOTFOUND|EAI_AGAIN) (?P<v>[a-z0-9][\w.-]{1,253})"),
        (("unknownhostexception:",), r"UnknownHostException: (?P<v>[a-z0-9][\w.-]{1,253})"),
        (("bad address",), r"bad address '(?P<v>[a-z0-9][\w.-]{1,253})'"),
    ),
    "address": (
        (("dial",), r"\bdial (?:tcp|tcp4|tcp6) (?P<v>(?:\[[0-9a-f:.%\w]{2,60}\]|[\w.-]{1,253})?:\d{1,5})\b"),
        (("->",), r"->(?P<v>(?:\[[0-9a-f:%.\w]{2,60}\]|[0-9.]{7,15}):\d{1,5})\b"),
        (
            ("connect",),
            r"\b(?:failed to connect to|couldn't connect to|connecting to|connect to) (?P<v>[\w.-]{1,253}:\d{1,5})\b",
        ),
        (("was refused",), r"\bserver (?P<v>[\w.-]{1,253}:\d{1,5}) was refused"),
        (("dialing",), r"\bdialing (?P<v>[\w.-]{1,253}:\d{1,5})\b"),
        (("kubeadm join", "api server"), r"\b(?:kubeadm join|api server) \"?(?P<v>[\w.-]{1,253}:\d{1,5})\b"),
        (("server",), r"(?:--server[ =]|\bserver: )https?://(?P<v>[\w.-]{1,253}:\d{1,5})\b"),
        (("conn", "timedout"), r"\b(?:ECONNREFUSED|ETIMEDOUT|ECONNRESET) (?P<v>\[?[0-9a-f.:]{3,45}\]?:\d{1,5})\b"),
    ),
    "status": (
        (
            (),
            r"(?:unexpected status(?: code)?|received unexpected http status|failed with status code \[[^\]]{1,80}\]|invalid status code from registry|unexpected status from \w{3,7} request to \S{1,400}|status ?code|failed with status|error parsing http|unexpected status code \S{1,300}|bad response code|response|returned error|http error|server returned http response code|\[http)\W{1,4}(?P<v>[1-5]\d\d)\b",
        ),
        (("http",), r"\bHTTP (?P<v>[45]\d\d)\b"),
        (
            (
                "unauth",
                "forbidden",
                "error",
                "not found",
                "too many",
                "bad ",
                "unavailable",
                "gateway time",
                "required",
                "requested range",
                "precondition",
            ),
            r"\b(?P<v>[45]\d\d) \(?(?:Unauthorized|Forbidden|Client Error|Server Error|Not Found|Too Many Requests|Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out|Proxy Authentication Required|Unavailable For Legal Reasons|Requested Range|Bad Request|Precondition)",
        ),
    ),
    "platform": (
        (("no matching manifest",), r"no matching manifest for (?P<v>[a-z0-9]+/[\w./]{2,20})"),
        (("platform",), r"\bplatform[ :=(\"']{1,4}(?P<v>(?:linux|windows|darwin)/[\w/]{2,16})"),
        (("platform",), r"\bdocker run [^\n]{0,200}--platform[ =](?P<v>[a-z0-9]{3,8}(?:/[\w.]{2,10}){0,2})\b"),
    ),
    "socket": (
        (("://",), r"(?P<v>(?:unix|npipe|tcp)://[^\s\"'<>)]{3,120})"),
        (("dial unix",), r"\bdial unix (?P<v>/[^\s:\"']{2,120})"),
        ((".sock",), r"(?P<v>/[\w./-]{3,80}\.sock)\b"),
    ),
    "path": (
        (
            (),
            r"\b(?:open|stat|mkdir|write|read|lstat|chmod|exec|access|remove|unlink|rename|create|symlink) (?P<v>(?:/|[A-Z]:\\)[^\s:\"'>]{1,200}?)(?=[:\s\"']|$)",
        ),
        (
            (),
            r"(?:^|[\s\"'=(`])(?P<v>/(?:etc|var|run|home|root|usr|tmp|opt|Users|lib|mnt|data|proc|sys|dev|boot|srv)/[^\s:\"',)`>]{1,200})(?![\w.-]{0,200}>)",
        ),
        (("\\",), r"(?P<v>[A-Z]:\\(?:[^\\\s:\"'>]{1,60}\\){1,8}[^\\\s:\"'>]{1,80})(?![^\\\s:\"'])"),
    ),
    "proxy": (
        (("proxyconnect tcp",), r"proxyconnect tcp: dial tcp (?P<v>(?:\[[0-9a-f:.%]{2,60}\]|[\w.-]{1,253}):\d{1,5})"),
        (
            ("proxyconnect tcp",),
            r"proxyconnect tcp: (?:dial tcp:? )?lookup \"?(?P<v>[a-z0-9_][\w.-]{0,253}?)\.?\"?(?: on |:)",
        ),
        (("socks connect",), r"\bsocks connect tcp (?P<v>\S{3,255}?)->"),
        (("connecting to proxy",), r"error connecting to proxy (?P<v>https?://\S{3,255}?):? "),
        (("uses proxy",), r"uses proxy \"?(?P<v>https?://[^\s\"]{3,255})"),
        (("_proxy=",), r"HTTPS?_PROXY=\"?(?P<v>(?:https?|socks5h?)://[^\s\",]{3,255})"),
        (("_proxy=",), r"[▪•*-] HTTPS?_PROXY=(?P<v>[a-z0-9][\w.-]{0,253}:\d{1,5})\b"),
    ),
}
KINDS = frozenset((*_PATTERNS, "image", "url", "registry", "port", "engine"))
"""The names of the facts that are looked for in every text."""

_REGISTRY: tuple[Searched, ...] = (
    (("://",), r"https?://(?P<v>(?:\[[0-9a-f:]{2,45}\]|[\w.-]{1,253})(?::\d{1,5})?)/v[12]/"),
    (
        (
            "registry",
            "server gave http response",
            "pulling from host",
            "trouble accessing",
            "failing to connect to",
            "login attempt to",
            "authenticating creds for",
            "logging in to",
            "logging into",
            "authenticate to",
        ),
        r"\b(?:pinging (?:container|docker) registry|pulling from host|trouble accessing|failing to connect to|login attempt to|authenticating creds for|logging in to|logging into|authenticate to|server gave http response.{0,40}registry) \"?(?:https?://)?(?P<v>[a-z0-9][\w.-]{1,253}(?::\d{1,5})?)",
    ),
    (("://",), r"https?://(?P<v>(?:\[[0-9a-f:]{2,45}\]|[\w.-]{1,253})(?::\d{1,5})?)"),
    (("nc: connect to",), r"\bnc: connect to (?P<v>[a-z0-9][\w.-]{1,253}) port \d"),
    (("push refers to",), r"\bpush refers to (?:a )?repository \[(?P<v>[\w.-]{1,253}(?::\d{1,5})?)/"),
    (
        ("login",),
        r"\b(?:docker|podman|buildah|skopeo|nerdctl|helm registry|oras|crane auth) login (?:--password-stdin |-{1,2}\S+[ =]\S+ ){0,4}(?:https?://)?(?P<v>[a-z0-9][\w.-]{1,253}(?::\d{1,5})?)",
    ),
    (
        ("/v2/", "upload"),
        r"(?: /v2/[^\s\"]{1,300} in|(?:upload blob|uploading manifest) \S{1,200} to) (?P<v>[\w.-]{1,253}(?::\d{1,5})?)(?:/[^\s:\"]{1,255})?:",
    ),
    (
        ("/...",),
        r"[\"'`\s](?P<v>[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,6}(?::\d{1,5})?)/\.\.\.",
    ),
    ((".docker.io",), r"(?<![\w./-])(?P<v>(?:registry-1|index)\.docker\.io)\b"),
)
# Hosts of pages for people that errors point to.
_PAGES = re.compile(
    r"(?:www|docs|status|support|help|blog|schemas?)\.|json-schema\.org|aka\.ms$|docs\.|github\.com$|access\.redhat\.com$|hub\.docker\.com$|cloud\.google\.com$|learn\.microsoft\.com$|\w+\.sigs\.k8s\.io$",
    re.IGNORECASE,
)
_GUIDE = re.compile(r"//(?:docs\.|[^/]{1,100}/docs/)")
"""A page for people that errors point to."""
# What stands where a name is left out: what comes before is a registry, not an image.
_LEFT_OUT = ("/...", "/…", "/<", "/[", "/$")
_TRAILING = ".,:;!?'\"`)"
_NOT_IMAGES = frozenset(
    {"the", "for", "from", "a", "an", "is", "to", "with", "and", "in", "not", "could", "because", "was", "failed", "id", "name", "on",
     "pull", "push", "pushed", "signature", "signatures", "verification", "image", "images", "formats", "reference", "platform", "any", "this", "that", "it", "library", "config", "has", "can", "all", "some", "docker.io", "https", "http", "null",
     "present", "found", "digest", "or", "of", "error", "manifest", "does", "layers", "layer", "already", "may", "by", "policy", "tag", "be", "secrets",
     "kic", "rpc", "unexpected", "no", "source", "service", "get", "head", "configuration", "exists", "format", "locally", "operating", "repository", "cannot", "using", "via", "at", "ref",
     "index", "latest", "request", "requests", "command", "commands", "limit", "limits", "rate", "fails", "fail", "errors", "denied", "timeout", "times", "access", "returns", "ends", "gives", "then", "when", "if", "which", "but", "there", "into", "will", "would", "should", "must", "only", "are", "were", "after", "before", "as",
     "you", "your", "we", "my", "our", "its", "names", "tags", "size", "version", "server", "registry", "store", "storage", "cache", "path", "file", "itself", "contains", "still", "also",
     "pulls", "err", "attempt", "attempts", "step", "stage", "pinging", "initializing", "reading", "remote", "inspect", "unknown", "x509", "tls", "dial", "lookup", "read", "write", "eof", "connection", "context", "aliases", "alias", "net/http", "proxyconnect", "connectex",
     "api", "connect", "connecting", "defaults", "whose", "garbage", "rootfs", "prune", "runs", "starts", "built", "name/tag", "loading", "being",
     "de", "du", "des", "est", "et", "le", "la", "les", "en", "que", "se", "der", "die", "das", "ist", "nicht", "von", "mit", "auf",
     "ghcr.io", "quay.io", "gcr.io", "k8s.gcr.io", "registry.k8s.io", "mcr.microsoft.com", "public.ecr.aws", "nvcr.io"}
)  # fmt: skip


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile when first needed: most runs need few of these."""
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


_lowered = functools.lru_cache(maxsize=4)(str.lower)


@functools.lru_cache(maxsize=512)
def _matches(searched: Searched, text: str) -> tuple[re.Match[str], ...]:
    """Return where a pattern matches; the rules of one record ask the same of it one after the other."""
    words, pattern = searched
    if words and not any(word in _lowered(text) for word in words):
        return ()
    return tuple(_compiled(pattern).finditer(text))


def facts(name: str, text: str, before: int) -> Iterator[str]:
    """Yield candidates of the fact `name` in `text`, the likeliest for a failure at `before` first."""
    if name == "image":
        yield from _images(text, before)
    elif name == "url":
        yield from _urls(text, before)
    elif name == "registry":
        yield from _registries(text, before)
    elif name == "port":
        yield from (found["v"] for found in _matches(_PREFLIGHT_PORT, text))
        for address in facts("address", text, before):
            yield address.rpartition(":")[2]
        yield from (found["v"] for found in _matches(_URL_PORT, text))
    elif name == "engine":
        found = engine(text)
        if found:
            yield found
    else:
        for searched in _PATTERNS.get(name, ()):
            yield from _near(((m.start("v"), _trimmed(m["v"])) for m in _matches(searched, text)), before)


def _near(found: Iterator[tuple[int, str]], before: int) -> Iterator[str]:
    """Order by nearness: what stands before the failure first, the last of it first."""
    all_found = [(at, value) for at, value in found if value]
    yield from (value for at, value in reversed(all_found) if at <= before)
    yield from (value for at, value in all_found if at > before)


def _images(text: str, before: int) -> Iterator[str]:
    for searched in (*_IMAGE, _QUOTED_NAME, _IN_PROSE):
        found = (
            (m.start("v"), _trimmed(m["v"]))
            for m in _matches(searched, text)
            if "/" in m["v"] or not text.startswith(_LEFT_OUT, m.end("v"))
        )
        yield from _near(((at, _tagged(v, text)) for at, v in found if plausible_image(v)), before)
    yield from _near((_of_pulling(m, text) for m in _matches(_PULLING, text)), before)
    yield from _near((_of_manifest_url(m) for m in _matches(_MANIFEST_URL, text)), before)


def _tagged(image: str, text: str) -> str:
    """Return the image with its tag where the text names one elsewhere, and only one: some messages leave it out."""
    if ":" in image.rpartition("/")[2] or "@" in image:
        return image
    tags = set(re.findall(rf"(?<![\w./-]){re.escape(image)}:(\w[\w.-]{{0,127}})(?![\w/])", text))
    return f"{image}:{_trimmed(tags.pop())}" if len(tags) == 1 else image


def _of_pulling(found: re.Match[str], text: str) -> tuple[int, str]:
    """Return place and image of docker's `TAG: Pulling from NAME`, which leaves the registry out.

    The registry is that of the text's API URL; without one the name is no image that could be asked for,
    unless it is Docker Hub's own `library/`.
    """
    name, tag = found["name"], found["tag"]
    api = next(iter(_matches(_REGISTRY[0], text)), None)
    if "." not in name.partition("/")[0] and not name.startswith("library/"):
        if api is None:
            return found.start(), ""
        host = api["v"]
        name = name if host.endswith("docker.io") else f"{host}/{name}"
    if tag is None:
        return found.start(), name
    return found.start(), f"{name}@{tag}" if tag.startswith("sha256:") else f"{name}:{tag}"


def _of_manifest_url(found: re.Match[str]) -> tuple[int, str]:
    """Return place and image of a manifest's URL (OCI distribution, pulling manifests)."""
    host = "docker.io" if found["host"].endswith("docker.io") else found["host"]
    joint = "@" if found["reference"].startswith("sha256:") else ":"
    return found.start(), f"{host}/{found['name']}{joint}{found['reference']}"


def plausible_image(value: str) -> bool:
    """Tell whether a word that stands where an image would is one."""
    lower = value.lower()
    return (
        lower not in _NOT_IMAGES
        and len(value) > 1
        and not lower.startswith(("http:", "https:", "sha256:"))
        and not lower.endswith(("-", "_", "/"))
        and not re.fullmatch(r"v?\d+(?:\.\d+)*", lower)
        and not re.fullmatch(r"(?:linux|windows|darwin|unknown)(?:/[\w.]{1,12}){1,2}", lower)
        and not re.match(r"(?:pod|deploy(?:ment)?|daemonset|statefulset|replicaset|cronjob|job)/", lower)
    )


def _urls(text: str, before: int) -> Iterator[str]:
    found = [(m.start(), without_userinfo(_trimmed(m[0].partition("?checksum=")[0]))) for m in _matches(_URL, text)]
    found = [
        (at, url) for at, url in found if not {"*", "$"} & set(url) and not url.endswith("//") and "//." not in url
    ]  # a log's mask and a script's variable, be it empty, are nobody's host
    api = [(at, url) for at, url in found if re.search(r"/v[12]/", url)]
    line_start = text.rfind("\n", 0, before) + 1
    line_end = text.find("\n", before)
    yield from (url for at, url in api if line_start <= at <= before)
    requests = {m.start("v") for m in _matches(_REQUEST, text)}
    yield from (url for at, url in found if at in requests and line_start <= at < (line_end + 1 or len(text)))
    yield from _near(((at, url) for at, url in found if not _GUIDE.search(url)), before)


def _registries(text: str, before: int) -> Iterator[str]:
    line_start = text.rfind("\n", 0, before) + 1
    for searched in _REGISTRY:
        found = [(m.start("v"), _trimmed(m["v"].rpartition("@")[2])) for m in _matches(searched, text)]
        found = [(at, host) for at, host in found if "." in host or ":" in host or host == "localhost"]
        found = [(at, host) for at, host in found if not (host.startswith(".") or _PAGES.match(host))]
        yield from (host for at, host in found if line_start <= at <= before)
        yield from _near(iter(found), before)


def _trimmed(value: str) -> str:
    value = value.rstrip(_TRAILING)
    return value[:-1] if value.endswith("/") and value.count("/") == 1 and "://" not in value else value


def without_userinfo(url: str) -> str:
    """Return the URL without user and password."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
