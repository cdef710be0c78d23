# kdoctor's eyes on another machine: a node, a VM, a host reached by ssh, a pod.
# Read by `sh -s -- COMMAND SECONDS [VALUE...]`; docs/vantages.md describes the answers.
# It only reads and asks. It writes no file, installs nothing, pulls nothing, sends no credential.
# POSIX shell: BusyBox ash, dash and bash run it. Values come as arguments, never in this text.

LC_ALL=C
export LC_ALL
PATH=${PATH:-/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/var/lib/rancher/k3s/data/current/bin:/var/lib/rancher/k3s/data/current/bin/aux
export PATH
set -uf
exec 4</dev/null # what `within` gives to a command as its input

say() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

# Prefix standard input: at most $1 lines.
lines() {
    left=$1
    while [ "$left" -gt 0 ] && { IFS= read -r line || [ -n "$line" ]; }; do
        say "| $line"
        left=$((left - 1))
    done
    [ "$left" -gt 0 ] || say cut
}

# within SECONDS COMMAND...: run it, killed when the time is up: then the status is 143.
# Not BusyBox's `timeout`, which has two syntaxes and leaves a process behind that holds the output open.
within() {
    seconds=$1
    shift
    if [ -z "${gnu_timeout+set}" ]; then
        gnu_timeout=
        if timeout --version >/dev/null 2>&1; then gnu_timeout=1; fi
    fi
    if [ -n "$gnu_timeout" ]; then
        timeout "$seconds" "$@" <&4
        status=$?
    else
        watched "$@"
        status=$?
    fi
    case $status in 124 | 137) status=143 ;; esac
    return "$status"
}
watched() {
    "$@" <&4 &
    pid=$!
    (
        # dash and ash may miss a signal just before they wait: then a nap of a second is lost, no more.
        nap=
        stop=
        trap 'stop=1; [ -z "$nap" ] || kill "$nap"' TERM
        while [ -z "$stop" ] && [ "$seconds" -gt 0 ]; do
            seconds=$((seconds - 1))
            sleep 1 &
            nap=$!
            [ -z "$stop" ] || kill "$nap"
            wait "$nap"
        done
        [ -n "$stop" ] || { kill "$pid"; exit 7; }
    ) >/dev/null 2>&1 </dev/null 4<&- &
    watch=$!
    wait "$pid" 2>/dev/null
    ended=$?
    kill "$watch" 2>/dev/null
    wait "$watch" 2>/dev/null
    [ "$?" != 7 ] || ended=143 # dig and nslookup end by themselves when they are told to
    return "$ended"
}

# ran TOOL SECONDS COMMAND...: run it and tell status and words.
ran() {
    tool=$1
    shift
    words=$(within "$@" 2>&1)
    status=$?
    say "ran $tool $status"
    [ -z "$words" ] || printf '%s\n' "$words" | lines 200
    return "$status"
}

# heard TOOL SECONDS COMMAND...: the same, its standard output thrown away
heard() {
    tool=$1
    shift
    words=$(within "$@" 2>&1 >/dev/null)
    status=$?
    say "ran $tool $status"
    [ -z "$words" ] || printf '%s\n' "$words" | lines 200
    return "$status"
}

# --- facts: the place and the settings of whoever pulls there ------------------------------------

# Nothing secret leaves the machine: user and password of URLs, values of keys that name a secret.
names_secret() {
    case $1 in
        *[Pp][Aa][Ss][Ss][Ww]* | *[Tt][Oo][Kk][Ee][Nn]* | *[Ss][Ee][Cc][Rr][Ee][Tt]* | *[Cc][Rr][Ee][Dd]* | \
            *[Aa][Uu][Tt][Hh] | *[Aa][Uu][Tt][Hh]\" | *[Aa][Uu][Tt][Hh]\ ) return 0 ;;
    esac
    return 1
}

