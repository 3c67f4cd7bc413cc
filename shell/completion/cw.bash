# Completion of cw and claude-switch for bash. In ~/.bashrc: eval "$(cw completion bash)"
_cw_complete() {
  local IFS=$'\n' line word at=$COMP_CWORD joined=${COMP_WORDS[COMP_CWORD]} cut=
  # Bash breaks words at = and at colons: what belongs to one word is put together again, and cut off of what is offered.
  while ((at > 1)) && [[ ${COMP_WORDS[at]} == [=:]* || ${COMP_WORDS[at - 1]} == [=:] ]]; do
    joined=${COMP_WORDS[at - 1]}$joined
    ((at--))
  done
  case $joined in *[=:]*) cut=${joined%"${joined##*[=:]}"} ;; esac
  COMPREPLY=()
  for line in $(cw completion words --bare -- "${COMP_WORDS[@]:0:at}" "$joined" 2>/dev/null); do
    case $line in
      :files) compopt -o default 2>/dev/null ;;
      :folders) compopt -o dirnames 2>/dev/null ;;
      *)
        printf -v word %q "${line#"$cut"}"
        COMPREPLY+=("$word")
        ;;
    esac
  done
}
complete -F _cw_complete cw claude-switch
