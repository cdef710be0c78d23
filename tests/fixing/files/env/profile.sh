# sourced by login shells
umask 027
export HTTP_PROXY=http://127.0.0.1:3128
export EDITOR=vi; export PAGER=less
[ -d "$HOME/bin" ] && PATH="$HOME/bin:$PATH"