mask() { # mask LINE: the result is in $line
    line=$1
    key=${line%%[=:]*}
    value=${line#*[=:]}
    if [ "$key" != "$line" ] && names_secret "$key"; then
        case $value in
            *[!\ \{\[]*) line="${line%"$value"} xxxxx"; return ;;
        esac
    fi
    case $line in
        *:*@* | *[Pp][Aa][Ss][Ss][Ww]*=* | *[Tt][Oo][Kk][Ee][Nn]*=* | *[Ss][Ee][Cc][Rr][Ee][Tt]*=*) ;;
        *) return ;;
    esac
    rest=$line
    line=
    while [ -n "$rest" ]; do
        word=${rest%%[\" \'\,]*}
        rest=${rest#"$word"}
        mask_word
        mark=${rest%"${rest#?}"}
        line=$line$word$mark
        rest=${rest#?}
    done
}
mask_word() {
    case $word in *=*)
        key=${word#*Environment=}
        if names_secret "${key%%=*}"; then
            word="${word%"$key"}${key%%=*}=xxxxx"
            return
        fi
        ;;
    esac
    case $word in
        *@sha256:*) ;;
        *://*@*) word="${word%%://*}://xxxxx:xxxxx@${word##*@}" ;;
        *=*:*@*) word="${word%%=*}=xxxxx:xxxxx@${word##*@}" ;;
        *:*@*) word="xxxxx:xxxxx@${word##*@}" ;;
    esac
}

# filtered FILTER: standard input line by line; a line that FILTER keeps back is shown empty, so that
# the numbers of the others stay.
filtered() {
    left=400
    more=
    while [ "$left" -gt 0 ] && { IFS= read -r raw || [ -n "$raw" ]; }; do
        if [ -n "$more" ] || "$1" "$raw"; then
            mask "$raw"
            say "| $line"
            case $raw in *\\) more=1 ;; *) more= ;; esac
        else
            say "| "
        fi
        left=$((left - 1))
    done
    [ "$left" -gt 0 ] || say cut
}
any() { :; }
# Of services only what sets their environment: command lines may hold tokens.
of_unit() { case $1 in \[* | Environment* | UnsetEnvironment* | DefaultEnvironment*) ;; *) return 1 ;; esac; }
of_environment() { case $1 in *PROXY* | *proxy* | *SSL_CERT*) ;; *) return 1 ;; esac; }
unit_lines() { filtered of_unit; }
environment_lines() { filtered of_environment; }
masked_lines() { filtered any; }

# A bundle may hold a private key as well: only what stands between the certificates' marks is shown.
certificates() {
    left=12000
    inside=
    while [ "$left" -gt 0 ] && { IFS= read -r line || [ -n "$line" ]; }; do
        case $line in *"-----BEGIN CERTIFICATE-----"*) inside=1 ;; esac
        [ -z "$inside" ] || say "| $line"
        case $line in *"-----END "*) inside= ;; esac
        left=$((left - 1))
    done
    [ "$left" -gt 0 ] || say cut
}

show() { # show PATH [FILTER]
    if [ ! -e "$1" ]; then
        if [ -L "$1" ]; then say "dangling $1"; fi
    elif [ -f "$1" ] && [ -r "$1" ]; then
        say "file $1"
        if [ -L "$1" ] && have readlink; then say "link $(readlink "$1")"; fi
        "${2:-masked_lines}" <"$1"
    elif [ ! -r "$1" ]; then
        say "hidden $1"
    fi
}

