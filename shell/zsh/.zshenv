# The start file of a pane's zsh: `zsh -il` with ZDOTDIR naming this folder, CW_ZDOTDIR the user's own ZDOTDIR (or
# empty, for HOME), and CW_RUN the pane's command. See ../cw.bash for the rules.
#
# Only this file is read from here: it puts ZDOTDIR back, and zsh looks for .zprofile, .zshrc and .zlogin where
# ZDOTDIR says by then. So /etc/zshrc and the user's files find everything as always, HISTFILE too.

# A history of this pane's own, in place of the one that the user's files name: from the first prompt on, and written
# line by line, since a shell that is killed writes none.
if [[ -o interactive && -n ${CW_HISTFILE-} ]]; then
  __cw_history='
    __cw_file=$CW_HISTFILE
    unset CW_HISTFILE __cw_history
    ((HISTSIZE < 1000)) && HISTSIZE=1000
    ((SAVEHIST < 1000)) && SAVEHIST=1000
    builtin fc -p -- "$__cw_file" $HISTSIZE $SAVEHIST
    setopt INC_APPEND_HISTORY
    unset __cw_file'
  zmodload zsh/sched
  sched +0 'eval "$__cw_history"'
else
  unset CW_HISTFILE
fi

if [[ ! -o interactive || ${CW_PID-$$} != $$ ]]; then
  unset CW_RUN CW_LINE CW_ENDED CW_PID # started by a start file of the pane's shell, but not the pane's shell
elif [[ -n ${CW_RUN-} ]]; then
  # Until the first prompt a fish that a start file `exec`s runs the command in our place.
  if [[ -z ${CW_PID-} ]]; then
    export CW_PID=$$ CW_SHELL=${${(%):-%x}:A:h:h}
    export CW_DATA_DIRS=${XDG_DATA_DIRS-} XDG_DATA_DIRS=$CW_SHELL/data:${XDG_DATA_DIRS:-/usr/local/share:/usr/share}
  fi
  # zsh has filled the line with blanks up to its end (PROMPT_SP). They would be folded into a second line where the
  # pane becomes narrower, as it does while its window is laid out, and push what the command prints out of sight.
  #
  # An entry of `sched` that is due at once runs before the first prompt, after all precmd hooks, at the top level,
  # and a .zshrc that sets its hooks anew does not undo it. (The theme powerlevel10k relies on the same.) What it
  # does is what zsh does for a typed line: history, preexec hooks, the command, the next prompt's precmd hooks.
  __cw_first='
    __cw_lent=$CW_SHELL/data:
    XDG_DATA_DIRS=${${XDG_DATA_DIRS-}//"$__cw_lent"/}
    if [[ -z ${CW_DATA_DIRS-} && $XDG_DATA_DIRS == /usr/local/share:/usr/share ]]; then unset XDG_DATA_DIRS; fi
    __cw_run=$CW_RUN
    __cw_line=${CW_LINE:-$CW_RUN}
    __cw_ended=${CW_ENDED-}
    unset CW_RUN CW_LINE CW_ENDED CW_PID CW_SHELL CW_DATA_DIRS __cw_first __cw_lent
    builtin print -rs -- "$__cw_line"
    if [[ -t 1 && $TERM != dumb ]]; then builtin printf "\r\033[2K"; fi
    for __cw_hook in preexec ${preexec_functions[@]-}; do
      if typeset -f -- "$__cw_hook" >/dev/null; then "$__cw_hook" "$__cw_run" "$__cw_run" "$__cw_run"; fi
    done
    unset __cw_hook
    __cw_began=${SECONDS:-0}
    eval "unset __cw_run __cw_line
$__cw_run"
    __cw_status=$?
    if [[ -n $__cw_ended ]]; then
      { builtin print -r -- "$__cw_status $((${SECONDS:-0} - __cw_began))" >|$__cw_ended } 2>/dev/null || :
    fi
    unset __cw_ended __cw_began
    for __cw_hook in precmd ${precmd_functions[@]-}; do
      if typeset -f -- "$__cw_hook" >/dev/null; then
        if [[ ! -o errexit ]]; then (exit $__cw_status); fi
        "$__cw_hook"
      fi
    done
    unset __cw_hook
    eval "unset __cw_status
if [[ ! -o errexit ]]; then (exit $__cw_status); fi"'
  zmodload zsh/sched
  sched +0 'eval "$__cw_first"'
fi

if [[ -n ${CW_ZDOTDIR-} ]]; then export ZDOTDIR=$CW_ZDOTDIR; else unset ZDOTDIR; fi
unset CW_ZDOTDIR
if [[ -r ${ZDOTDIR:-$HOME}/.zshenv ]]; then . ${ZDOTDIR:-$HOME}/.zshenv; fi
