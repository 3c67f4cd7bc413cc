# The start file of a pane's bash: `bash --rcfile cw.bash -i`, with the pane's command in CW_RUN.
#
# It reads what a login bash reads, and has the command run at the first prompt, inside this shell: Ctrl-Z, fg and
# job control work, and the shell outlives the command. Nothing is typed, so nothing is lost however slowly the
# user's own start files run. Without CW_RUN this is a plain shell. Nothing of ours is left in the shell or in its
# environment when the command starts.
#
# A start file may `exec` another shell. While the user's files run, the environment is such that a zsh or a fish
# that takes this process over runs the command in our place: CW_PID says which process may (exec keeps the pid; a
# shell that the start files merely start has another one, and leaves it alone). Any other shell starts plain, with
# CW_RUN still in its environment.
#
# As bash keeps $? across PROMPT_COMMAND, a typed `echo $?` does not tell how the command ended; the user's own
# PROMPT_COMMAND, and so most prompts, do see it.

if [[ -n ${CW_RUN-} ]]; then
  export CW_RUN CW_PID=$$ CW_SHELL=${BASH_SOURCE[0]%/*}
  export CW_ZDOTDIR=${ZDOTDIR-} ZDOTDIR=$CW_SHELL/zsh
  export CW_DATA_DIRS=${XDG_DATA_DIRS-} XDG_DATA_DIRS=$CW_SHELL/data:${XDG_DATA_DIRS:-/usr/local/share:/usr/share}
fi

# What a login bash reads. Who has none of the three personal ones has all in .bashrc.
if [[ -r /etc/profile ]]; then . /etc/profile; fi
if [[ -r ~/.bash_profile ]]; then
  . ~/.bash_profile
elif [[ -r ~/.bash_login ]]; then
  . ~/.bash_login
elif [[ -r ~/.profile ]]; then
  . ~/.profile
elif [[ -r ~/.bashrc ]]; then
  . ~/.bashrc
fi

# A history of this pane's own: bash reads it after this file. It is written at each prompt, since a shell that is
# killed writes none.
if [[ -n ${CW_HISTFILE-} ]]; then
  HISTFILE=$CW_HISTFILE
  if [[ ! $(declare -p PROMPT_COMMAND 2>/dev/null) =~ ^declare\ -[a-zA-Z]*r ]]; then
    if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
      PROMPT_COMMAND+=('history -a')
    else
      PROMPT_COMMAND="${PROMPT_COMMAND-}
history -a"
    fi
  fi
fi
unset -v CW_HISTFILE

if [[ -n ${CW_RUN-} && ${CW_PID-} == "$$" ]]; then
  # What was lent to a shell that could have taken over is taken back, unless the user's files set it anew.
  if [[ ${ZDOTDIR-} == "$CW_SHELL/zsh" ]]; then
    if [[ -n $CW_ZDOTDIR ]]; then ZDOTDIR=$CW_ZDOTDIR; else unset -v ZDOTDIR; fi
  fi
  XDG_DATA_DIRS=${XDG_DATA_DIRS-}
  XDG_DATA_DIRS=${XDG_DATA_DIRS//"$CW_SHELL/data:"/}
  if [[ -z $CW_DATA_DIRS && $XDG_DATA_DIRS == /usr/local/share:/usr/share ]]; then unset -v XDG_DATA_DIRS; fi
  # CW_LINE is the line for the history, where another one is run. CW_ENDED is a file that is told how it ended.
  __cw_run=$CW_RUN __cw_line=${CW_LINE:-$CW_RUN} __cw_ended=${CW_ENDED-}
  unset -v CW_RUN CW_LINE CW_ENDED CW_PID CW_SHELL CW_ZDOTDIR CW_DATA_DIRS

  # PROMPT_COMMAND as it is now (string, array, exported or unset), in words that make it again.
  __cw_saved=$(declare -p PROMPT_COMMAND 2>/dev/null) || __cw_saved=

  # Runs PROMPT_COMMAND as bash does before a prompt (an array whole from 5.1 on), $? being __cw_status.
  __cw_cycle='
    if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
      __cw_hooks=(${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"})
    else
      __cw_hooks=("${PROMPT_COMMAND-}")
    fi
    for __cw_hook in ${__cw_hooks[@]+"${__cw_hooks[@]}"}; do
      if [[ $__cw_status != 0 && $- != *e* ]]; then (exit "$__cw_status"); fi
      eval "$__cw_hook"
    done
    unset -v __cw_hooks __cw_hook __cw_status'
  __cw_command='
    if [[ -o history ]]; then history -s -- "$__cw_line"; fi
    __cw_began=${SECONDS:-0}
    eval "unset -v __cw_run __cw_line __cw_saved
$__cw_run"'
  # Its status, and the seconds that it took.
  __cw_note='
    if [[ -n $__cw_ended ]]; then
      { builtin printf "%s %s\n" "$__cw_status" "$((${SECONDS:-0} - __cw_began))" >|"$__cw_ended"; } 2>/dev/null || :
    fi
    unset -v __cw_ended __cw_began'

  if [[ $__cw_saved =~ ^declare\ -[a-zA-Z]*r ]]; then
    # Read-only (an administrator's audit of what is typed), so it stays as it is, and the first command that runs
    # after this file is its own: just before that one comes DEBUG. Nothing may follow here.
    __cw_saved=$(trap -p DEBUG)
    unset -v __cw_cycle
    trap 'trap - DEBUG
    eval "$__cw_saved
unset -v __cw_command
$__cw_command
    __cw_status=\$?
    unset -v __cw_note
$__cw_note
    unset -v __cw_status"' DEBUG
  else
    # This runs once, at the first prompt: history is loaded by then, and job control is on. It is text and not a
    # function, so that what it evaluates is at the top level as typed lines are. PROMPT_COMMAND is put back before
    # anything of the user's runs (it may change itself); then it runs as for a first prompt (direnv loads its
    # variables there), then the command, then it runs again as for the prompt that follows. Every part is safe
    # under `set -eu`. Ctrl-C in the command throws bash back to its top level, which does the last part by itself.
    unset -v PROMPT_COMMAND
    PROMPT_COMMAND='
    unset -v PROMPT_COMMAND
    eval "$__cw_saved"
    __cw_status=0'$__cw_cycle$__cw_command'
    __cw_status=$?'$__cw_note$__cw_cycle
    unset -v __cw_cycle __cw_command __cw_note
  fi
else
  unset -v CW_RUN CW_LINE CW_ENDED CW_PID
fi