each() { # each PATTERN...: show the files that there are, at most 64 of a pattern
    for pattern; do
        count=0
        set +f
        for path in $pattern; do
            [ -f "$path" ] || [ -L "$path" ] || continue
            count=$((count + 1))
            if [ "$count" -gt 64 ]; then say "cut"; break; fi
            case $path in
                *.crt | *.pem) show "$path" certificates ;;
                *.service | *.service.d/*) show "$path" unit_lines ;;
                *.env | /etc/default/* | /etc/sysconfig/*) show "$path" environment_lines ;;
                *) show "$path" ;;
            esac
        done
        set -f
    done
}

tell_variable() { # tell_variable WHOSE NAME=VALUE
    case ${2%%=*} in
        HTTP_PROXY | HTTPS_PROXY | http_proxy | https_proxy)
            mask "$2"
            say "env $1 $line"
            ;;
        NO_PROXY | no_proxy | SSL_CERT_DIR) say "env $1 $2" ;;
        SSL_CERT_FILE)
            say "env $1 $2"
            show "${2#*=}" certificates
            ;;
        REQUEST_METHOD) say "env $1 REQUEST_METHOD=set" ;;
    esac
}

environment_of() { # environment_of PID
    # `true`, not `:`, whose failed redirection would end the shell
    if [ ! -r "/proc/$1/environ" ] || ! true 2>/dev/null <"/proc/$1/environ"; then
        say "hidden /proc/$1/environ"
    elif have tr; then
        tr '\000\n' '\n ' <"/proc/$1/environ" 2>/dev/null | while IFS= read -r pair; do
            tell_variable "$1" "$pair"
        done
    elif have bash; then
        bash -c 'while IFS= read -r -d "" pair; do printf "%s\n" "${pair//[[:cntrl:]]/ }"; done <"/proc/$1/environ"' \
            kdoctor "$1" 2>/dev/null | while IFS= read -r pair; do tell_variable "$1" "$pair"; done
    else
        say "hidden /proc/$1/environ"
    fi
}

# Processes of containers below this machine have more than one number.
has_one_number() {
    while IFS= read -r row; do
        case $row in NSpid:*)
            set -- ${row#NSpid:}
            [ "$#" -le 1 ]
            return
            ;;
        esac
    done
}

pullers() {
    found=0
    set +f
    for folder in /proc/[0-9]*; do
        name=
        { IFS= read -r name <"$folder/comm"; } 2>/dev/null || continue
        case $name in
            containerd | crio | dockerd | cri-dockerd | k3s-server | k3s-agent | rke2 | kubelet | buildkitd) ;;
            *) continue ;;
        esac
        { has_one_number <"$folder/status"; } 2>/dev/null || continue
        found=$((found + 1))
        [ "$found" -le 16 ] || break
        say "process ${folder#/proc/} $name"
        environment_of "${folder#/proc/}"
    done
    set -f
}

own_environment() {
    for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy SSL_CERT_FILE SSL_CERT_DIR; do
        eval "value=\${$name-}" # $name is one of the eight above
        [ -z "$value" ] || tell_variable self "$name=$value"
    done
}

tools() {
    found=
    for tool in getent nslookup dig curl wget nc openssl bash cat df date tr od hexdump xxd sleep timeout \
        crictl ctr docker kubectl; do
        if have "$tool"; then found="$found $tool"; fi
    done
    say "tools$found"
}

disks() { # disks PATH...: in KiB and in inodes
    have df || { say "lacks df"; return; }
    for path; do
        while [ ! -e "$path" ] && [ "$path" != / ]; do
            path=${path%/*}
            path=${path:-/}
        done
        say "disk $path"
        ran df 2 df -Pk "$path"
        ran df-inodes 2 df -Pi "$path"
    done
}

authorities() {
    for path in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
        /etc/ssl/ca-bundle.pem /etc/pki/tls/cacert.pem /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem \
        /etc/ssl/cert.pem; do
        if [ -f "$path" ] && [ -r "$path" ]; then
            show "$path" certificates
            break
        fi
    done
    count=0
    set +f
    for path in /etc/ssl/certs/*.pem /etc/ssl/certs/*.crt; do
        if [ -L "$path" ] || [ ! -f "$path" ] || [ "$path" = /etc/ssl/certs/ca-certificates.crt ]; then continue; fi
        count=$((count + 1))
        [ "$count" -le 20 ] || break
        show "$path" certificates
    done
    set -f
}

facts() {
    for name in ostype osrelease hostname; do
        value=
        { IFS= read -r value <"/proc/sys/kernel/$name"; } 2>/dev/null && say "$name $value"
    done
    if have uname; then say "arch $(uname -m)"; fi
    if have id; then say "uid $(id -u)"; fi
    if have date; then say "time $(date +%s)"; fi
    tools
    show /etc/resolv.conf
    show /etc/hosts
    show /etc/nsswitch.conf
    show /etc/os-release
    show /run/systemd/resolve/resolv.conf
    own_environment
    pullers
    for unit in containerd crio docker kubelet k3s k3s-agent rke2-server rke2-agent; do
        for base in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system; do
            each "$base/$unit.service" "$base/$unit.service.d/*.conf"
        done
        each "/etc/default/$unit" "/etc/sysconfig/$unit" "/etc/systemd/system/$unit.service.env"
    done
    if [ -d /run/systemd/system ]; then say "directory /run/systemd/system"; fi
    each /etc/containerd/config.toml '/etc/containerd/conf.d/*.toml' '/etc/containerd/certs.d/*/hosts.toml' \
        '/etc/containerd/certs.d/*/*.crt' '/etc/containerd/certs.d/*/*.pem' \
        /etc/crio/crio.conf '/etc/crio/crio.conf.d/*' /etc/containers/registries.conf \
        '/etc/containers/registries.conf.d/*.conf' '/etc/rancher/*/registries.yaml' \
        '/var/lib/rancher/*/agent/etc/containerd/certs.d/*/hosts.toml' \
        '/var/lib/rancher/*/agent/etc/containerd/config.toml' \
        /etc/docker/daemon.json '/etc/docker/certs.d/*/*.crt'
    authorities
    disks /var/lib/containerd /var/lib/docker /var/lib/containers /var/lib/rancher/k3s /
}

