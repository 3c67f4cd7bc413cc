# The start file of a pane's sh, dash, ksh or mksh: `sh -i` with ENV naming this file, CW_ENV the user's own ENV (or
# empty), and CW_RUN the pane's command. See cw.bash for the rules. These shells have no hook of the first prompt
# (what PS1 runs, it runs in a subshell), but read $ENV last of all, with job control on: the command runs at the
# end of it. (ksh93 alone has no job control yet: there Ctrl-Z does nothing until the command ends.)
# Not `sh -l`: a .profile that sets ENV, as most do, would have this file passed over.

if [ -n "${CW_ENV-}" ]; then
  export ENV="$CW_ENV"
else
  unset ENV
fi
unset CW_ENV

# What a login shell reads, then what ENV or the shell's own default names.
if [ -r /etc/profile ]; then . /etc/profile; fi
if [ -r "$HOME/.profile" ]; then . "$HOME/.profile"; fi
if [ -n "${ENV-}" ]; then
  eval "__cw_env=\"$ENV\"" # POSIX has it expanded: ENV='$HOME/.shrc'
else
  case ${KSH_VERSION-} in
    *MIRBSD* | *LEGACY*) __cw_env=$HOME/.mkshrc ;;
    ?*) __cw_env=$HOME/.kshrc ;;
    *) __cw_env= ;;
  esac
fi
if [ -r "$__cw_env" ]; then . "$__cw_env"; fi
unset __cw_env

# ksh and mksh keep a history; a file of this pane's own.
if [ -n "${CW_HISTFILE-}" ]; then HISTFILE=$CW_HISTFILE; fi
unset CW_HISTFILE

if [ -n "${CW_RUN-}" ]; then
  __cw_run=$CW_RUN
  __cw_line=${CW_LINE:-$CW_RUN}
  __cw_ended=${CW_ENDED-}
  unset CW_RUN CW_LINE CW_ENDED CW_PID
  # ksh and mksh keep a history that can be added to.
  if [ -n "${KSH_VERSION-}" ]; then print -s -- "$__cw_line"; fi
  __cw_began=${SECONDS:-0}
  eval "unset __cw_run __cw_line
$__cw_run"
  __cw_status=$?
  # How it ended, and after how many seconds. (dash does not count them: 0.)
  if [ -n "$__cw_ended" ]; then
    { echo "$__cw_status $((${SECONDS:-0} - __cw_began))" >|"$__cw_ended"; } 2>/dev/null || :
  fi
  unset __cw_ended __cw_began
  case $- in
    *e*) unset __cw_status ;;
    *) eval "unset __cw_status; (exit $__cw_status)" ;;
  esac
else
  unset CW_RUN CW_LINE CW_ENDED CW_PID
fi
