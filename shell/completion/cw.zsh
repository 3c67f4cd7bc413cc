#compdef cw claude-switch
# Completion of cw and claude-switch for zsh: a file _cw in a folder of $fpath, or, after compinit,
# source <(cw completion zsh)
_cw() {
  local line
  local -a described
  for line in ${(f)"$(cw completion words -- "${(@Q)words[1,CURRENT]}" 2>/dev/null)"}; do
    case $line in
      :files) _files && return ;;
      :folders) _files -/ && return ;;
      *) described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done
  (( $#described )) && _describe -V cw described
}
if [[ ${funcstack[1]-} == _cw ]]; then
  _cw "$@"
else
  compdef _cw cw claude-switch
fi