# --- names ---------------------------------------------------------------------------------------

names() { # names NAME: as programs there look it up that use the C library
    if ! have getent; then say "lacks getent"; else ran getent "$limit" getent ahosts "$1"; fi
}

as_hex() {
    if have od; then od -An -v -tx1
    elif have hexdump; then hexdump -v -e '1/1 "%02x "'
    else xxd -p
    fi
}

# The query is in octal escapes, \000 to \377 and nothing else.
# /dev/udp is bash's own. The first dd makes one datagram of the query, though printf writes it line by
# line; the second reads one.
by_datagram() { # by_datagram SERVER PORT QUERY
    within "$limit" bash -c '
        command -v dd >/dev/null || { echo "dd: not found" >&2; exit; }
        exec 3<>"/dev/udp/$1/$2" && printf "$3" | dd ibs=1 obs=4096 >&3 2>/dev/null && exec dd bs=4096 count=1 <&3' \
        kdoctor "$1" "$2" "$3" 2>&3 | as_hex
}

raw_question() { # raw_question SERVER PORT QUERY: fail where the tools are missing
    have bash && have dd && { have od || have hexdump || have xxd; } || return 1
    words=$(by_datagram "$@" 3>&1)
    case $words in *"not found"* | *"No such file"*) return 1 ;; esac # ash has a dd of its own, bash none
    say "ran bash-udp 0"
    printf '%s\n' "$words" | lines 300
}

question() { # question KIND SERVER PORT NAME QUERY
    say "question $1"
    if raw_question "$2" "$3" "$5"; then return; fi
    if have dig; then
        ran dig "$limit" dig "@$2" -p "$3" +time="$limit" +tries=1 +noall +comments +answer "$4" "$1"
    elif have nslookup && [ "$3" = 53 ]; then
        ran nslookup "$limit" nslookup "-type=$1" "$4" "$2"
    elif have nslookup; then
        ran nslookup "$limit" nslookup "-port=$3" "-type=$1" "$4" "$2"
    else
        say "lacks dig nslookup bash"
    fi
}

dns() { # dns SERVER PORT NAME KIND QUERY
    case $5 in *[!\\0-7]*) refuse ;; esac
    question "$4" "$1" "$2" "$3" "$5"
}

# --- connections ---------------------------------------------------------------------------------

is_busybox_nc() { nc --help 2>&1 </dev/null | { IFS= read -r first || :; case $first in *BusyBox*) return 0 ;; esac; return 1; }; }

connect() { # connect ADDRESS PORT: the first tool that can say
    if have bash; then
        if heard bash "$limit" bash -c 'exec 3<>"/dev/tcp/$1/$2"' kdoctor "$1" "$2"; then return 0; fi
        case $words in *"No such file"*) ;; *) return 1 ;; esac # a bash without network
    fi
    if have nc && is_busybox_nc; then
        heard nc-busybox "$((limit + 1))" nc -w "$limit" "$1" "$2"
    elif have nc; then
        heard nc "$((limit + 1))" nc -z -v -w "$limit" "$1" "$2"
    elif have curl; then
        at=$1
        case $at in *:*) at="[$at]" ;; esac
        heard curl "$((limit + 1))" curl -q -s -S -v --noproxy '*' -m "$limit" "telnet://$at:$2"
    elif have openssl; then
        at=$1
        case $at in *:*) at="[$at]" ;; esac
        ran openssl "$((limit + 1))" openssl s_client -state -connect "$at:$2"
    else
        say "lacks bash nc curl openssl"
        return 1
    fi
}

# relay ADDRESS PORT: after the line `stream`, standard input and output are the connection.
# The caller sends nothing before that line, so that this shell reads nothing of it ahead.
relay() {
    exec 4<&0
    life=15
    if have bash && have cat && have sleep; then
        bash -c "$BASH_RELAY" kdoctor "$1" "$2" "$limit" "$life" 2>/dev/null
        status=$?
        case $status in
            0) exit 0 ;;
            7) exec 4</dev/null; connect "$1" "$2" ;;
            *) say "ran bash $status" ;;
        esac
        return
    fi
    have nc || { say "lacks bash nc"; return; }
    exec 4</dev/null
    connect "$1" "$2" || [ "$status" = 143 ] || return
    exec 4<&0
    say stream
    within "$life" nc "$1" "$2" 2>/dev/null
    exit 0
}

# Connect within $3 seconds, copy both ways for $4 at most, leave no process behind.
BASH_RELAY='
guard() {
    watch=
    command -v sleep >/dev/null || return # ash has one of its own, bash none
    ( trap "kill \$nap; wait \$nap; exit" TERM; sleep "$1" & nap=$!; wait "$nap"; kill $$ ) \
        >/dev/null 2>&1 </dev/null 3>&- 4<&- &
    watch=$!
}
guard "$3"
exec 3<>"/dev/tcp/$1/$2" || { kill $watch; exit 7; }
kill $watch
echo stream
guard "$4"
trap "kill \$reader \$writer" TERM
cat <&3 4<&- & reader=$!
cat <&4 >&3 & writer=$!
wait -n "$reader" "$writer" || wait "$reader"
kill "$reader" "$writer" $watch
wait "$reader" "$writer"
exit 0
'

# https HOST PORT ADDRESS PROXY BUNDLE: GET /v2/ with the certificate verified; `none` for what there is not.
# For machines without a relay. The address was checked, so a tool that cannot be held to it (wget) is not used.
https() {
    host=$1 port=$2 address=$3 proxy=$4 bundle=$5
    case $address in *:*) address="[$address]" ;; esac
    if have curl; then
        set -- -q -s -S -i -m "$limit" --limit-rate 64k --http1.1 -A kdoctor
        [ "$bundle" = none ] || set -- "$@" --cacert "$bundle"
        if [ "$proxy" = none ]; then
            set -- "$@" --noproxy '*' --resolve "$host:$port:$address"
        else
            set -- "$@" --noproxy '' -x "http://$proxy"
        fi
        ran curl "$((limit + 1))" curl "$@" "https://$host:$port/v2/"
    elif have openssl; then
        case $host in
            *:*) set -- -verify_ip "$host" ;;
            *[!0-9.]*) set -- -servername "$host" -verify_hostname "$host" ;;
            *) set -- -verify_ip "$host" ;;
        esac
        set -- "$@" -verify_return_error
        [ "$bundle" = none ] || set -- "$@" -CAfile "$bundle"
        if [ "$proxy" = none ]; then
            set -- "$@" -connect "$address:$port"
        else
            set -- "$@" -proxy "$proxy" -connect "$host:$port"
        fi
        ran openssl "$limit" openssl s_client "$@"
    else
        say "lacks bash nc curl openssl"
    fi
}

ports() { # the listening TCP ports, as the kernel lists them
    show /proc/net/tcp
    show /proc/net/tcp6
}

# --- the rest ------------------------------------------------------------------------------------

find_tool() { # find_tool NAME
    path=$(command -v "$1" 2>/dev/null) && say "found $path"
}

refuse() {
    say "refused"
    say end
    exit 0
}

main() {
    say "kdoctor-vantage 1"
    [ "$#" -ge 2 ] || refuse
    command=$1
    limit=$2
    shift 2
    case $limit in '' | *[!0-9]* | ???*) refuse ;; esac
    for value; do
        case $value in -* | '') refuse ;; esac
    done
    case $command in
        facts | ports) [ "$#" = 0 ] || refuse ;;
        disks | find_tool | names) [ "$#" = 1 ] || refuse ;;
        connect | relay) [ "$#" = 2 ] || refuse ;;
        dns | https) [ "$#" = 5 ] || refuse ;;
        *) refuse ;;
    esac
    case $command in
        facts | find_tool | ports) ;;
        *) have sleep || timeout --version >/dev/null 2>&1 || { say "lacks sleep timeout"; say end; return; } ;;
    esac
    "$command" "$@"
    say end
}

# On one line: with `relay` more may stand on standard input, which is not for this shell.
main "$@"; exit 0
